import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace

/// Proposers of text in simulated worlds whose truth is known: how often "improved" is said where nothing helps, and how many
/// metric calls a truly better instruction takes.
enum WorldSuite {
  private static let optimizers = [
    "gepa", "opro", "optoprime", "textgrad", "evoprompt", "forest", "alphaopt", "mipro", "portfolio",
  ]

  /// Every trial whole, screened after the first rows; and each trial tested against the best one in pairs.
  private static let schedulers = ["full", "sequential-test"]

  static func run() async throws -> [Figure] {
    var figures: [Figure] = []
    let peers = try WorldPeers()
    for scheduler in schedulers {
      for world in [SimulatedWorld.null, .coin] { figures += try await nothingHelps(world, scheduler) }
      for world in [SimulatedWorld.few, .many, .rare] { figures += try await metricCalls(world, scheduler, peers) }
    }
    return figures
  }

  // MARK: - Where nothing helps

  private static func nothingHelps(_ world: SimulatedWorld, _ scheduler: String) async throws -> [Figure] {
    let runs = 200
    var (improved, better) = (0, 0)
    for run in 0..<runs {
      let name = optimizers[run % optimizers.count]
      let outcome = try await study(
        world, name, scheduler, seed: run, validation: 50, test: 100, budget: Budget(trials: 20))
      if outcome.report.isImproved { improved += 1 }
      if outcome.report.bestTrial != outcome.report.startTrial { better += 1 }
    }
    return [
      Figure(
        name: "world \(world.name), \(scheduler): \"improved\" said", value: 100 * Double(improved) / Double(runs),
        unit: "% of runs", target: 5, peer: "GEPA 0.1.4: 83-92 %; MIPROv2 reported 63 for 60",
        how: "\(runs) runs, \(optimizers.count) proposers in turn, 50 validation and 100 sealed test rows, 20 trials"),
      Figure(
        name: "world \(world.name), \(scheduler): another trial than the start was best on validation",
        value: 100 * Double(better) / Double(runs), unit: "% of runs",
        how: "the same runs; this alone is not called improved"),
    ]
  }

  // MARK: - Metric calls

  private static let seeds = 0..<10
  private static let validation = 100
  /// The peers were given as many calls (`Benchmarks/Peers/world_peers.py`); the trials bound the time this takes.
  private static let budget = Budget(trials: 80, rollouts: 4_000)

  private static func metricCalls(_ world: SimulatedWorld, _ scheduler: String, _ peers: WorldPeers) async throws
    -> [Figure]
  {
    var figures: [Figure] = []
    var medians: [(name: String, median: Double)] = []
    for (name, hasShots) in ([OptimizerCatalog.defaultName] + optimizers).map({ ($0, false) }) + [("mipro", true)] {
      var outcomes: [Outcome] = []
      for seed in seeds {
        outcomes.append(
          try await study(
            world, name, scheduler, seed: seed, validation: validation, test: 0, budget: budget, hasShots: hasShots))
      }
      let label = hasShots ? "\(name) with demonstrations" : name
      let calls = outcomes.map { $0.calls.map(Double.init) ?? .infinity }.sorted()
      medians.append((label, calls[calls.count / 2]))
      let truths = outcomes.map(\.truth).sorted()
      let end =
        "median true accuracy at the end \(truths[truths.count / 2].rounded(toDigits: 3)) "
        + "of \(world.bestAccuracy().rounded(toDigits: 3))"
      figures.append(
        figure("world \(world.name), \(label), \(scheduler): metric calls to 90 % of the best accuracy", outcomes, end)
        {
          $0.calls
        })
      guard world == .many else { continue }
      figures.append(
        figure(
          "world \(world.name), \(label), \(scheduler): metric calls to 90 % of what an instruction alone can reach",
          outcomes, end + "; the best needs other numbers too, which are not tuned here"
        ) { $0.callsByWords })
    }
    return figures + peers.figures(world, scheduler, medians)
  }

  private static func figure(
    _ name: String, _ outcomes: [Outcome], _ end: String, _ reached: (Outcome) -> Int?
  ) -> Figure {
    let calls = outcomes.map { reached($0).map(Double.init) ?? .infinity }.sorted()
    let median = calls[calls.count / 2]
    return Figure(
      name: name, value: median.isFinite ? median : -1, unit: "calls",
      how: "median of \(calls.count) seeds, -1: not within 80 trials or 4,000 calls; "
        + "reached in \(calls.count(where: \.isFinite)); \(end)")
  }

  // MARK: - A study

  private struct Outcome {
    var report: Report
    /// Rollouts until the incumbent was truly good enough; nil: never.
    var calls: Int?
    /// The same for what the instruction alone can reach.
    var callsByWords: Int?
    var truth: Double
  }

  private static func study(
    _ world: SimulatedWorld, _ optimizer: String, _ scheduler: String, seed: Int, validation: Int, test: Int,
    budget: Budget, hasShots: Bool = false
  ) async throws -> Outcome {
    let model = SimulatedModel(world, seed: UInt64(seed))
    let counted = CountedRunner(SimulatedRunner(world, model: model, hasShots: hasShots))
    let space = counted.space
    let words = [SimulatedWorld.opening] + world.rules.map(\.phrase)
    let whole = Assignment(["instruction": .string(words.joined(separator: " "))])
    let goals = [world.bestAccuracy(), world.accuracy(of: counted.base.setting(whole))].map { 0.9 * $0 }
    let reached = Lock<[Int?]>([nil, nil])
    let assignments = Lock<[Int: Assignment]>([:])
    let report = try await Study(store: MemoryStore(), name: "world").run(
      counted, problem: Problem(space: space, objective: Objective(), seed: UInt64(seed)),
      data: SimulatedRunner.data(train: 100, validation: validation, test: test),
      optimizer: try OptimizerCatalog.make(name: optimizer, space: space),
      optimizerSettings: ["use": .string(optimizer)],
      settings: StudySettings(parallel: 1, budget: budget),
      scheduler: scheduler == "full" ? nil : try SchedulerCatalog.make(name: scheduler),
      proposer: model, logger: nil
    ) { progress in
      guard case .ended(let trial, let incumbent?, _, _) = progress else { return }
      assignments.withLock { $0[trial.number] = trial.proposal.assignment }
      guard let best = assignments.withLock({ $0[incumbent] }), reached.withLock({ $0.contains(nil) }) else { return }
      let truth = world.accuracy(of: counted.base.setting(best))
      reached.withLock { reached in
        for goal in goals.indices where truth >= goals[goal] && reached[goal] == nil { reached[goal] = counted.calls }
      }
    }
    let calls = reached.withLock { $0 }
    return Outcome(
      report: report, calls: calls[0], callsByWords: calls[1],
      truth: world.accuracy(of: counted.base.setting(report.assignment)))
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

  func label(of example: Example) -> String? { base.label(of: example) }
}
