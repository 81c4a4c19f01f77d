import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct DriftGuardTests {
  /// Serves so many questions before and after what is behind the arms changes; gives the run and the regret after it.
  static func serve(
    _ guarded: DriftGuard, seed: UInt64, before: Int = 400, after: Int = 300, tell: Bool,
    mean: (Int) -> Double
  ) -> (run: DriftGuard.Run, regret: Double) {
    var run = guarded.run(BanditTask(arms: BanditGame.arms, batch: 1, seed: seed))
    var random = RandomStream(seed: seed, name: "noise")
    var regret = 0.0
    let best = (0..<24).map(mean).max() ?? 0
    for question in 0..<(before + after) {
      if question == before, tell { run.tell(.switched) }
      guard let arm = run.next().first?.arm else { break }
      let value = question < before ? BanditGame.mean(arm) : mean(arm)
      run.tell(.pulled([Pull(arm: arm, questions: [question])]))
      run.tell(.rewarded(arm: arm, question: question, reward: value + 0.2 * random.normal()))
      if question >= before { regret += (best - mean(arm)) / Double(after) }
    }
    return (run, regret)
  }

  @Test func whatStillHoldsIsKept() {
    var resets = 0
    for seed in 0..<8 {
      let (run, _) = Self.serve(DriftGuard(), seed: UInt64(seed), tell: true) { BanditGame.mean($0) + 0.02 }
      resets += run.resets
      #expect(run.said == 1)
    }
    #expect(resets <= 1)
  }

  @Test func whatNoLongerHoldsIsForgotten() {
    var (kept, tested) = (0.0, 0.0)
    var resets = 0
    for seed in 0..<6 {
      let turned: (Int) -> Double = { 3 - 3 * BanditGame.mean($0) }
      let test = Self.serve(DriftGuard(detects: false), seed: UInt64(seed), tell: true, mean: turned)
      resets += test.run.resets
      tested += test.regret
      kept += Self.serve(DriftGuard(policy: .keep, detects: false), seed: UInt64(seed), tell: true, mean: turned).regret
    }
    #expect(resets >= 5)
    #expect(tested < kept)
  }

  @Test func aChangeThatNobodyTellsOfIsDetected() {
    for seed in 0..<6 {
      let quiet = Self.serve(DriftGuard(), seed: UInt64(seed), tell: false) { BanditGame.mean($0) }
      #expect(quiet.run.detected == 0)
      let loud = Self.serve(DriftGuard(), seed: UInt64(seed), tell: false) { 0.9 - BanditGame.mean($0) }
      #expect(loud.run.detected >= 1)
      #expect(loud.run.said == 0)
    }
  }

  @Test func policiesDoWhatTheyAreCalled() {
    let keep = Self.serve(DriftGuard(policy: .keep), seed: 1, before: 60, after: 5, tell: true) { BanditGame.mean($0) }
    #expect(keep.run.resets == 0 && keep.run.kept.tally.answers.count == 65)
    let reset = Self.serve(DriftGuard(policy: .reset), seed: 1, before: 60, after: 5, tell: true) {
      BanditGame.mean($0)
    }
    #expect(reset.run.resets == 1 && reset.run.kept.tally.answers.count == 5)
  }
}
