import ArgumentParser
import Foundation
import HoneStore
import HoneTrace

struct DatabaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db", abstract: "Check, copy or rescue the database, or print its path.",
    subcommands: [Check.self, Backup.self, Recover.self, Path.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Look for damage; exit 65 when there is any.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
      let console = global.console()
      let reader = try await StudyReader(database)
      let problems = try await reader.store.check()
      if console.json {
        console.json(
          "hone.database/1",
          [
            "path": .string(reader.path), "sound": .bool(problems.isEmpty),
            "problems": .array(problems.map { .string($0) }),
          ])
      } else {
        for problem in problems { console.result("Damaged", Printable.line(problem), .bad) }
        if problems.isEmpty { console.result("Sound", reader.path) }
      }
      guard problems.isEmpty else {
        throw Failure(
          .badInput, "\(reader.path): \(Format.plural(problems.count, "problem"))",
          hint: "hone db recover NEW --db \(Shell.quoted(reader.path)) saves what can be read")
      }
    }
  }

  struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Copy the database into a new file, also while studies run.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var database: DatabaseOptions
    @Argument(help: ArgumentHelp("The new file.", valueName: "file"), completion: .file()) var target: String

    func run() async throws {
      let console = global.console()
      let reader = try await StudyReader(database)
      try await reader.store.backup(to: target)
      if console.json {
        console.json("hone.created/1", ["path": .string(target)])
      } else {
        console.status("Copied", "\(reader.path) to \(target)")
      }
    }
  }

  struct Recover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Save what can be read of a damaged database into a new file.",
      discussion: "The damaged file is not changed. Exit 1 when something was lost.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var database: DatabaseOptions
    @Argument(help: ArgumentHelp("The new file.", valueName: "file"), completion: .file()) var target: String

    func run() async throws {
      let console = global.console()
      let setting = database.setting()
      let recovery = try await SQLiteStore.recover(from: setting.value, to: target)
      if console.json {
        console.json(
          "hone.recovery/1",
          [
            "path": .string(target), "complete": .bool(recovery.isComplete), "saved": .int(recovery.saved),
            "lost_texts": .int(recovery.lostTexts),
            "tables": .array(
              recovery.tables.map {
                [
                  "name": .string($0.name), "saved": .int($0.saved), "dropped": .int($0.dropped),
                  "damage": $0.damage.asValue,
                ]
              }),
          ])
      } else {
        for table in recovery.tables where table.dropped > 0 || table.damage != nil {
          let dropped = table.dropped > 0 ? ", \(Format.plural(table.dropped, "row")) dropped" : ""
          console.result(
            "Damaged",
            "\(table.name): \(Format.count(table.saved)) saved\(dropped)\(table.damage.map { ", " + $0 } ?? "")", .warn)
        }
        if recovery.lostTexts > 0 { console.result("Lost", Format.plural(recovery.lostTexts, "long text"), .warn) }
        console.result("Saved", "\(Format.plural(recovery.saved, "row")) to \(target)")
      }
      if !recovery.isComplete { throw ExitCode(Exit.no.rawValue) }
    }
  }

  struct Path: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the database's path, whether it is there or not.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var database: DatabaseOptions

    func run() {
      let console = global.console()
      let setting = database.setting()
      let path = URL(fileURLWithPath: setting.value).standardizedFileURL.path
      if console.json {
        console.json("hone.path/1", ["path": .string(path), "origin": .string(setting.origin)])
      } else {
        console.data(path)
      }
    }
  }
}
