import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// A table of `SearchTable` with the error of every single example.
struct ErrorTable {
  let table: SearchTable
  /// By row and example: 1 for wrong.
  let errors: [[Double]]
  /// Error rate of each row in points of 100.
  let rates: [Double]

  var examples: Int { errors.first?.count ?? 0 }

  /// The classification tables in order of name.
  static func all(_ folder: String) throws -> [ErrorTable] {
    try SearchTable.all(folder).compactMap { table in
      let path = "\(folder)/errors/\(table.name).hex"
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      let examples = lines.first?.split(separator: " ").first.flatMap { Int($0) } ?? 0
      var errors: [[Double]] = []
      for line in lines.dropFirst() {
        if line.hasPrefix("="), let row = Int(line.dropFirst()) {
          errors.append(errors[row])
        } else {
          let bits = line.flatMap { digit -> [Double] in
            let nibble = digit.hexDigitValue ?? 0
            return [3, 2, 1, 0].map { Double(nibble >> $0 & 1) }
          }
          errors.append(Array(bits.prefix(examples)))
        }
      }
      let rates = errors.map { 100 * $0.reduce(0, +) / Double(examples) }
      return ErrorTable(table: table, errors: errors, rates: rates)
    }
  }

  /// What others picked with 480 examples, by policy.
  static func peers(_ folder: String, _ tables: [ErrorTable]) throws -> [(name: String, regrets: Regrets)] {
    var found: [String: [String: [[Double]]]] = [:]
    for row in try SearchTable.rows("\(folder)/errors/peers.csv") {
      found[String(row[0]), default: [:]][String(row[1])] = row.dropFirst(2).compactMap { Double($0).map { [$0] } }
    }
    return found.keys.sorted().map { name in
      (name, Regrets(byTable: tables.map { found[name]?[$0.table.name] ?? [] }))
    }
  }
}

/// Configurations drawn from a table, and an order of its examples.
struct Pool {
  private let table: ErrorTable
  private let rows: [Int]
  /// The common order of examples, and one for each configuration.
  private let order: [Int]
  private let own: [[Int]]

  init(_ table: ErrorTable, _ size: Int, seed: Int) {
    self.table = table
    var random = RandomStream(seed: UInt64(seed), name: "fidelity/pool/\(table.table.name)")
    let examples = Array(0..<table.examples)
    rows = Array(table.errors.indices.shuffled(using: &random).prefix(size))
    order = examples.shuffled(using: &random)
    own = rows.map { _ in examples.shuffled(using: &random) }
  }

  /// Error points of what a policy picks above the pool's best, with `each` examples per configuration.
  func regret(_ policy: String, each: Int) throws -> Double {
    let pick: Int
    switch policy {
    case "unpaired minibatch": pick = best { mean($0, own[$0].prefix(each)) }
    case "common minibatch": pick = best { mean($0, order.prefix(each)) }
    case "full, of a few":
      let count = max(1, each * rows.count / table.examples)
      pick = best { $0 < count ? mean($0, order[...]) : .infinity }
    case "halving, unpaired": pick = try schedule("successive-halving", each: each) { own[$0][$1] }
    default: pick = try schedule(policy, each: each) { order[$1] }
    }
    let rates = rows.map { table.rates[$0] }
    return rates[pick] - (rates.min() ?? 0)
  }

  private func mean(_ row: Int, _ examples: ArraySlice<Int>) -> Double {
    examples.reduce(0) { $0 + table.errors[rows[row]][$1] } / Double(examples.count)
  }

  /// Of equals the first.
  private func best(_ value: (Int) -> Double) -> Int {
    let values = rows.indices.map(value)
    return values.indices.min { values[$0] == values[$1] ? $0 < $1 : values[$0] < values[$1] } ?? 0
  }

  /// The winner of a scheduler that is given all configurations at once.
  private func schedule(_ name: String, each: Int, _ example: (_ row: Int, _ place: Int) -> Int) throws -> Int {
    let scheduler = try SchedulerCatalog.make(name: name)
    let problem = Problem(space: Space([]), objective: Objective(direction: .minimize), seed: 0)
    let empty = [Double?](repeating: nil, count: table.examples)
    let trials = rows.indices.map { ScoreTable.Row(trial: $0, assignment: Assignment([:]), scores: empty) }
    var scores = ScoreTable(examples: table.examples, rows: trials)
    var left = each * rows.count
    while left > 0 {
      let context = ScheduleContext(
        problem: problem, table: scores, rolloutsLeft: left, trialsLeft: 0, isExhausted: true)
      switch scheduler.next(context) {
      case .run(let work):
        for item in work {
          for place in item.examples where scores.rows[item.trial].scores[place] == nil {
            scores.rows[item.trial].scores[place] = table.errors[rows[item.trial]][example(item.trial, place)]
            left -= 1
          }
        }
      case .close(let trials): for trial in trials { scores.rows[trial].isOpen = false }
      default: left = 0
      }
    }
    return Winner(scores, problem.objective)?.trial ?? 0
  }
}

/// A study in small: an optimizer proposes, a scheduler says on which examples a trial is run.
struct Loop {
  private let table: ErrorTable
  private let scheduler: any Scheduler
  /// 16 examples of a trial's own, instead of the common ones.
  private let isFresh: Bool
  private let budget: Int
  private let problem: Problem
  private var optimizer: OptimizerDriver
  private var random: RandomStream
  private let order: [Int]
  private var scores: ScoreTable
  private var rows: [Int] = []
  private var known: Set<String> = []
  private var spent = 0
  private var isExhausted = false

  /// Trials of 16 examples each.
  private struct Minibatch: Scheduler {
    let name = "minibatch"
    func next(_ context: ScheduleContext) -> Allocation {
      guard let row = context.table.rows.last, row.count == 0 else { return .propose(1) }
      return .run([.init(trial: row.trial, examples: Array(0..<min(16, context.rolloutsLeft ?? 16)))])
    }
  }

  init(_ table: ErrorTable, _ sampler: String, _ scheduler: String, seed: Int, budget: Int) throws {
    self.table = table
    self.budget = budget
    let isFixed = scheduler == "minibatch" || scheduler == "common"
    self.scheduler = isFixed ? Minibatch() : try SchedulerCatalog.make(name: scheduler)
    isFresh = scheduler == "minibatch"
    let space = Space(
      (0..<table.table.dimensions).map {
        ParameterSpec(name: "u\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5)
      })
    problem = Problem(space: space, objective: Objective(direction: .minimize), seed: UInt64(seed))
    optimizer = OptimizerDriver(try OptimizerCatalog.make(name: sampler, space: space), problem: problem)
    random = RandomStream(seed: UInt64(seed), name: "fidelity/loop/\(table.table.name)")
    order = Array(0..<table.examples).shuffled(using: &random)
    scores = ScoreTable(examples: table.examples)
  }

  /// Error points of the pick above the table's best row.
  func regret() async throws -> Double {
    var loop = self
    return try await loop.run()
  }

  private mutating func run() async throws -> Double {
    while spent < budget {
      let context = ScheduleContext(
        problem: problem, table: scores, rolloutsLeft: budget - spent, isExhausted: isExhausted)
      switch scheduler.next(context) {
      case .propose(let count): try await propose(count)
      case .run(let work): for item in work { measure(item) }
      case .close(let trials): for trial in trials { scores.rows[trial].isOpen = false }
      default: spent = budget
      }
    }
    let pick = isFresh ? luckiest : Winner(scores, problem.objective)?.trial
    return pick.map { table.rates[rows[$0]] - (table.rates.min() ?? 0) } ?? .nan
  }

  /// Without a common order there is nothing but the mean to go by.
  private var luckiest: Int? {
    let means = scores.rows.map { $0.estimate?.mean ?? .infinity }
    return means.indices.min { means[$0] == means[$1] ? $0 < $1 : means[$0] < means[$1] }
  }

  private mutating func propose(_ count: Int) async throws {
    let context = AskContext(problem: problem, round: scores.rows.count, known: known)
    let answer = try await optimizer.ask(count, context: context)
    if answer.proposals.isEmpty { isExhausted = true }
    for proposal in answer.proposals {
      let trial = scores.rows.count
      known.insert(proposal.assignment.key)
      optimizer.tell(.began(trial: trial, proposal))
      let point = (0..<table.table.dimensions).map { proposal.assignment["u\($0)"]?.number ?? 0.5 }
      rows.append(table.table.row(at: point))
      scores.rows.append(
        ScoreTable.Row(
          trial: trial, assignment: proposal.assignment, scores: Array(repeating: nil, count: table.examples)))
    }
  }

  private mutating func measure(_ work: Allocation.Work) {
    for place in work.examples where scores.rows[work.trial].scores[place] == nil {
      let example = isFresh ? Int.random(in: order.indices, using: &random) : order[place]
      scores.rows[work.trial].scores[place] = table.errors[rows[work.trial]][example]
      spent += 1
    }
    guard let estimate = scores.rows[work.trial].estimate else { return }
    optimizer.tell(.completed(trial: work.trial, estimate, screened: false, outcomes: [:]))
  }
}
