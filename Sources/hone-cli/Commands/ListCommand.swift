import ArgumentParser
import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the studies, or the trials of one.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "A study, to list its trials.") var study: String?

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    if let study {
      try await listTrials(of: study, reader, console)
    } else {
      try await listStudies(reader, console)
    }
  }

  private func listStudies(_ reader: StudyReader, _ console: Console) async throws {
    let studies = try await reader.summaries()
    if console.json {
      for study in studies { console.json("hone.study/1", study.fields) }
      return
    }
    guard !studies.isEmpty else {
      console.status("Empty", "\(reader.path) holds no study", .warn)
      return
    }
    var table = TextTable(
      ["STUDY", "BEST", "TRIAL", "TRIALS", "FAILED", "REQUESTS", "TOKENS", "RAN"], right: [1, 2, 3, 4, 5, 6, 7])
    for study in studies {
      table.add([
        Printable.line(study.name), study.best.map(Format.score) ?? "-", study.bestTrial.map(String.init) ?? "-",
        Format.count(study.trials), Format.count(study.failed), Format.count(study.spend.requests),
        Format.count(study.spend.tokens), Format.duration(study.seconds),
      ])
    }
    console.table(table)
  }

  private func listTrials(of study: String, _ reader: StudyReader, _ console: Console) async throws {
    let definition = try await reader.definition(of: study)
    let trials = try await reader.store.trials(of: study)
    if console.json {
      for trial in trials { console.json("hone.trial/1", trial.fields(study: study)) }
      return
    }
    let names = definition.problem.space.parameters.map(\.name)
    var table = TextTable(
      ["TRIAL", "STATE", "SCORE", "ROWS", "FROM", "BY"] + names.map { $0.uppercased() }, right: [0, 2, 3, 4])
    // On a narrow terminal a long text leaves room for the parameters after it.
    let terminal = console.dataTerminal
    let room = terminal.isInteractive ? max(10, (terminal.columns - 46) / max(1, names.count) - 2) : 28
    for trial in trials {
      let values = names.map { name in
        trial.proposal.assignment[name].map { Format.value($0, columns: min(28, room)) } ?? "-"
      }
      table.add(
        [
          String(trial.number), trial.screened ? "screened" : trial.state.rawValue,
          (trial.estimate?.mean).map(Format.score) ?? "-", trial.estimate.map { String($0.count) } ?? "-",
          trial.proposal.parent.map(String.init) ?? "-", trial.proposal.origin,
        ] + values)
    }
    console.table(table)
  }
}

extension Console {
  func table(_ table: TextTable) {
    let columns = dataTerminal.isInteractive ? dataTerminal.columns : Int.max
    for line in table.lines(columns: columns, colored: dataTerminal.hasColor) { data(line) }
  }
}
