import ArgumentParser
import Hone
import HoneOptimize
import HoneStore
import HoneTrace

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show how far a study is and what it has used.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "A study; without it, every study of the database.") var study: String?

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let studies =
      if let study { [try await reader.summary(of: study)] } else { try await reader.summaries() }
    for study in studies {
      let report = try await reader.report(of: study.name)
      let roles = Roles(spends: try await reader.store.spendByRole(of: study.name))
      if console.json {
        var fields = study.fields
        fields["stop"] = (report?.stop.rawValue).asValue
        fields["stop_reason"] = (report?.stopReason).asValue
        fields["winner"] = try await reader.winner(of: study.name).asValue
        fields["roles"] = roles.asValue
        console.json("hone.study/1", fields)
      } else {
        print(study, try await reader.winner(of: study.name), report, roles, console)
      }
    }
    if studies.isEmpty, !console.json { console.status("Empty", "\(reader.path) holds no study", .warn) }
  }

  private func print(_ study: StudySummary, _ winner: Winner?, _ report: Report?, _ roles: Roles, _ console: Console) {
    let objective = study.objective
    console.result(
      "Study", "\(Printable.line(study.name))  \(objective.direction.rawValue) \(Printable.line(objective.metric))")
    var counts = ["\(Format.count(study.complete)) complete"]
    if study.failed > 0 { counts.append("\(Format.count(study.failed)) failed") }
    if study.running > 0 { counts.append("\(Format.count(study.running)) running") }
    let other = study.trials - study.complete - study.failed - study.running
    if other > 0 { counts.append("\(Format.count(other)) interrupted") }
    console.result(
      "Trials", "\(Format.count(study.trials))  (\(counts.joined(separator: ", ")))", study.failed > 0 ? .warn : .good)
    if let best = study.best, let trial = study.bestTrial {
      console.result("Best", "\(Format.score(best)) at trial \(trial)")
      if let winner { console.result("Expect", winner.line, .info) }
    }
    if let report { console.result("Stop", report.stopLine, .info) }
    if let report { console.result("Test", report.testLine, report.isImproved ? .good : .warn) }
    console.result("Spent", study.spend.line + ", ran " + Format.duration(study.seconds))
    if let line = roles.line { console.result("By role", line) }
  }
}
