import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Figures of schedulers on real errors of single examples: choosing from a fixed pool of configurations, and the whole
/// loop of proposing and choosing, under a budget of examples.
///
/// Run from the repository's root. Constants of the schedulers were chosen on other pools, drawn by another generator.
enum FidelitySuite {
  private static let folder = "Benchmarks/Data/hpo"

  static func run() async throws -> [Figure] {
    let tables = try ErrorTable.all(folder)
    return try await pool(tables) + loop(tables)
  }

  // MARK: Fixed pool

  private static let poolSize = 32
  private static let budgets = [8, 16, 32]
  private static let repeats = 150
  private static let policies = [
    "unpaired minibatch", "common minibatch", "halving, unpaired", "successive-halving", "race", "asha", "pasha",
    "hyperband", "id-hyperband", "full, of a few",
  ]

  private static func pool(_ tables: [ErrorTable]) throws -> [Figure] {
    var regrets: [String: Regrets] = [:]
    for policy in policies {
      regrets[policy] = Regrets(
        byTable: try tables.map { table in
          try (0..<repeats).map { seed in
            try budgets.map { try Pool(table, poolSize, seed: seed).regret(policy, each: $0) }
          }
        })
    }
    guard let base = regrets[policies[0]] else { return [] }
    var figures: [Figure] = []
    for (index, budget) in budgets.enumerated() {
      for policy in policies {
        guard let ours = regrets[policy] else { continue }
        let mean = ours.mean(0..<repeats, index)
        let interval = ours.ratioInterval(to: base, 0..<repeats, index)
        let isTarget = budget == 32 && policy == "successive-halving"
        figures.append(
          Figure(
            name: "fixed pool, \(policy), \(budget) examples each, regret / unpaired minibatch",
            value: mean / base.mean(0..<repeats, index), unit: "ratio", target: isTarget ? 0.45 : nil,
            peer: Self.poolPeers[policy].map { "study prototype on 12 tasks, error points: \($0[index])" },
            how: "\(mean.rounded(toDigits: 3)) error points; 90 % bootstrap interval \(shown(interval)) over "
              + "\(tables.count) tables, then \(repeats) pools of \(poolSize)"))
      }
    }
    return figures
  }

  private static let poolPeers: [String: [Double]] = [
    "unpaired minibatch": [4.87, 2.75, 1.61], "common minibatch": [3.93, 2.18, 1.19],
    "halving, unpaired": [2.91, 1.39, 0.89], "successive-halving": [3.20, 1.55, 0.53], "race": [3.89, 1.25, 0.69],
    "full, of a few": [20.7, 16.5, 11.4],
  ]

  private static func shown(_ interval: (low: Double, high: Double)) -> String {
    "[\(interval.low.rounded(toDigits: 3)), \(interval.high.rounded(toDigits: 3))]"
  }

  // MARK: Whole loop

  private static let loopBudgets = [480, 960]

  private static func loop(_ tables: [ErrorTable]) async throws -> [Figure] {
    let peers = try ErrorTable.peers(folder, tables)
    let schedulers = [
      "minibatch", "common", "asha", "pasha", "successive-halving", "hyperband", "id-hyperband", "race",
    ]
    let cells: [(sampler: String, schedulers: [String], seeds: Int, budgets: [Int])] = [
      ("random", schedulers, 50, loopBudgets), ("tpe", schedulers, 50, loopBudgets),
      ("gp", ["minibatch", "common", "asha", "successive-halving"], 50, [480]),
    ]
    var regrets: [String: Regrets] = [:]
    var figures: [Figure] = []
    for cell in cells {
      for scheduler in cell.schedulers {
        let name = "\(cell.sampler)/\(scheduler)"
        var byTable: [[[Double]]] = []
        for table in tables {
          var bySeed: [[Double]] = []
          for seed in 0..<cell.seeds {
            var values: [Double] = []
            for budget in cell.budgets {
              values.append(try await Loop(table, cell.sampler, scheduler, seed: seed, budget: budget).regret())
            }
            bySeed.append(values)
          }
          byTable.append(bySeed)
        }
        let ours = Regrets(byTable: byTable)
        regrets[name] = ours
        for (index, budget) in cell.budgets.enumerated() {
          figures.append(
            Figure(
              name: "whole loop, \(name), \(budget) examples, regret", value: ours.mean(0..<cell.seeds, index),
              unit: "error points", peer: budget == 480 ? shown(peers) : nil,
              how: "mean of \(tables.count) tables x \(cell.seeds) seeds"))
        }
      }
    }
    return figures + contrasts(regrets)
  }

  private static func shown(_ peers: [(name: String, regrets: Regrets)]) -> String {
    peers.map { "\($0.name): \($0.regrets.mean(0..<20, 0).rounded(toDigits: 3))" }.joined(separator: ", ")
  }

  /// Differences between two ways; negative: the first is better.
  private static func contrasts(_ regrets: [String: Regrets]) -> [Figure] {
    let wanted = [
      ("random/asha", "random/minibatch"), ("tpe/asha", "tpe/minibatch"), ("gp/asha", "gp/minibatch"),
      ("random/asha", "random/common"), ("tpe/asha", "tpe/common"), ("gp/asha", "gp/common"),
      ("random/common", "random/minibatch"), ("tpe/common", "tpe/minibatch"), ("gp/common", "gp/minibatch"),
      ("random/successive-halving", "random/minibatch"), ("tpe/successive-halving", "tpe/minibatch"),
      ("gp/successive-halving", "gp/minibatch"), ("tpe/minibatch", "random/minibatch"),
      ("gp/minibatch", "random/minibatch"), ("tpe/asha", "random/asha"), ("gp/asha", "random/asha"),
      ("tpe/common", "random/common"), ("gp/common", "random/common"),
      ("tpe/successive-halving", "random/successive-halving"), ("gp/successive-halving", "random/successive-halving"),
    ]
    var figures: [Figure] = []
    for (ours, theirs) in wanted {
      guard let a = regrets[ours], let b = regrets[theirs] else { continue }
      let seeds = 0..<min(a.byTable[0].count, b.byTable[0].count)
      for index in 0..<min(a.byTable[0][0].count, b.byTable[0][0].count) {
        let interval = a.interval(to: b, seeds, index, -)
        figures.append(
          Figure(
            name: "whole loop, \(ours) - \(theirs), \(loopBudgets[index]) examples",
            value: a.mean(seeds, index) - b.mean(seeds, index), unit: "error points",
            how: "90 % bootstrap interval \(shown(interval)) over tables, then \(seeds.count) seeds"))
      }
    }
    return figures
  }
}
