import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct GaussianProcessSearchTests {
  @Test func beatsRandomSearch() async throws {
    let mixed = try await Synthetic.wins(GaussianProcessSearch(), on: Synthetic.mixed, trials: 25, seeds: 6)
    #expect(mixed >= 5, "\(mixed) of 6")
    let bowl = try await Synthetic.wins(
      GaussianProcessSearch(), on: { Synthetic.bowl(3, seed: $0) }, trials: 20, seeds: 6, batch: 3)
    #expect(bowl >= 5, "\(bowl) of 6")
  }

  /// numpy: where(v > m, m + c log1p((v - m) / c), v) of v / 10.
  @Test func badTailIsCompressed() {
    let found = GaussianProcessModel.compressed([0, 1, 2, 3, 10])
    let expected = [0, 0.1, 0.2, 0.28109302162163285, 0.5218875824868201]
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(found)")
    #expect([5, 5, 5].map(Standardization([5, 5, 5]).callAsFunction) == [0, 0, 0])
    let unit = [1, 2, 6].map(Standardization([1, 2, 6]).callAsFunction)
    #expect(abs(unit.reduce(0, +)) < 1e-12 && abs(unit.reduce(0) { $0 + $1 * $1 } / 3 - 1) < 1e-12)
  }

  /// A trial on fewer examples has more noise, and a long history is cut to its best and a spread of the others.
  @Test func modelTakesCountsAndASubset() {
    let trials = (0..<500).map { index in
      var trial = TrialHistory.Trial(number: index, point: [Double(index) / 500], loss: Double((index * 7) % 500))
      trial.count = index % 2 == 0 ? 32 : 8
      return trial
    }
    let model = GaussianProcessModel(trials, [.continuous], limit: 200)
    #expect(model.points.count == 200 && Set(model.noiseShares) == [1, 4])
    let best = trials.filter { ($0.loss ?? 0) < 100 }.map(\.point)
    #expect(best.allSatisfy { model.points.contains($0) })
  }

  /// While a trial is pending, its place is not what is asked for next.
  @Test func pendingTrialsKeepOthersAway() async throws {
    let problem = Synthetic.bowl(2, seed: 2).problem
    var driver = OptimizerDriver(GaussianProcessSearch(), problem: problem)
    var known: Set<String> = []
    for trial in 0..<12 {
      let context = AskContext(problem: problem, round: trial, known: known)
      let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
      known.insert(proposal.assignment.key)
      driver.tell(.began(trial: trial, proposal))
      let loss = try #require(proposal.assignment["x0"]?.number)
      driver.tell(
        .completed(trial: trial, Estimate(mean: loss, deviation: 0, count: 1), screened: false, outcomes: [:]))
    }
    let context = AskContext(problem: problem, round: 12, known: known)
    let answer = try await driver.ask(4, context: context)
    let places = answer.proposals.map { problem.space.encode($0.assignment).map { $0 ?? 0 } }
    #expect(places.count == 4)
    for first in places.indices {
      for second in 0..<first {
        let distance = zip(places[first], places[second]).reduce(0) { $0 + abs($1.0 - $1.1) }
        #expect(distance > 1e-3, "\(places)")
      }
    }
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(GaussianProcessSearch(), trials: 14) }
}
