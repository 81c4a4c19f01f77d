import ArgumentParser
import HoneOptimize
import HoneStore
import HoneTrace

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Compare two trials: parameters, and prompts word by word.",
    discussion: "With one trial it is compared with the study's start; with a study alone, its best trial is.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "STUDY/TRIAL, or STUDY for its start.") var first: Address
  @Argument(help: "STUDY/TRIAL.") var second: Address?

  func validate() throws {
    for address in [first, second] where address?.step != nil {
      throw ValidationError("diff compares trials, not steps: leave the last number away")
    }
  }

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let (old, new) = try await sides(reader)
    let definition = try await reader.definition(of: new.study)
    var names = definition.problem.space.parameters.map(\.name)
    for name in old.assignment.values.keys.sorted() where !names.contains(name) { names.append(name) }
    var changed = 0
    if !console.json { console.status("Comparing", "\(old.label) with \(new.label)") }
    for name in names where old.assignment[name] != new.assignment[name] {
      changed += 1
      print(name, old.assignment[name], new.assignment[name], console)
    }
    if console.json {
      console.json(
        "hone.diff/1",
        [
          "from": .string(old.label), "to": .string(new.label), "changed": .int(changed),
          "from_score": old.score.asValue, "to_score": new.score.asValue,
        ])
    } else if let a = old.score, let b = new.score {
      console.result("Score", "\(Format.score(a)) -> \(Format.score(b))  (\(Format.gain(b - a, between: a, and: b)))")
    }
    if changed == 0, !console.json { console.status("Same", "all parameters are equal") }
  }

  private struct Side {
    var study: String
    var label: String
    var assignment: Assignment
    var score: Double?
  }

  private func sides(_ reader: StudyReader) async throws -> (Side, Side) {
    if let second { return (try await side(first, reader), try await side(second, reader)) }
    let definition = try await reader.definition(of: first.study)
    let trials = try await reader.store.trials(of: first.study)
    let initial = definition.problem.space.initial
    let start = Side(
      study: first.study, label: "the start", assignment: initial,
      score: trials.first { $0.proposal.assignment == initial }?.estimate?.mean)
    if first.trial != nil { return (start, try await side(first, reader)) }
    guard let best = try await reader.summary(of: first.study).bestTrial else {
      throw Failure(
        .missing, "\(first.study) has no best trial yet",
        hint: "hone status \(Shell.quoted(first.study))\(database.setting().place)")
    }
    var address = first
    address.trial = best
    return (start, try await side(address, reader))
  }

  private func side(_ address: Address, _ reader: StudyReader) async throws -> Side {
    let definition = try await reader.definition(of: address.study)
    guard let number = address.trial else {
      return Side(study: address.study, label: "the start", assignment: definition.problem.space.initial)
    }
    let trial = try await reader.trial(number, of: address.study)
    return Side(
      study: address.study, label: address.description, assignment: trial.proposal.assignment,
      score: trial.screened ? nil : trial.estimate?.mean)
  }

  private func print(_ name: String, _ old: Value?, _ new: Value?, _ console: Console) {
    if console.json {
      console.json(
        "hone.change/1", ["parameter": .string(name), "from": old ?? .null, "to": new ?? .null])
      return
    }
    let colored = console.dataTerminal.hasColor
    let change = Changes.Change(parameter: name, old: old, new: new)
    if let texts = change.texts {
      console.result("Changed", "\(Printable.line(name)):")
      console.continued(WordDiff(texts.old, texts.new).rendered(colored: colored))
    } else {
      console.result("Changed", change.line(columns: 60, colored: colored))
    }
  }
}
