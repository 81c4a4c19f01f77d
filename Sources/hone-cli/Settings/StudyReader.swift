import Foundation
import Hone
import HoneOptimize
import HoneStore
import HoneTrace

/// Reads studies for the commands that only look.
struct StudyReader: Sendable {
  let store: SQLiteStore
  let path: String

  /// - Throws: `Failure` 66 when there is no database at the path: looking makes none.
  init(_ options: DatabaseOptions) async throws {
    let setting = options.setting()
    guard FileManager.default.fileExists(atPath: setting.value) else {
      throw Failure(
        .missing, "\(setting.value): there is no database (\(setting.origin))",
        hint: "hone tune TASK makes one; name another with --db or HONE_DB")
    }
    path = setting.value
    store = try await Database.reading(path)
  }

  /// - Throws: `Failure` 66 naming the studies that are there.
  func definition(of study: String) async throws -> StudyDefinition {
    if let definition = try await store.definition(of: study) { return definition }
    let names = try await store.studies().map(\.name)
    throw Failure(
      .missing, "\(path): there is no study \"\(study)\"",
      hint: names.isEmpty ? "the database is empty" : "it holds \(names.joined(separator: ", "))")
  }

  /// What the study found when it last ended; nil before.
  func report(of study: String) async throws -> Report? {
    try await store.document("report", study: study).flatMap { value in
      try? JSONDecoder().decode(Report.self, from: Data(value.canonicalJSON.utf8))
    }
  }

  func summary(of study: String) async throws -> StudySummary {
    _ = try await definition(of: study)
    guard let summary = try await store.studies().first(where: { $0.name == study }) else {
      throw Failure(
        .missing, "\(path): the study \"\(study)\" was removed meanwhile", hint: "hone list names those there are")
    }
    return try await recommending(summary)
  }

  /// Of all studies.
  func summaries() async throws -> [StudySummary] {
    var summaries: [StudySummary] = []
    for summary in try await store.studies() { summaries.append(try await recommending(summary)) }
    return summaries
  }

  /// With the best trial as the study's own rule has it: constraints kept, and unequal numbers of rollouts weighed.
  private func recommending(_ summary: StudySummary) async throws -> StudySummary {
    var summary = summary
    let best = try await Study(store: store, name: summary.name).best()
    (summary.bestTrial, summary.best) = (best?.number, best?.estimate?.mean)
    return summary
  }

  /// Nil also where the best trial has one rollout, which says nothing of another.
  func winner(of study: String) async throws -> Winner? {
    guard let winner = try await Study(store: store, name: study).winner() else { return nil }
    return (try await trial(winner.trial, of: study).estimate?.count ?? 0) > 1 ? winner : nil
  }

  func trial(_ number: Int, of study: String) async throws -> TrialRecord {
    let trials = try await store.trials(of: study)
    if let trial = trials.first(where: { $0.number == number }) { return trial }
    throw Failure(
      .missing, "\(study) has no trial \(number)",
      hint: trials.last.map { "its trials are \(trials[0].number) to \($0.number)" } ?? "it has no trials yet")
  }

  /// The front of a study as its rollouts give it. Where the goal names no outcome, all there are count as costs.
  /// - Throws: `Failure` 66 when no trial has all outcomes.
  func front(_ definition: StudyDefinition) async throws -> (front: ParetoFront, problem: Problem) {
    let table = try await Study(store: store, name: definition.name).outcomes()
    var problem = definition.problem
    if problem.objective.outcomes.isEmpty {
      for name in table.outcomes { problem.objective.outcomes[name] = .minimize }
    }
    let front = ParetoFront(
      table, objective: problem.objective, confidence: definition.confidence, seed: problem.seed)
    guard !problem.objective.outcomes.isEmpty, let front else {
      let wanted = problem.objective.outcomes.keys.sorted().joined(separator: ", ")
      throw Failure(
        .missing,
        wanted.isEmpty
          ? "\(definition.name): its rollouts have no outcomes beside the score"
          : "\(definition.name): no trial is measured whole with \(wanted)",
        hint: table.outcomes.isEmpty
          ? "a command's last line may name them: {\"score\": 1, \"seconds\": 0.2}"
          : "its rollouts have \(table.outcomes.joined(separator: ", "))")
    }
    return (front, problem)
  }
}
