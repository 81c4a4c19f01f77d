import ArgumentParser
import Foundation

/// Options of every command.
struct GlobalOptions: ParsableArguments {
  @Flag(name: [.customShort("q"), .long], help: "Print results and errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print more; -vv prints every request.")
  var verbose: Int

  @Flag(help: "Print data as JSON, one object a line.")
  var json = false

  @Option(help: "When to use colour: auto, always or never.")
  var color: Terminal.Color?

  @Flag(help: "The same as --color never.")
  var noColor = false

  @Flag(help: "No colour, no progress line: for screen readers and logs.")
  var plain = false

  func console(environment: [String: String] = ProcessInfo.processInfo.environment) -> Console {
    let verbosity: Console.Verbosity = quiet ? .quiet : verbose > 1 ? .debug : verbose == 1 ? .verbose : .normal
    let color: Terminal.Color =
      noColor ? .never : color ?? environment["HONE_COLOR"].flatMap(Terminal.Color.init(rawValue:)) ?? .auto
    return Console(verbosity: verbosity, json: json, color: color, plain: plain, environment: environment)
  }
}

extension Terminal.Color: ExpressibleByArgument {}

/// The options of commands that open a database.
struct DatabaseOptions: ParsableArguments {
  @Option(
    name: .customLong("db"),
    help: ArgumentHelp("Database file (default: $HONE_DB, else hone.db here).", valueName: "file"))
  var path: String?

  func setting(environment: [String: String] = ProcessInfo.processInfo.environment) -> Setting<String> {
    .first(("--db", path), ("HONE_DB", environment["HONE_DB"]), default: "hone.db")
  }
}

extension Setting<String> {
  /// ` --db FILE` in a command that is shown to be copied; empty where the environment names the database or nobody does.
  var place: String { origin == "--db" ? " --db \(Shell.quoted(value))" : "" }
}
