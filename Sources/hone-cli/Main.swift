import ArgumentParser
import Foundation

/// `hone`: the table of contents of the program.
struct Root: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hone",
    abstract: "Tunes workflows that call language models.",
    discussion: """
      Start here:
        hone init                 write a task file that runs offline at once
        hone check TASK           what it would do, and what it would cost
        hone tune TASK            improve it; run it again to go on
        hone best STUDY           the winner
      """,
    version: "hone \(VersionCommand.version)",
    groupedSubcommands: [
      CommandGroup(
        name: "Tune",
        subcommands: [InitCommand.self, CheckCommand.self, TuneCommand.self, BestCommand.self, ReplayCommand.self]),
      CommandGroup(
        name: "Look",
        subcommands: [StatusCommand.self, ListCommand.self, ShowCommand.self, DiffCommand.self, LogsCommand.self]),
      CommandGroup(
        name: "Keep", subcommands: [ExportCommand.self, ImportCommand.self, DatabaseCommand.self]),
      CommandGroup(name: "Other", subcommands: [CompletionsCommand.self, VersionCommand.self]),
    ])

  static var _errorLabel: String { "error" }
}

@main
enum Main {
  static func main() async {
    // A reader that goes away is found out by the failing write, and must not kill a study.
    signal(SIGPIPE, SIG_IGN)
    let arguments = leadingOptionsMoved(Array(CommandLine.arguments.dropFirst()))
    do {
      var command = try Root.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      end(with: error, arguments: arguments)
    }
  }

  /// Help and usage errors are the argument parser's; all others are shown as `error:` and `hint:`.
  private static func end(with error: any Error, arguments: [String]) -> Never {
    let code = Root.exitCode(for: error)
    if code == .success {
      let text = Root.fullMessage(for: error)
      exit(Console.write(text + "\n", to: STDOUT_FILENO) == ENOSPC ? Exit.io.rawValue : Exit.done.rawValue)
    }
    if code == .validationFailure {
      _ = Console.write(Root.fullMessage(for: error) + "\n", to: STDERR_FILENO)
      exit(Exit.usage.rawValue)
    }
    let options = GlobalOptions.reading(arguments)
    let failure = Failure(error)
    failure.print(on: options.console())
    exit(failure.exit.rawValue)
  }

  /// `hone --json list` is `hone list --json`: options that every command has may stand before its name.
  static func leadingOptionsMoved(_ arguments: [String]) -> [String] {
    var leading: [String] = []
    var rest = arguments[...]
    while let first = rest.first, first.hasPrefix("-"), !["-h", "--help", "--version", "--"].contains(first) {
      if first.hasPrefix("--generate-completion-script") || first == "--experimental-dump-help" { return arguments }
      leading.append(rest.removeFirst())
      if ["--color", "--db"].contains(first), let value = rest.first {
        leading.append(value)
        rest.removeFirst()
      }
    }
    guard let name = rest.first, !name.hasPrefix("-") else { return arguments }
    return [name] + (name == "db" ? Array(rest.dropFirst()) + leading : leading + Array(rest.dropFirst()))
  }
}

extension GlobalOptions {
  /// The options as far as they can be read from arguments that failed, so that the error is shown as was asked.
  static func reading(_ arguments: [String]) -> GlobalOptions {
    let known: Set = ["-q", "--quiet", "-v", "--verbose", "-vv", "--json", "--no-color", "--plain"]
    let options = arguments.prefix { $0 != "--" }.filter(known.contains)
    return (try? GlobalOptions.parse(options)) ?? GlobalOptions()
  }
}
