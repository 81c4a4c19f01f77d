import Foundation
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct EventTests {
  /// Events of older versions have no kind.
  @Test func failuresWithoutAKindAreRead() throws {
    let old = Data(#"{"failed": {"trial": 3, "reason": "crashed"}}"#.utf8)
    #expect(try JSONDecoder().decode(Event.self, from: old) == .failed(trial: 3, reason: "crashed"))
    for event in [Event.failed(trial: 1, reason: "r", kind: .infrastructure), .failed(trial: 1, reason: "r")] {
      #expect(try JSONDecoder().decode(Event.self, from: JSONEncoder().encode(event)) == event)
    }
    // As it was stored before there were kinds.
    let text = try #require(String(data: JSONEncoder().encode(Event.failed(trial: 1, reason: "r")), encoding: .utf8))
    #expect(!text.contains("kind"))
  }

  /// A bad point is kept away from, a lost one is not: the surrogate's data hold the one alone.
  @Test func onlyTheAssignmentsOwnFailureIsAnObservation() {
    let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0.5)])
    var history = TrialHistory(Problem(space: space, objective: Objective(), seed: 1), owner: "test")
    for trial in 0..<3 {
      history.tell(.began(trial: trial, Proposal(Assignment(["x": .double(Double(trial) / 4)]), origin: "test")))
    }
    history.tell(.completed(trial: 0, Estimate(mean: 1, deviation: 0, count: 4), screened: false, outcomes: [:]))
    history.tell(.failed(trial: 1, reason: "crashed"))
    history.tell(.failed(trial: 2, reason: "down", kind: .infrastructure))
    #expect(history.trials.map(\.number) == [0, 1] && history.trials.map(\.hasFailed) == [false, true])
    #expect(Observations(history.trials, limit: 10).values.count == 2)
    #expect(Observations.pending(history.trials, limit: 10).isEmpty)
    #expect(history.own == 3 && history.observed == 1)
    // Measured before: the score stays, and may come again.
    history.tell(.failed(trial: 0, reason: "down", kind: .infrastructure))
    #expect(history.trials[0].loss == -1 && history.observed == 1)
    history.tell(.completed(trial: 0, Estimate(mean: 2, deviation: 0, count: 8), screened: false, outcomes: [:]))
    #expect(history.trials[0].loss == -2 && history.observed == 1)
  }
}
