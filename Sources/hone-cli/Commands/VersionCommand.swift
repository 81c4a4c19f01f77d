import ArgumentParser
import HoneTrace

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")
  static let version = "0.1.0"

  @OptionGroup var global: GlobalOptions

  func run() {
    let console = global.console()
    if console.json {
      console.json("hone.version/1", ["version": .string(Self.version)])
    } else {
      console.data("hone \(Self.version)")
    }
  }
}
