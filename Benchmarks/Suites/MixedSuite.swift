import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Every optimizer of the catalog on mixed, conditional and rotated functions, compared by rank; and what an ask costs with
/// 10,000 trials in the history.
enum MixedSuite {
  private static let trials = 40
  private static let seeds = 20

  /// Text, bounds or costs are what these are for: without them they are another one's double.
  private static let left = OptimizerCatalog.askingModel.union(["joint", "gp-constrained", "gp-cost"])

  static func run() async throws -> [Figure] {
    let names = OptimizerCatalog.names.filter { !left.contains($0) }
    // By optimizer, function, seed.
    var regrets: [[[Double]]] = []
    for name in names {
      var ofName: [[Double]] = []
      for function in MixedFunction.all {
        var ofFunction: [Double] = []
        for seed in 0..<seeds { ofFunction.append(try await search(name, function, seed: seed)) }
        ofName.append(ofFunction)
      }
      regrets.append(ofName)
    }
    return figures(names, Ranks(regrets)) + (try await overhead(names))
  }

  /// The least loss without noise after all trials.
  private static func search(_ name: String, _ function: MixedFunction, seed: Int) async throws -> Double {
    let problem = Problem(
      space: function.space, objective: Objective(direction: .minimize), seed: UInt64(seed))
    var driver = OptimizerDriver(try OptimizerCatalog.make(name: name, space: function.space), problem: problem)
    // The same noise for every optimizer.
    var noise = RandomStream(seed: UInt64(seed), name: "noise of \(function.name)")
    var known: Set<String> = []
    var best = Double.infinity
    for trial in 0..<trials {
      let answer = try await driver.ask(1, context: AskContext(problem: problem, round: trial, known: known))
      guard let proposal = answer.proposals.first else { break }
      known.insert(proposal.assignment.key)
      driver.tell(.began(trial: trial, proposal))
      let loss = function.loss(proposal.assignment)
      best = min(best, loss)
      let error = function.noise > 0 ? noise.normal() * function.noise / 4 : 0
      let estimate = Estimate(
        mean: loss + error, deviation: function.noise, count: function.noise > 0 ? 16 : 1)
      driver.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
    }
    return best
  }

  private static func figures(_ names: [String], _ ranks: Ranks) -> [Figure] {
    var figures: [Figure] = []
    for (index, name) in names.enumerated() {
      let shown = MixedFunction.all.indices.map { function in
        "\(MixedFunction.all[function].name) \(ranks.mean(index, function).rounded(toDigits: 3))"
      }
      figures.append(
        Figure(
          name: "\(name), mean rank of \(names.count) after \(trials) trials", value: ranks.mean(index), unit: "rank",
          how: "\(MixedFunction.all.count) functions, \(seeds) seeds: " + shown.joined(separator: ", ")))
    }
    guard let auto = names.firstIndex(of: "auto"),
      let best = names.indices.filter({ $0 != auto }).min(by: { ranks.mean($0) < ranks.mean($1) })
    else { return figures }
    let interval = ranks.ratioInterval(auto, best)
    let range = "[\(interval.low.rounded(toDigits: 3)), \(interval.high.rounded(toDigits: 3))]"
    figures.append(
      Figure(
        name: "auto / \(names[best]), the best single method, mean rank", value: ranks.mean(auto) / ranks.mean(best),
        unit: "ratio", target: 1.1, how: "90 % bootstrap interval \(range) over functions, then seeds"))
    return figures
  }

  /// CPU of one ask and what is told about it, at 10,000 trials of five parameters.
  private static func overhead(_ names: [String]) async throws -> [Figure] {
    var figures: [Figure] = []
    let space = MixedFunction.all[5].space
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: 7)
    for name in names {
      var driver = OptimizerDriver(try OptimizerCatalog.make(name: name, space: space), problem: problem)
      var random = RandomStream(seed: 3, name: "history")
      var known: Set<String> = []
      func add(_ trial: Int, _ proposal: Proposal) {
        known.insert(proposal.assignment.key)
        driver.tell(.began(trial: trial, proposal))
        let estimate = Estimate(mean: MixedFunction.all[5].loss(proposal.assignment), deviation: 0, count: 1)
        driver.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
      }
      for trial in 0..<10_000 {
        let point = space.encodable.indices.map { _ in random.uniform() }
        add(trial, Proposal(try space.decode(point, base: space.initial), origin: "random"))
      }
      let start = Machine.cpuSeconds()
      for trial in 10_000..<10_010 {
        let answer = try await driver.ask(1, context: AskContext(problem: problem, round: trial, known: known))
        if let proposal = answer.proposals.first { add(trial, proposal) }
      }
      figures.append(
        Figure(
          name: "\(name), suggestion at n = 10000", value: (Machine.cpuSeconds() - start) / 10 * 1_000, unit: "ms CPU",
          target: ["gp": 380, "tpe": 20, "auto": 100][name], how: "ask and tell; mean of 10; five parameters"))
    }
    return figures
  }
}

/// Ranks among optimizers on every function and seed; equal losses share a rank.
private struct Ranks {
  /// By optimizer, function, seed.
  private let ranks: [[[Double]]]

  init(_ losses: [[[Double]]]) {
    ranks = losses.map { mine in
      mine.enumerated().map { function, seeds in
        seeds.enumerated().map { seed, loss in
          let all = losses.map { $0[function][seed] }
          return 1 + Double(all.count { $0 < loss }) + 0.5 * Double(all.count { $0 == loss } - 1)
        }
      }
    }
  }

  func mean(_ optimizer: Int, _ function: Int) -> Double {
    ranks[optimizer][function].reduce(0, +) / Double(ranks[optimizer][function].count)
  }

  func mean(_ optimizer: Int) -> Double {
    ranks[optimizer].indices.reduce(0.0) { $0 + mean(optimizer, $1) } / Double(ranks[optimizer].count)
  }

  func ratioInterval(_ a: Int, _ b: Int) -> (low: Double, high: Double) {
    var random = RandomStream(seed: 1, name: "ranks")
    var ratios: [Double] = []
    for _ in 0..<2_000 {
      var (first, second) = (0.0, 0.0)
      for _ in ranks[a].indices {
        let function = Int.random(in: ranks[a].indices, using: &random)
        for _ in ranks[a][function].indices {
          let seed = Int.random(in: ranks[a][function].indices, using: &random)
          first += ranks[a][function][seed]
          second += ranks[b][function][seed]
        }
      }
      ratios.append(first / second)
    }
    ratios.sort()
    return (ratios[ratios.count / 20], ratios[ratios.count - 1 - ratios.count / 20])
  }
}
