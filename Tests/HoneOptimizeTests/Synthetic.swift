import Foundation
import HoneModel
import HoneOptimize
import HoneTrace
import Testing

/// A study on a function, as tests of search drive one: begun, scored, told.
struct Synthetic {
  var problem: Problem
  var loss: @Sendable (Assignment) -> Double

  /// Ten parameters of all kinds; the best assignment has loss 0.
  static func mixed(seed: UInt64) -> Synthetic {
    let space = Space([
      ParameterSpec(name: "x", domain: .float(FloatDomain(-5...10)), initial: 9),
      ParameterSpec(name: "rate", domain: .float(FloatDomain(1e-5...1, scale: .log)), initial: 1),
      ParameterSpec(name: "k", domain: .int(IntDomain(1...20)), initial: 1),
      ParameterSpec(name: "kind", domain: .categorical(["a", "b", "c", "d"]), initial: "a"),
      ParameterSpec(
        name: "depth", domain: .int(IntDomain(1...64, scale: .log)), initial: 64,
        condition: Condition(["kind": ["b", "c"]])),
    ])
    return Synthetic(problem: Problem(space: space, objective: Objective(direction: .minimize), seed: seed)) { values in
      let x: Double = ((values["x"]?.number ?? 0) - 3) / 15
      let rate: Double = (log10(values["rate"]?.number ?? 1) + 3) / 5
      let k: Double = (Double(values["k"]?.int ?? 0) - 12) / 20
      let kind: Double = ["a": 0.3, "b": 0.1, "c": 0.0, "d": 0.25][values["kind"]?.string ?? ""] ?? 1
      let depth: Double = values["depth"]?.int.map { abs(log2(Double($0)) - 3) / 6 } ?? 0.3
      let numbers: Double = x * x + rate * rate + k * k
      return numbers + kind + 0.3 * depth
    }
  }

  /// Bowl in the unit cube, its bottom off centre.
  static func bowl(_ dimensions: Int, seed: UInt64) -> Synthetic {
    let space = Space(
      (0..<dimensions).map { ParameterSpec(name: "x\($0)", domain: .float(FloatDomain(0...1)), initial: 0.95) })
    return Synthetic(problem: Problem(space: space, objective: Objective(direction: .minimize), seed: seed)) { values in
      (0..<dimensions).reduce(0) { sum, index in
        let u = (values["x\(index)"]?.number ?? 0) - 0.3 - 0.05 * Double(index)
        return sum + u * u
      }
    }
  }

  /// The losses of so many trials in their order.
  func losses(_ optimizer: any Optimizer, trials: Int, batch: Int = 1) async throws -> [Double] {
    var driver = OptimizerDriver(optimizer, problem: problem)
    var known: Set<String> = []
    var losses: [Double] = []
    while losses.count < trials {
      let context = AskContext(problem: problem, round: losses.count, known: known)
      let answer = try await driver.ask(batch, context: context)
      guard !answer.proposals.isEmpty else { break }
      for (offset, proposal) in answer.proposals.enumerated() {
        known.insert(proposal.assignment.key)
        driver.tell(.began(trial: losses.count + offset, proposal))
      }
      for proposal in answer.proposals {
        let value = loss(proposal.assignment)
        let estimate = Estimate(mean: value, deviation: 0, count: 1)
        driver.tell(.completed(trial: losses.count, estimate, screened: false, outcomes: [:]))
        losses.append(value)
      }
    }
    return losses
  }

  /// Seeds of the first `seeds` on which the optimizer's best of so many trials is better than random search's.
  static func wins(
    _ optimizer: any Optimizer, on make: (UInt64) -> Synthetic, trials: Int, seeds: Int, batch: Int = 1
  ) async throws -> Int {
    var wins = 0
    for seed in 0..<UInt64(seeds) {
      let synthetic = make(seed)
      let ours = try await synthetic.losses(optimizer, trials: trials, batch: batch).min() ?? .infinity
      let random = try await synthetic.losses(RandomSearch(), trials: trials).min() ?? .infinity
      if ours < random { wins += 1 }
    }
    return wins
  }
}

/// Scores that a study may meet and that a model must survive.
enum Hostile {
  static let scores: [(name: String, of: @Sendable (Int) -> Double)] = [
    ("constant", { _ in 0.5 }), ("tiny", { Double($0 % 7) * 1e-300 }), ("huge", { Double($0 % 7) * 1e299 }),
    ("negative huge", { -Double($0 % 5) * 1e307 }), ("one outlier", { $0 == 3 ? 1e300 : Double($0) }),
    ("not a number", { $0 % 2 == 0 ? .nan : 1 }), ("infinite", { $0 % 3 == 0 ? .infinity : -.infinity }),
    ("percent", { Double($0 * 37 % 100) }), ("two values", { Double($0 % 2) }),
  ]

  /// Asks and tells; each ask must give a new assignment, and refuse none.
  static func survives(_ optimizer: some Optimizer, trials: Int) async throws {
    for (name, score) in scores {
      for direction in [Objective.Direction.maximize, .minimize] {
        let space = Synthetic.mixed(seed: 3).problem.space
        let problem = Problem(space: space, objective: Objective(direction: direction), seed: 3)
        var driver = OptimizerDriver(optimizer, problem: problem)
        var known: Set<String> = []
        for trial in 0..<trials {
          let answer = try await driver.ask(1, context: AskContext(problem: problem, round: trial, known: known))
          let proposal = try #require(answer.proposals.first, "\(name)")
          #expect(answer.attempts.isEmpty, "\(name)")
          #expect(known.insert(proposal.assignment.key).inserted, "\(name)")
          driver.tell(.began(trial: trial, proposal))
          let estimate = Estimate(mean: score(trial), deviation: 0, count: 1)
          driver.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
        }
      }
    }
  }
}
