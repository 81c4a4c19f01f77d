import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace

/// Proposers of text in simulated worlds whose truth is known: how often "improved" is said where nothing helps, and how many
/// metric calls a truly better instruction takes.
enum WorldSuite {
  private static let optimizers = ["gepa", "opro", "optoprime", "textgrad", "evoprompt", "portfolio"]

  static func run() async throws -> [Figure] {
    var figures: [Figure] = []
    for world in [SimulatedWorld.null, .coin] { figures += try await nothingHelps(world) }
    for world in [SimulatedWorld.few, .many, .rare] { figures += try await metricCalls(world) }
    return figures
  }

  // MARK: - Where nothing helps

  private static func nothingHelps(_ world: SimulatedWorld) async throws -> [Figure] {
    let runs = 200
    var (improved, better) = (0, 0)
    for run in 0..<runs {
      let name = optimizers[run % optimizers.count]
      let outcome = try await study(world, name, seed: run, validation: 50, test: 100, trials: 20)
      if outcome.report.isImproved { improved += 1 }
      if outcome.report.bestTrial != outcome.report.startTrial { better += 1 }
    }
    return [
      Figure(
        name: "world \(world.name): \"improved\" said", value: 100 * Double(improved) / Double(runs), unit: "% of runs",
        target: 5, peer: "GEPA 0.1.4: 83-92 %; MIPROv2 reported 63 for 60",
        how: "\(runs) runs, \(optimizers.count) proposers in turn, 50 validation and 100 sealed test rows, 20 trials"),
      Figure(
        name: "world \(world.name): some trial scored above the start on validation",
        value: 100 * Double(better) / Double(runs), unit: "% of runs",
        how: "the same runs; this alone is not called improved"),
    ]
  }

  // MARK: - Metric calls

  private static let seeds = 0..<10
  private static let validation = 100

  private static func metricCalls(_ world: SimulatedWorld) async throws -> [Figure] {
    var figures: [Figure] = []
    for name in optimizers {
      var calls: [Double] = []
      var truths: [Double] = []
      for seed in seeds {
        let outcome = try await study(world, name, seed: seed, validation: validation, test: 0, trials: 40)
        calls.append(outcome.calls.map(Double.init) ?? .infinity)
        truths.append(outcome.truth)
      }
      calls.sort()
      truths.sort()
      let median = calls[calls.count / 2]
      figures.append(
        Figure(
          name: "world \(world.name), \(name): metric calls to 90 % of the best accuracy",
          value: median.isFinite ? median : -1, unit: "calls",
          how:
            "median of \(seeds.count) seeds, -1: not within 40 trials; reached in \(calls.count(where: \.isFinite)); "
            + "median true accuracy at the end \(truths[truths.count / 2].rounded(toDigits: 3)) "
            + "of \(world.bestAccuracy().rounded(toDigits: 3))"))
    }
    return figures
  }

  // MARK: - A study

  private struct Outcome {
    var report: Report
    /// Rollouts until the incumbent was truly good enough; nil: never.
    var calls: Int?
    var truth: Double
  }

  private static func study(
    _ world: SimulatedWorld, _ optimizer: String, seed: Int, validation: Int, test: Int, trials: Int
  ) async throws -> Outcome {
    let model = SimulatedModel(world, seed: UInt64(seed))
    let counted = CountedRunner(SimulatedRunner(world, model: model))
    let space = counted.space
    let goal = 0.9 * world.bestAccuracy()
    let reached = Lock<Int?>(nil)
    let assignments = Lock<[Int: Assignment]>([:])
    let report = try await Study(store: MemoryStore(), name: "world").run(
      counted, problem: Problem(space: space, objective: Objective(), seed: UInt64(seed)),
      data: SimulatedRunner.data(train: 100, validation: validation, test: test),
      optimizer: try OptimizerCatalog.make(name: optimizer, space: space),
      optimizerSettings: ["use": .string(optimizer)],
      settings: StudySettings(parallel: 1, budget: Budget(trials: trials)), proposer: model, logger: nil
    ) { progress in
      guard case .ended(let trial, let incumbent?, _, _) = progress else { return }
      assignments.withLock { $0[trial.number] = trial.proposal.assignment }
      guard let best = assignments.withLock({ $0[incumbent] }), reached.withLock({ $0 == nil }) else { return }
      if world.accuracy(of: counted.base.setting(best)) >= goal { reached.withLock { $0 = counted.calls } }
    }
    return Outcome(
      report: report, calls: reached.withLock { $0 }, truth: world.accuracy(of: counted.base.setting(report.assignment))
    )
  }
}

/// Counts rollouts.
private struct CountedRunner: Runner {
  let base: SimulatedRunner
  private let count = Lock(0)
  var space: Space { base.space }
  var fingerprint: String { base.fingerprint }
  var calls: Int { count.withLock { $0 } }

  init(_ base: SimulatedRunner) { self.base = base }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    count.withLock { $0 += 1 }
    return await base.run(example, repeat: `repeat`)
  }
}
