import HoneOptimize
import HoneStore
import HoneTrace
import Testing

@testable import hone_cli

/// What mattered, as `hone show` and the end of `hone tune` say it.
@Suite(.serialized) struct ImportanceViewTests {
  private static let problem = Problem(
    space: Space([
      ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0.5),
      ParameterSpec(name: "y", domain: .float(FloatDomain(0...1)), initial: 0.5),
    ]), objective: Objective(), seed: 1)

  /// The score is nearly x; y moves it a little.
  private static func trials(_ count: Int) -> [TrialRecord] {
    (0..<count).map { number in
      let (x, y) = (Double(number * 7 % 20) / 20, Double(number * 3 % 20) / 20)
      return TrialRecord(
        number: number, state: .complete,
        proposal: Proposal(Assignment(["x": .double(x), "y": .double(y)]), origin: "test"),
        estimate: Estimate(mean: x + 0.05 * y, deviation: 0, count: 1))
    }
  }

  @Test func theParameterThatDecidesStandsFirst() {
    let view = ImportanceView(Self.problem, Self.trials(20))
    #expect(view.importances.map(\.parameter) == ["x", "y"])
    #expect(view.importances[0].fraction > 0.7 && view.importances[1].fraction < 0.2, "\(view.importances)")
    #expect(
      view.asValue[0]?["parameter"] == "x" && view.asValue[0]?["fraction"]?.number == view.importances[0].fraction)
  }

  /// Failed and unfinished trials do not count, and few trials say nothing.
  @Test func fewTrialsSayNothing() {
    #expect(ImportanceView(Self.problem, Self.trials(9)).importances.isEmpty)
    var trials = Self.trials(10)
    #expect(!ImportanceView(Self.problem, trials).importances.isEmpty)
    trials[3].state = .failed
    #expect(ImportanceView(Self.problem, trials).importances.isEmpty)
  }

  @Test func tuneAndShowSayTheSame() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    let few = try await program.run("tune", "task.yaml", "--trials", "3")
    #expect(few.code == 0 && !few.out.contains("Mattered"))
    let empty = try await program.run("show", "urgency", "--json").objects().first
    #expect(empty?["importances"]?.array?.isEmpty == true)
    let tuned = try await program.run("tune", "task.yaml", "--trials", "11")
    let shown = try await program.run("show", "urgency").out
    func said(_ text: String) -> [Substring] {
      Array(text.split(separator: "\n").drop { !$0.contains("Mattered for accuracy") }.prefix(5))
    }
    #expect(said(tuned.out).count == 5 && said(tuned.out) == said(shown), "\(tuned.out)\(shown)")
    let fractions = try #require(
      try await program.run("show", "urgency", "--json").objects().first?["importances"]?.array)
    #expect(fractions.count == 3 && fractions.compactMap { $0["fraction"]?.number }.reduce(0, +) <= 1 + 1e-9)
    for (line, fraction) in zip(said(tuned.out).dropFirst(), fractions) {
      #expect(line.contains(try #require(fraction["parameter"]?.string)), "\(line)")
    }
  }
}
