import ArgumentParser

struct CompletionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Print a completion script for a shell.",
    discussion: """
      bash:  hone completions bash > ~/.local/share/bash-completion/completions/hone
      zsh:   hone completions zsh > ~/.zfunc/_hone
      fish:  hone completions fish > ~/.config/fish/completions/hone.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

  @OptionGroup var global: GlobalOptions
  @Argument(help: "bash, zsh or fish.") var shell: Shell

  func run() {
    let script =
      switch shell {
      case .bash: Root.completionScript(for: .bash)
      case .zsh: Root.completionScript(for: .zsh)
      case .fish: Root.completionScript(for: .fish)
      }
    global.console().data(script)
  }
}
