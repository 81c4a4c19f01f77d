import Foundation
import Hone

/// Tunes in this process and prints the front of accuracy against tokens.
struct Tuning: Sendable {
  private let setup: Setup

  init(_ setup: Setup) { self.setup = setup }

  func run() async throws {
    let questions = try JSONLines.read(Question.self, Setup.questions).prefix(96)
    let rag = RAG(library: try await setup.library())
    let folder = FileManager.default.temporaryDirectory.appending(path: "rag-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let study = try await Study.open(folder.appending(path: "rag.db").path, named: "rag")
    let judge = setup.judge
    let best = try await study.tune(
      rag, on: questions.map { Labeled(input: $0.question, expected: $0) }, within: [.trials(16)],
      objective: Objective(metric: "accuracy", outcomes: ["tokens": .minimize]),
      shares: SplitShares(train: 0, validation: 0.5), seed: 7, cassette: setup.cassette, mode: setup.mode
    ) { context, question in judge.score(context, question) }

    if let front = best.report.front {
      print("\(front.points.count) of \(front.trials) settings: none is better in accuracy and tokens than")
      for point in front.points {
        let tokens = point.outcomes["tokens"]?.mean ?? 0
        print(String(format: "  accuracy %.3f  tokens %6.1f  ", point.score.mean, tokens) + point.assignment.key)
      }
    }
    if let test = best.report.test {
      print("most accurate setting, on \(test.count) other questions: \(test.best), the start \(test.start)")
    }
  }
}

extension Setup {
  /// Every setting on the first questions.
  func printGrid() async throws {
    let questions = try JSONLines.read(Question.self, Self.questions).prefix(Self.gridQuestions)
    let rag = RAG(library: try await library())
    let domains = try Space(of: rag).parameters.map { (name: $0.name, values: Self.values($0.domain)) }
    let assignments = domains.reduce([[:]]) { partial, domain in
      partial.flatMap { values in domain.values.map { values.merging([domain.name: $0]) { $1 } } }
    }.map { Assignment($0) }
    print((domains.map(\.name) + ["accuracy", "tokens"]).joined(separator: ","))
    for assignment in assignments {
      let score = try await meanScore(rag, assignment, Array(questions))
      let figures = [
        String(format: "%.4f", score.value), String(format: "%.1f", score.outcomes["tokens"] ?? 0),
      ]
      print((domains.map { assignment[$0.name]?.text ?? "" } + figures).joined(separator: ","))
    }
  }

  private static func values(_ domain: Domain) -> [Value] {
    switch domain {
    case .categorical(let values), .ordinal(let values): values
    default: []
    }
  }
}
