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

  /// What is asked for by name: worlds, schedulers, optimizers; of a kind that is not named all.
  private struct Choice {
    var worlds = SimulatedWorld.all
    var schedulers = WorldSuite.schedulers
    /// The default first, which peers are compared with.
    var contenders =
      ([OptimizerCatalog.defaultName] + WorldSuite.optimizers).map { Contender(name: $0) } + [
        Contender(name: "mipro", hasShots: true),
        Contender(name: "portfolio", settings: ["members": .array(Portfolio.members.map(Value.string))]),
      ]

    init(_ words: [String]) throws {
      let known = Set(worlds.map(\.name) + schedulers + contenders.map(\.name)).sorted()
      if let word = words.first(where: { !known.contains($0) }) {
        throw UnknownWord(description: "worlds knows no \"\(word)\"; it knows \(known.joined(separator: ", "))")
      }
      func narrow<Element>(_ list: inout [Element], _ name: (Element) -> String) {
        let chosen = list.filter { words.contains(name($0)) }
        if !chosen.isEmpty { list = chosen }
      }
      narrow(&worlds, \.name)
      narrow(&schedulers) { $0 }
      narrow(&contenders, \.name)
    }
  }

  /// An optimizer, its settings, and whether the workflow has demonstrations.
  private struct Contender {
    var name: String
    var settings: Value = .null
    var hasShots = false

    var label: String {
      hasShots ? "\(name) with demonstrations" : settings == .null ? name : "\(name) of all members"
    }
  }

  private struct UnknownWord: Error, CustomStringConvertible { let description: String }

  /// - Parameter words: worlds, schedulers and optimizers by name, as `few rare gepa sequential-test`; none: all of them.
  static func run(_ words: [String] = []) async throws -> [Figure] {
    var figures: [Figure] = []
    let peers = try WorldPeers()
    let choice = try Choice(words)
    for scheduler in choice.schedulers {
      for world in choice.worlds {
        figures +=
          [.null, .coin].contains(world)
          ? try await nothingHelps(
            world, scheduler, optimizers.filter { name in choice.contenders.contains { $0.name == name } })
          : try await metricCalls(world, scheduler, choice.contenders, peers)
      }
    }
    return figures
  }

  // MARK: - Where nothing helps

  private static func nothingHelps(_ world: SimulatedWorld, _ scheduler: String, _ optimizers: [String]) async throws
    -> [Figure]
  {
    // The default is none of those in turn.
    let optimizers = optimizers.isEmpty ? [OptimizerCatalog.defaultName] : optimizers
    let runs = 200
    var (improved, better) = (0, 0)
    for run in 0..<runs {
      let name = optimizers[run % optimizers.count]
      let outcome = try await study(
        world, Contender(name: name), scheduler, seed: run, validation: 50, test: 100, budget: Budget(trials: 20))
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

  private static func metricCalls(
    _ world: SimulatedWorld, _ scheduler: String, _ contenders: [Contender], _ peers: WorldPeers
  ) async throws -> [Figure] {
    var figures: [Figure] = []
    var medians: [(name: String, median: Double)] = []
    for contender in contenders {
      var outcomes: [Outcome] = []
      for seed in seeds {
        outcomes.append(
          try await study(
            world, contender, scheduler, seed: seed, validation: validation, test: 0, budget: budget))
      }
      let label = contender.label
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
    _ world: SimulatedWorld, _ contender: Contender, _ scheduler: String, seed: Int, validation: Int, test: Int,
    budget: Budget
  ) async throws -> Outcome {
    let model = SimulatedModel(world, seed: UInt64(seed))
    let counted = CountedRunner(SimulatedRunner(world, model: model, hasShots: contender.hasShots))
    let space = counted.space
    let words = [SimulatedWorld.opening] + world.rules.map(\.phrase)
    let whole = Assignment(["instruction": .string(words.joined(separator: " "))])
    let goals = [world.bestAccuracy(), world.accuracy(of: counted.base.setting(whole))].map { 0.9 * $0 }
    let reached = Lock<[Int?]>([nil, nil])
    let assignments = Lock<[Int: Assignment]>([:])
    let report = try await Study(store: MemoryStore(), name: "world").run(
      counted, problem: Problem(space: space, objective: Objective(), seed: UInt64(seed)),
      data: SimulatedRunner.data(train: 100, validation: validation, test: test),
      optimizer: try OptimizerCatalog.make(name: contender.name, settings: contender.settings, space: space),
      optimizerSettings: ["use": .string(contender.name), "settings": contender.settings],
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
