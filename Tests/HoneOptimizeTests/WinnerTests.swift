import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct WinnerTests {
  private func table(_ scores: [[Double?]]) -> ScoreTable {
    ScoreTable(
      examples: scores.map(\.count).max() ?? 0,
      rows: scores.enumerated().map { ScoreTable.Row(trial: $0, assignment: Assignment([:]), scores: $1) })
  }

  private func padded(_ scores: [Double], _ examples: Int) -> [Double?] {
    scores.map { $0 } + Array(repeating: nil, count: examples - scores.count)
  }

  /// The luckiest value of a few examples does not win over a good one of many.
  @Test func luckDoesNotWin() throws {
    var scores = [(0..<40).map { Optional($0 % 10 == 7 ? 1.0 : 0.0) }]
    for trial in 0..<20 {
      scores.append(padded(ScheduledStudy.errors([0.5], examples: 4, seed: UInt64(trial + 9))[0], 40))
    }
    scores.append(padded([0, 0, 0, 0], 40))
    let winner = try #require(Winner(table(scores), Objective(direction: .minimize)))
    #expect(winner.trial == 0 && winner.count == 40)
    #expect(winner.lower < 0.1 && winner.upper > 0.1 && winner.upper - winner.lower < 0.35, "\(winner)")
    #expect(winner.candidates == 1)
    // A trial that failed or broke a constraint never wins.
    var broken = table(scores)
    broken.rows[0].isFeasible = false
    #expect(Winner(broken, Objective(direction: .minimize))?.trial != 0)
  }

  /// Balanced tables: tau^2 is the variance of the means less sigma^2 / n, and the shrinkage factor follows.
  @Test func balancedTablesHaveAClosedForm() throws {
    var random = RandomStream(seed: 4, name: "balanced")
    let (trials, examples) = (30, 50)
    let truth = (0..<trials).map { _ in 2 + 0.5 * random.normal() }
    let scores = truth.map { mean in (0..<examples).map { _ -> Double? in mean + random.normal() } }
    let posterior = try #require(Posterior(table(scores)))
    let y = scores.map { $0.compactMap(\.self).reduce(0, +) / Double(examples) }
    let mu = y.reduce(0, +) / Double(trials)
    let variance = y.reduce(0) { $0 + ($1 - mu) * ($1 - mu) } / Double(trials - 1)
    let v = posterior.noise * posterior.noise / Double(examples)
    #expect(abs(posterior.spread * posterior.spread - (variance - v)) < 1e-6)
    #expect(abs(posterior.mean - mu) < 1e-9)
    let factor = (variance - v) / variance
    for (standing, y) in zip(posterior.standings, y) { #expect(abs(standing.mean - mu - factor * (y - mu)) < 1e-6) }
    #expect(abs(posterior.noise - 1) < 0.1 && abs(posterior.spread - 0.5) < 0.15)
  }

  /// The winner's posterior mean is not optimistic where its observed mean is; its interval covers.
  @Test func theWinnersMeanIsHonest() throws {
    var (observed, shrunken, covered) = (0.0, 0.0, 0)
    let runs = 200
    for run in 0..<runs {
      var random = RandomStream(seed: UInt64(run), name: "honest")
      let truth = (0..<20).map { _ in 0.1 * random.normal() }
      let scores = truth.map { mean in (0..<16).map { _ -> Double? in mean + 0.5 * random.normal() } }
      let posterior = try #require(Posterior(table(scores)))
      let winner = try #require(Winner(table(scores), Objective(), confidence: 0.9))
      observed += posterior.standings[winner.trial].observed - truth[winner.trial]
      shrunken += winner.mean - truth[winner.trial]
      if (winner.lower...winner.upper).contains(truth[winner.trial]) { covered += 1 }
    }
    #expect(observed / Double(runs) > 0.12)
    #expect(abs(shrunken) / Double(runs) < 0.05)
    #expect(Double(covered) / Double(runs) > 0.82)
  }

  /// So it is for new examples, where some are much harder than others.
  @Test func theIntervalHoldsForNewExamples() throws {
    var covered = 0
    let runs = 200
    for run in 0..<runs {
      var random = RandomStream(seed: UInt64(run), name: "hard")
      let truth = (0..<10).map { _ in 0.1 * random.normal() }
      let effects = (0..<24).map { _ in random.normal() }
      let scores = truth.map { mean in effects.map { Optional(mean + $0 + 0.3 * random.normal()) } }
      let winner = try #require(Winner(table(scores), Objective(), confidence: 0.9))
      if (winner.lower...winner.upper).contains(truth[winner.trial]) { covered += 1 }
    }
    #expect(Double(covered) / Double(runs) > 0.83 && covered < runs, "\(covered)")
  }

  /// A trial that saw only easy examples is not taken for better than one that saw all.
  @Test func examplesPairTrials() throws {
    let difficulty = (0..<40).map { $0 < 20 ? 0.0 : 1.0 }
    let whole = (0..<6).map { trial in difficulty.map { Optional($0 + 0.02 * Double(trial)) } }
    let easy = padded(difficulty[..<20].map { $0 + 0.3 }, 40)
    let posterior = try #require(Posterior(table(whole + [easy])))
    let means = posterior.standings.map(\.mean)
    #expect(posterior.standings[6].observed < posterior.standings[0].observed)
    #expect(means[6] > means[5])
  }

  /// Of trials measured on the same examples the highest mean wins, of equal ones the first: the posterior keeps the order.
  @Test func evenTablesKeepTheOrderOfTheirMeans() throws {
    for seed in 0..<200 {
      var random = RandomStream(seed: UInt64(seed), name: "even")
      let (trials, examples) = (Int.random(in: 1...12, using: &random), Int.random(in: 1...9, using: &random))
      let scores = (0..<trials).map { _ in
        (0..<examples).map { _ -> Double? in Double(Int.random(in: 0...2, using: &random)) / 2 }
      }
      let sums = scores.map { $0.compactMap(\.self).reduce(0, +) }
      let first = sums.firstIndex(of: sums.max() ?? 0)
      let winner = try #require(Winner(table(scores), Objective()))
      #expect(winner.trial == first && winner.candidates == trials)
      #expect(0 <= winner.lower && winner.upper <= 1)
    }
  }

  @Test(arguments: [1e300, 1e-300, -1e300, 0]) func extremeScalesStayFinite(_ scale: Double) throws {
    let scores = (0..<5).map { trial in (0..<6).map { Optional(scale * Double((trial * 7 + $0 * 3) % 5) / 5) } }
    let winner = try #require(Winner(table(scores), Objective()))
    #expect(winner.mean.isFinite && winner.lower.isFinite && winner.upper.isFinite)
    #expect(winner.lower <= winner.mean && winner.mean <= winner.upper)
    let one = try #require(Winner(table([[scale, nil]]), Objective()))
    #expect(one.trial == 0 && one.mean == scale)
    #expect(Winner(table([[nil, nil]]), Objective()) == nil)
  }
}
