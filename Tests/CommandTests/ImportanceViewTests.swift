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
    #expect(view.importances.first?.parameter == "x")
    #expect(view.importances[0].fraction > 0.7 && view.importances[0].pValue <= 0.05, "\(view.importances)")
    #expect(
      view.asValue[0]?["parameter"] == "x" && view.asValue[0]?["fraction"]?.number == view.importances[0].fraction)
  }

  /// Failed and unfinished trials do not count, and few trials say nothing.
  @Test func fewTrialsSayNothing() {
    #expect(ImportanceView(Self.problem, Self.trials(9)).lines.isEmpty)
    var trials = Self.trials(10)
    #expect(!ImportanceView(Self.problem, trials).importances.isEmpty)
    trials[3].state = .failed
    #expect(ImportanceView(Self.problem, trials).lines.isEmpty)
  }

  /// Scores in an order that neither parameter knows of.
  @Test func noiseIsCalledNoise() {
    var trials = Self.trials(20)
    for (index, score) in [7, 12, 3, 18, 9, 1, 15, 6, 11, 4, 19, 2, 14, 8, 17, 5, 10, 16, 0, 13].enumerated() {
      trials[index].estimate = Estimate(mean: Double(score), deviation: 0, count: 1)
    }
    let view = ImportanceView(Self.problem, trials)
    #expect(view.lines == ["no parameter's effect on score can be told from noise yet (20 trials)"])
    #expect(view.asValue == [])
  }

  @Test func theRestIsSaidToBeNoiseOrUntold() {
    let lines = ImportanceView(Self.problem, Self.trials(20)).lines
    #expect(lines.first == "for score, as a random forest guesses from 20 trials:")
    #expect(lines.dropFirst().first?.hasPrefix("x ") == true && lines.last?.hasPrefix("not explained") == true)
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
      let lines = text.split(separator: "\n").map { $0.drop { $0 == " " } }
      return Array(lines.drop { !$0.hasPrefix("Mattered") }.prefix { !$0.hasPrefix("Spent") && !$0.hasPrefix("Trial") })
    }
    #expect(!said(tuned.out).isEmpty && said(tuned.out) == said(shown), "\(tuned.out)\(shown)")
    let effects = try #require(
      try await program.run("show", "urgency", "--json").objects().first?["importances"]?.array)
    let sum: Double = effects.compactMap { $0["fraction"]?.number }.reduce(0, +)
    #expect(sum <= 1 + 1e-9)
    #expect(effects.isEmpty == said(tuned.out)[0].contains("no parameter's effect on accuracy"), "\(effects)")
    for (line, effect) in zip(said(tuned.out).dropFirst(), effects) {
      #expect(line.contains(try #require(effect["parameter"]?.string)), "\(line)")
    }
  }
}
