import HoneOptimize
import HoneStore
import HoneTrace

/// What a study of `alphaopt` has learned: one insight a line, and as a file that another study may begin with.
struct LibraryView {
  let library: ExperienceLibrary
  let study: String
  let console: Console

  /// - Throws: `Failure` 66 when the study's optimizer keeps no library.
  init(_ reader: StudyReader, _ definition: StudyDefinition, console: Console) async throws {
    let name = definition.optimizer["use"]?.string ?? ""
    let made = try? OptimizerCatalog.make(
      name: name, settings: definition.optimizer["settings"] ?? .null, space: definition.problem.space)
    guard let optimizer = made as? AlphaOPT else {
      throw Failure(
        .missing, "\(definition.name): its optimizer \(name) keeps no library", hint: "alphaopt does: optimizer.use")
    }
    let events = try await reader.store.events(of: definition.name)
    library = optimizer.library(definition.problem, events)
    study = definition.name
    self.console = console
  }

  func print() {
    if console.json {
      var fields = library.document.object ?? [:]
      fields["study"] = .string(study)
      return console.json("hone.library/1", fields)
    }
    console.result("Library", Format.plural(library.insights.count, "insight"))
    guard !library.insights.isEmpty else { return }
    var table = TextTable(["INSIGHT", "HELD", "FAILED", "FOUND", "WHEN", "WHAT TO DO"], right: [0, 1, 2, 3])
    for insight in library.insights {
      table.add([
        String(insight.id), String(insight.gained), String(insight.lost), String(insight.occurrence),
        Printable.line(insight.condition), Printable.line(insight.explanation),
      ])
    }
    let columns = console.dataTerminal.isInteractive ? console.dataTerminal.columns : Int.max
    for line in table.lines(columns: columns, colored: console.dataTerminal.hasColor) { console.data(line) }
  }
}
