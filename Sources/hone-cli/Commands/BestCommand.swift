import ArgumentParser
import Foundation
import Hone
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

struct BestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "best", abstract: "Show a study's winner, or write it into a task file.",
    discussion: """
      hone best triage --at-most tokens=400    mean tokens <= 400, probability 0.95
      hone best triage --weight tokens=0.001   a token costs 0.001 of the score
      These choose from what is stored: nothing is run.

      --write FILE makes a copy of the study's task file in which every parameter starts at the winner's value. Its paths lead
      where they did, and it names a study of its own, STUDY-tuned, so that tuning it is a new search from there.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "The study.") var study: String
  @Option(help: ArgumentHelp("Task file to write.", valueName: "file"), completion: .file(extensions: ["yaml"]))
  var write: String?
  @Option(help: ArgumentHelp("The task file to copy (default: the one the study was run from).", valueName: "task"))
  var task: String?
  @OptionGroup var options: TradeoffOptions
  @Flag(help: "Overwrite the file that --write names.") var force = false

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let definition = try await reader.definition(of: study)
    let choice = options.isEmpty ? nil : try await view(reader, definition, console)
    let best = try await reader.summary(of: study).bestTrial
    guard let number = choice?.choice.trial ?? best else {
      throw Failure(
        .missing, "\(study) has no best trial yet",
        hint: "hone status \(Shell.quoted(study))\(database.setting().place)")
    }
    let trial = try await reader.trial(number, of: study)
    if let write {
      let name = try await save(trial, reader, to: write)
      console.status(
        "Wrote", "\(write)  trial \(number) of \(Printable.line(study)) as the start of study \(Printable.line(name))")
      let place = database.setting().place
      console.next(
        ["hone diff \(Shell.quoted(study))\(place)", "hone check \(Shell.quoted(write))"], asData: false)
      return
    }
    let lineage = Lineage(
      of: number, among: try await reader.store.trials(of: study), space: definition.problem.space)
    if console.json {
      var fields = trial.fields(study: study)
      if choice == nil { fields["winner"] = try await reader.winner(of: study).asValue }
      fields["lineage"] = lineage.asValue
      console.json("hone.trial/1", fields)
      if let choice { console.json("hone.choice/1", choice.fields(study: study)) }
      return
    }
    if let choice {
      choice.print()
    } else if let estimate = trial.estimate {
      console.status(
        "Best", "\(Format.score(estimate.mean)) at trial \(number), over \(Format.plural(estimate.count, "rollout"))")
      if let winner = try await reader.winner(of: study) { console.status("Expect", winner.line, .info) }
    }
    lineage.print(on: console.terminal) { console.status($0, $1, .info, wraps: false) }
    for parameter in definition.problem.space.parameters {
      guard let value = trial.proposal.assignment[parameter.name] else { continue }
      let text = Printable.clean(value.string ?? value.text)
      if text.contains("\n") {
        console.data("\(parameter.name): |")
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { console.data("  " + line) }
      } else {
        console.data("\(parameter.name): \(text)")
      }
    }
  }

  private func view(_ reader: StudyReader, _ definition: StudyDefinition, _ console: Console) async throws
    -> ChoiceView
  {
    let (tradeoff, choice) = try await options.choose(reader, definition)
    return ChoiceView(
      choice: choice, tradeoff: tradeoff, objective: definition.problem.objective, console: console)
  }

  /// - Returns: the name of the copy's study.
  private func save(_ trial: TrialRecord, _ reader: StudyReader, to target: String) async throws -> String {
    let source = try await TaskSource.stored(in: reader.store, study: study)
    guard let path = task ?? source?.path else {
      throw Failure(
        .missing, "\(study) was not run from a task file",
        hint: "name the file to copy: hone best \(study) --write \(target) --task TASK")
    }
    if !force, FileManager.default.fileExists(atPath: target) {
      throw Failure(.cannotCreate, "\(target) exists already", hint: "--force overwrites it")
    }
    let taken = Set(try await reader.store.studies().map(\.name))
    let name = Self.name(for: try TaskFile.load(path: path).study, taken: taken)
    let text = try TaskFile.rewritten(path: path, with: trial.proposal.assignment, for: target, study: name)
    if force {
      try FileWriting.replace(target, text, mode: 0o644)
    } else {
      try FileWriting.create(target, text, mode: 0o644)
    }
    return name
  }

  /// `triage-tuned`, `triage-tuned-2`, …: the first that is not taken. Of a copy's copy the number alone grows.
  static func name(for study: String, taken: Set<String>) -> String {
    let base = study.replacing(#/-tuned(-\d+)?$/#, with: "")
    var number = 1
    while true {
      let ending = "-tuned" + (number > 1 ? "-\(number)" : "")
      let name = base.prefix(100 - ending.count) + ending
      if name != study, !taken.contains(String(name)) { return String(name) }
      number += 1
    }
  }
}
