import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Figures of numerical search: regret on real tables beside recorded peers, on smooth functions, and CPU time.
///
/// Run from the repository's root: the tables are in `Benchmarks/Data/hpo`.
enum SearchSuite {
  private static let folder = "Benchmarks/Data/hpo"
  private static let marks = [10, 20, 30]

  static func run() async throws -> [Figure] {
    let tables = try SearchTable.all(folder)
    let peers = try peers(tables)
    var figures: [Figure] = []
    for name in ["tpe", "gp", "auto", "sobol"] {
      let regrets = try await regrets(name, tables)
      for seeds in [0..<10, 10..<20] { figures += compare(name, regrets, peers, seeds) }
    }
    return try await figures + [smooth("gp"), smooth("tpe"), smooth("auto")] + overhead()
  }

  // MARK: Tables

  /// What peers reached, for the seeds that all tables have.
  private static func peers(_ tables: [SearchTable]) throws -> [(name: String, regrets: Regrets)] {
    var found: [String: [String: [[Double]]]] = [:]
    let rows = try SearchTable.rows("\(folder)/peers.csv")
    for row in rows.sorted(by: { (Int($0[2]) ?? 0) < (Int($1[2]) ?? 0) }) {
      let values = row.dropFirst(3).compactMap { Double($0) }
      guard let table = tables.first(where: { $0.name == row[1] }) else { continue }
      found[String(row[0]), default: [:]][table.name, default: []].append(values.map(table.regret))
    }
    return found.keys.sorted().map { name in
      (name, Regrets(byTable: tables.map { found[name]?[$0.name] ?? [] }))
    }
  }

  private static func cube(_ dimensions: Int) -> Space {
    Space((0..<dimensions).map { ParameterSpec(name: "u\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5) })
  }

  /// The best loss after each trial.
  private static func search(
    _ optimizer: String, _ dimensions: Int, seed: Int, trials: Int, _ loss: ([Double]) -> Double
  ) async throws -> [Double] {
    let space = cube(dimensions)
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: UInt64(seed))
    var driver = OptimizerDriver(try OptimizerCatalog.make(name: optimizer, space: space), problem: problem)
    var known: Set<String> = []
    var best: [Double] = []
    for trial in 0..<trials {
      let answer = try await driver.ask(1, context: AskContext(problem: problem, round: trial, known: known))
      guard let proposal = answer.proposals.first else { break }
      known.insert(proposal.assignment.key)
      driver.tell(.began(trial: trial, proposal))
      let value = loss((0..<dimensions).map { proposal.assignment["u\($0)"]?.number ?? 0.5 })
      driver.tell(
        .completed(trial: trial, Estimate(mean: value, deviation: 0, count: 1), screened: false, outcomes: [:]))
      best.append(min(best.last ?? .infinity, value))
    }
    return best
  }

  private static func regrets(_ optimizer: String, _ tables: [SearchTable]) async throws -> Regrets {
    var all: [[[Double]]] = []
    for table in tables {
      var bySeed: [[Double]] = []
      for seed in 0..<20 {
        let curve = try await search(optimizer, table.dimensions, seed: seed, trials: 30, table.loss)
        bySeed.append(marks.map { table.regret(curve[$0 - 1]) })
      }
      all.append(bySeed)
    }
    return Regrets(byTable: all)
  }

  private static func compare(
    _ name: String, _ ours: Regrets, _ peers: [(name: String, regrets: Regrets)], _ seeds: Range<Int>
  ) -> [Figure] {
    var figures: [Figure] = []
    let label = "seeds \(seeds.lowerBound)-\(seeds.upperBound - 1)"
    for (index, trial) in marks.enumerated() {
      let known = peers.filter { $0.regrets.byTable.allSatisfy { $0.count >= seeds.upperBound } }
      let shown = known.map { "\($0.name): \($0.regrets.mean(seeds, index).rounded(toDigits: 3))" }
      figures.append(
        Figure(
          name: "\(name), normalised regret at trial \(trial), \(label)", value: ours.mean(seeds, index),
          unit: "regret",
          peer: shown.joined(separator: ", "), how: "mean of 10 tables x 10 seeds; peers recorded on the same tables"))
      for peer in known where peer.name.hasPrefix("optuna") && name != "sobol" {
        let ratio = ours.mean(seeds, index) / peer.regrets.mean(seeds, index)
        let interval = ours.ratioInterval(to: peer.regrets, seeds, index)
        let range = "[\(interval.low.rounded(toDigits: 3)), \(interval.high.rounded(toDigits: 3))]"
        figures.append(
          Figure(
            name: "\(name) / \(peer.name), regret at trial \(trial), \(label)", value: ratio, unit: "ratio",
            target: trial == 10 ? 0.8 : 1.05, how: "90 % bootstrap interval \(range) over tables, then seeds"))
      }
    }
    return figures
  }

  // MARK: Smooth functions

  private static func smooth(_ optimizer: String) async throws -> Figure {
    var sum = 0.0
    for (dimensions, least, function) in SmoothFunctions.all {
      for seed in 0..<10 {
        let best = try await search(optimizer, dimensions, seed: seed, trials: 50, function).last ?? .infinity
        sum += log10(max(best - least, 1e-12))
      }
    }
    return Figure(
      name: "\(optimizer), mean log10 regret on smooth functions, 50 trials", value: sum / 40, unit: "log10",
      target: optimizer == "gp" ? -0.71 : nil, peer: "Optuna 5.0.0 GP: -0.81, TPE: 0.33",
      how: "Branin, Hartmann6, Ackley10, Rosenbrock5, 10 seeds each")
  }

  // MARK: CPU

  private static func overhead() async throws -> [Figure] {
    // Optuna 5.0.0 on the same kind of space; GP at 1000 was not run there, so its time at 500 is the bound.
    let cells: [(name: String, size: Int, target: Double?, peer: String)] = [
      ("tpe", 10, nil, "1.2"), ("tpe", 50, nil, "1.3"), ("tpe", 100, nil, "1.6"), ("tpe", 200, nil, "2.3"),
      ("tpe", 500, nil, "4.8"), ("tpe", 1000, 0.9, "8.8"), ("gp", 10, 7.4, "74"), ("gp", 50, 7.2, "72"),
      ("gp", 100, 7.4, "107"), ("gp", 200, 28, "140"), ("gp", 500, 140, "380"), ("gp", 1000, 140, "380 at 500"),
    ]
    var figures: [Figure] = []
    for cell in cells {
      let milliseconds = try await suggestion(cell.name, cell.size)
      figures.append(
        Figure(
          name: "\(cell.name), suggestion at n = \(cell.size)", value: milliseconds, unit: "ms CPU",
          target: cell.target, peer: "Optuna 5.0.0: \(cell.peer) ms",
          how: "tell, refits included, and ask; mean over a tenth more trials, at least 5; best of 3; five floats"))
    }
    return figures
  }

  static func suggestion(_ name: String, _ size: Int) async throws -> Double {
    let space = cube(5)
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: 7)
    var least = Double.infinity
    for repetition in 0..<3 {
      var driver = OptimizerDriver(try OptimizerCatalog.make(name: name, space: space), problem: problem)
      var random = RandomStream(seed: UInt64(repetition), name: "history")
      var known: Set<String> = []
      func add(_ trial: Int, _ proposal: Proposal) {
        known.insert(proposal.assignment.key)
        driver.tell(.began(trial: trial, proposal))
        let values = space.encode(proposal.assignment).map { ($0 ?? 0) - 0.3 }
        let estimate = Estimate(mean: values.reduce(0) { $0 + $1 * $1 }, deviation: 0, count: 1)
        driver.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
      }
      for trial in 0..<size {
        let point = (0..<5).map { _ in random.uniform() }
        add(trial, Proposal(try space.decode(point, base: space.initial), origin: "random"))
      }
      let more = max(5, size / 10)
      let start = Machine.cpuSeconds()
      for trial in size..<(size + more) {
        let answer = try await driver.ask(1, context: AskContext(problem: problem, round: trial, known: known))
        if let proposal = answer.proposals.first { add(trial, proposal) }
      }
      least = min(least, (Machine.cpuSeconds() - start) / Double(more) * 1_000)
    }
    return least
  }
}

/// Test functions on the unit cube, with their minima.
enum SmoothFunctions {
  static let all: [(dimensions: Int, least: Double, function: @Sendable ([Double]) -> Double)] = [
    (2, 0.397_887_357_729_738, branin), (6, -3.322_368_011_415_51, hartmann), (10, 0, ackley), (5, 0, rosenbrock),
  ]

  @Sendable static func branin(_ u: [Double]) -> Double {
    let (x, y) = (15 * u[0] - 5, 15 * u[1])
    let a: Double = y - 5.1 / (4 * Double.pi * Double.pi) * x * x + 5 / Double.pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * Double.pi)) * cos(x) + 10
  }

  @Sendable static func hartmann(_ u: [Double]) -> Double {
    let weights = [1.0, 1.2, 3.0, 3.2]
    let a: [[Double]] = [
      [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
    ]
    let p: [[Double]] = [
      [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
      [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
    var sum = 0.0
    for i in 0..<4 {
      var exponent = 0.0
      for j in 0..<6 { exponent += a[i][j] * (u[j] - p[i][j]) * (u[j] - p[i][j]) }
      sum -= weights[i] * exp(-exponent)
    }
    return sum
  }

  @Sendable static func ackley(_ u: [Double]) -> Double {
    let x = u.map { 40 * $0 - 15 }
    let square = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let cosine = x.reduce(0) { $0 + cos(2 * Double.pi * $1) } / Double(x.count)
    return 20 + M_E - 20 * exp(-0.2 * square.squareRoot()) - exp(cosine)
  }

  @Sendable static func rosenbrock(_ u: [Double]) -> Double {
    let x = u.map { 4.096 * $0 - 2.048 }
    var sum = 0.0
    for i in 0..<4 {
      let (a, b) = (1 - x[i], x[i + 1] - x[i] * x[i])
      sum += a * a + 100 * b * b
    }
    return sum
  }
}
