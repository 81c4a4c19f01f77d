import Foundation
import HoneNumerics
import HoneOptimize

/// A model is switched under a running bandit: is what it knows worth keeping?
enum DriftSuite {
  private static let before = 1_500
  private static let after = 500
  /// Not those that the test was mended on.
  private static let seeds = 20..<30

  static func figures(_ rag: RagTable) async -> [Figure] {
    func slice(_ retriever: Int, _ weight: Double) -> BanditTable {
      .rag(rag, name: RagTable.retrievers[retriever], weight: weight, retrievers: [retriever])
    }
    var turned = slice(3, 0.5)
    turned = BanditTable(
      name: "minilm upside down", levels: turned.levels, isOrdered: turned.isOrdered,
      rewards: turned.rewards.map { $0.map { -$0 } })
    let pairs = [
      ("minilm to hybrid, w 0.5", slice(3, 0.5), slice(2, 0.5), true),
      ("bm25 to minilm, w 0.5", slice(0, 0.5), slice(3, 0.5), true),
      ("minilm, w 0.5 to 0.7", slice(3, 0.5), slice(3, 0.7), true),
      ("minilm to minilm upside down, w 0.5", slice(3, 0.5), turned, false),
      ("no switch but told of one, minilm, w 0.5", slice(3, 0.5), slice(3, 0.5), true),
    ]
    var figures: [Figure] = []
    for (name, old, new, isAlike) in pairs {
      var means: [DriftGuard.Policy: Double] = [:]
      for policy in DriftGuard.Policy.allCases {
        let regrets = await regrets(DriftGuard(policy: policy, detects: false), old, new, isTold: true)
        means[policy] = Sample(regrets).mean
        figures.append(
          Figure(
            name: "\(name): \(policy.rawValue), regret per question after the switch", value: Sample(regrets).mean,
            unit: "regret",
            how: "\(before) questions before, \(after) after, one at a time, 100 arms; \(seeds.count) seeds, "
              + Sample(regrets).interval))
      }
      let best = min(means[.keep] ?? 0, means[.reset] ?? 0)
      figures.append(
        Figure(
          name: "\(name): test / better of keep and reset", value: (means[.test] ?? 0) / best, unit: "ratio",
          target: 1.25,
          how: "the figures above"))
      if isAlike {
        figures.append(
          Figure(
            name: "\(name): keep / reset", value: (means[.keep] ?? 0) / (means[.reset] ?? 1), unit: "ratio", target: 1,
            peer: "AutoRAG-HP's study of a switched model: continue beats reset", how: "the figures above"))
      }
      let untold = await regrets(DriftGuard(), old, new, isTold: false)
      figures.append(
        Figure(
          name: "\(name): nobody tells, regret per question after the switch", value: Sample(untold).mean,
          unit: "regret", how: "detection and test; \(seeds.count) seeds, \(Sample(untold).interval)"))
    }
    return figures
  }

  /// Mean regret of the questions after the switch, by seed.
  private static func regrets(_ bandit: DriftGuard, _ old: BanditTable, _ new: BanditTable, isTold: Bool) async
    -> [Double]
  {
    await withTaskGroup(of: (Int, Double).self) { group in
      for seed in seeds { group.addTask { (seed, regret(bandit, old, new, isTold, seed)) } }
      var found: [(Int, Double)] = []
      for await regret in group { found.append(regret) }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private static func regret(_ bandit: DriftGuard, _ old: BanditTable, _ new: BanditTable, _ isTold: Bool, _ seed: Int)
    -> Double
  {
    let arms = Arms(factors: old.isOrdered.map(Arms.Factor.init), points: old.points)
    var run = bandit.start(BanditTask(arms: arms, batch: 1, seed: UInt64(seed)))
    var random = RandomStream(seed: UInt64(seed), name: "drift")
    var regret = 0.0
    for question in 0..<(before + after) {
      if question == before, isTold { run.tell(.switched) }
      let table = question < before ? old : new
      guard let arm = run.next().first?.arm, let row = table.rewards[arm].indices.randomElement(using: &random) else {
        continue
      }
      run.tell(.pulled([Pull(arm: arm, questions: [question])]))
      run.tell(.rewarded(arm: arm, question: question, reward: table.rewards[arm][row]))
      if question >= before { regret += table.best - table.means[arm] }
    }
    return regret / Double(after)
  }
}
