import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct RaceTests {
  /// n differences of one sign: the mixture over lambda in (0, 1) is (2^(n+1) - 1) / (n + 1).
  @Test(arguments: [1, 2, 5, 8, 12]) func evidenceOfOneSign(_ n: Int) {
    let exact = (pow(2, Double(n + 1)) - 1) / Double(n + 1)
    let evidence = exp(Race.logEvidence(Array(repeating: 0.3, count: n)))
    #expect(abs(evidence / exact - 1) < 0.02)
    // Zeros say nothing, scale does not matter, and the other sign is no evidence.
    let spread = [0.0] + Array(repeating: 3e-300, count: n) + [0, 0]
    #expect(abs(Race.logEvidence(spread) - log(evidence)) < 1e-9)
    #expect(Race.logEvidence(Array(repeating: -1, count: n)) < 0)
    #expect(Race.logEvidence([]) == 0)
  }

  /// Under the null the chance that a trial is ever closed, looked at after every block, is at most alpha.
  @Test(arguments: [0.05, 0.2], [0.5, 0.1])
  func falseEliminations(_ alpha: Double, _ rate: Double) {
    let runs = 200
    var closed = 0
    for seed in 0..<runs {
      let scores = ScheduledStudy.errors([rate, rate], examples: 120, seed: UInt64(seed))
      // One given trial against one given leader, at each look of the race.
      let differences = zip(scores[0], scores[1]).map { $0 - $1 }
      let looks = stride(from: 8, through: 120, by: 4)
      if looks.contains(where: { Race.logEvidence(Array(differences[..<$0])) >= -log(alpha) }) { closed += 1 }
    }
    // Three standard errors of the simulation.
    #expect(Double(closed) / Double(runs) <= alpha + 3 * (alpha * (1 - alpha) / Double(runs)).squareRoot())
  }

  /// Family-wise: of several equal trials the best of all, here given as the first, is closed at most so often.
  @Test func falseEliminationsOfAFamily() {
    var closed = 0
    for seed in 0..<80 {
      let scores = ScheduledStudy.errors(Array(repeating: 0.3, count: 6), examples: 60, seed: UInt64(1_000 + seed))
      var study = ScheduledStudy(scores)
      study.run(Race(trials: 6, alpha: 0.2, isFamilywise: true))
      if study.table.rows[0].isOpen == false { closed += 1 }
    }
    #expect(Double(closed) / 80 <= 0.2 + 3 * (0.16 / 80).squareRoot())
  }

  /// What is clearly worse is closed early, and the best is found.
  @Test func worseTrialsAreClosed() {
    let rates = [0.6, 0.05, 0.7, 0.9, 0.5, 0.8]
    var study = ScheduledStudy(ScheduledStudy.errors(rates, examples: 200, seed: 2))
    study.run(Race(trials: 6, alpha: 0.05))
    #expect(study.table.rows.map(\.isOpen) == [false, true, false, false, false, false])
    #expect(study.spent < 6 * 60)
    #expect(Winner(study.table, Objective(direction: .minimize))?.trial == 1)
    guard case .stop(let reason)? = study.allocations.last else {
      Issue.record("does not stop")
      return
    }
    #expect(reason == "one trial is left of the race")
  }
}
