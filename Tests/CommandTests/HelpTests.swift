import Foundation
import HoneTrace
import Testing

@Suite struct HelpTests {
  static let commands = [
    "init", "check", "tune", "replay", "best", "status", "list", "show", "diff", "logs", "export", "import", "db",
    "completions", "version",
  ]

  @Test func rootNamesEveryCommand() async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run("--help")
    #expect(result.code == 0)
    #expect(result.error.isEmpty)
    for command in Self.commands { #expect(result.out.contains("\n  \(command) "), "\(command) is not in the help") }
  }

  @Test func versionIsAnOptionToo() async throws {
    let program = try Program()
    defer { program.remove() }
    let option = try await program.run("--version")
    #expect(option.code == 0 && option.error.isEmpty)
    #expect(option.out == (try await program.run("version").out))
  }

  @Test(arguments: commands) func everyCommandHasHelp(_ command: String) async throws {
    let program = try Program()
    defer { program.remove() }
    for arguments in [[command, "--help"], ["help", command]] {
      let result = try await program.run(arguments)
      #expect(result.code == 0)
      #expect(result.out.contains("USAGE: hone \(command)"))
      #expect(result.error.isEmpty)
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completionsNameEveryCommand(_ shell: String) async throws {
    let program = try Program()
    defer { program.remove() }
    let script = try await program.run("completions", shell).out
    for command in Self.commands { #expect(script.contains(command), "\(command) in \(shell)") }
  }

  @Test func optionsMayStandBeforeTheCommand() async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run("--json", "--color", "never", "version")
    #expect(try result.objects().first?["schema"] == "hone.version/1")
  }

  /// Every schema the program prints is documented, and no documented one has died out.
  @Test func documentedSchemas() throws {
    let sources = Program.sources.appendingPathComponent("Sources/hone-cli")
    let names = /hone\.[a-z]+\/[0-9]+/
    var printed: Set<String> = []
    for case let url as URL in FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil) ?? .init()
    where url.pathExtension == "swift" {
      let text = try String(contentsOf: url, encoding: .utf8)
      printed.formUnion(text.matches(of: names).map { String($0.output) })
    }
    let page = Program.sources.appendingPathComponent("Documentation/Formats/cli-json.md")
    let documented = Set(try String(contentsOf: page, encoding: .utf8).matches(of: names).map { String($0.output) })
    #expect(printed == documented)
  }
}
