import HoneNumerics
import HoneOptimize
import HoneTrace

/// What every scheduler must keep, checked by driving it through small simulated studies. Use it in a test of your own:
///
/// ```swift
/// #expect(SchedulerConformance().violations { MyScheduler() } == [])
/// ```
///
/// Checked: every `next` brings the study forward; measured places, closed and unknown trials are left alone; the caps of
/// rollouts and trials hold; the study ends; the same table gives the same allocation, from a scheduler that lived through
/// the study and from a new one; a study that is killed in the middle of a run goes on.
public struct SchedulerConformance: Sendable {
  public var seed: UInt64
  /// A study that was killed in the middle of a run ends with the same table as one that was not.
  public var isExactAfterKill: Bool

  public init(seed: UInt64 = 1, isExactAfterKill: Bool = true) {
    self.seed = seed
    self.isExactAfterKill = isExactAfterKill
  }

  /// A simulated study.
  public struct Case: Sendable {
    public var name: String
    public var examples: Int
    /// Assignments there are; nil: no end of them.
    public var pool: Int?
    public var trials: Int?
    public var rollouts: Int?
    /// The score of a trial of this quality, from 0 to 1, on an example with this noise, from 0 to 1.
    public var score: @Sendable (_ quality: Double, _ noise: Double) -> Double
    /// One rollout in so many fails.
    public var failures: Int?
    /// The study begins with a trial of the start, as a study does.
    public var hasStart: Bool
    /// The objective names a cost beside the score; one trial in six lacks it.
    public var hasCost: Bool

    public init(
      _ name: String, examples: Int = 40, pool: Int? = nil, trials: Int? = nil, rollouts: Int? = nil,
      failures: Int? = nil, hasStart: Bool = true, hasCost: Bool = false,
      score: @escaping @Sendable (Double, Double) -> Double = { $1 < $0 ? 1 : 0 }
    ) {
      self.name = name
      self.examples = examples
      self.pool = pool
      self.trials = trials
      self.rollouts = rollouts
      self.failures = failures
      self.hasStart = hasStart
      self.hasCost = hasCost
      self.score = score
    }
  }

  /// The studies a scheduler is driven through.
  public static let cases = [
    Case("infinite, capped rollouts", rollouts: 500),
    Case("infinite, capped trials", trials: 12),
    Case("both caps", trials: 30, rollouts: 333),
    Case("nothing begun", pool: 9, rollouts: 300, hasStart: false),
    Case("finite pool", pool: 9),
    Case("finite pool, capped rollouts", pool: 16, rollouts: 256),
    Case("few rollouts", pool: 16, rollouts: 7),
    Case("no rollouts", pool: 4, rollouts: 0),
    Case("no examples", examples: 0, pool: 4),
    Case("one example", examples: 1, pool: 6),
    Case("one trial", pool: 1),
    Case("constant scores", pool: 8, rollouts: 200) { _, _ in 0.5 },
    Case("huge scores", pool: 8, rollouts: 200) { quality, noise in (quality - noise) * 1.7e308 },
    Case("tiny scores", pool: 8, rollouts: 200) { quality, noise in (quality - noise) * 1e-300 },
    Case("scores of every scale", pool: 8, rollouts: 200) { quality, noise in quality < 0.5 ? noise * 1e300 : 1e-300 },
    Case("score and cost", pool: 12, rollouts: 400, hasCost: true),
    Case("score and cost, no end of trials", rollouts: 400, hasCost: true),
    Case("one in thirty rollouts fails", pool: 24, rollouts: 500, failures: 30),
    Case("every rollout fails", pool: 6, rollouts: 100, failures: 1),
    Case("every rollout fails, no end of trials", trials: 20, rollouts: 100, failures: 1),
  ]

  /// All that is broken, one sentence each; empty when the scheduler conforms.
  public func violations(_ make: @Sendable () -> any Scheduler) -> [String] {
    var found: [String] = []
    for study in Self.cases {
      for direction in [Objective.Direction.maximize, .minimize] {
        var whole = Rehearsal(study, make(), direction, seed)
        whole.run(again: make)
        var killed = Rehearsal(study, make(), direction, seed)
        killed.kills = RandomStream(seed: seed, name: "kills/\(study.name)")
        killed.run(again: make)
        if isExactAfterKill, study.failures == nil, whole.violations.isEmpty, killed.violations.isEmpty,
          whole.table != killed.table
        {
          killed.violations.append("a study killed in the middle of a run ends with another table")
        }
        found += whole.violations.map { "\(study.name), \(direction.rawValue): \($0)" }
        found += killed.violations.map { "\(study.name), \(direction.rawValue), killed: \($0)" }
      }
    }
    return found
  }
}

/// One small study.
private struct Rehearsal {
  let study: SchedulerConformance.Case
  let scheduler: any Scheduler
  let problem: Problem
  /// Where given, runs end at random before their end.
  var kills: RandomStream?
  var table: ScoreTable
  var violations: [String] = []
  private var known: Set<String> = []
  private var measured = 0
  private var isExhausted = false
  private var hasStopped = false
  /// The best of the trials that were measured on every example, and its mean.
  private var incumbent: (trial: Int, mean: Double)?

  init(
    _ study: SchedulerConformance.Case, _ scheduler: any Scheduler, _ direction: Objective.Direction, _ seed: UInt64
  ) {
    self.study = study
    self.scheduler = scheduler
    let domain: Domain = study.pool.map { .int(IntDomain(0...$0 - 1)) } ?? .float(FloatDomain(0...1))
    let initial: Value = study.pool == nil ? 0.5 : 0
    problem = Problem(
      space: Space([ParameterSpec(name: "arm", domain: domain, initial: initial)]),
      objective: Objective(direction: direction, outcomes: study.hasCost ? ["cost": .minimize] : [:]), seed: seed)
    table = ScoreTable(examples: study.examples)
    if study.hasStart { _ = begin(Proposal(problem.space.initial, origin: "initial")) }
  }

  private var context: ScheduleContext {
    ScheduleContext(
      problem: problem, table: table, incumbent: incumbent?.trial, rolloutsLeft: study.rollouts.map { $0 - measured },
      trialsLeft: study.trials.map { $0 - table.rows.count }, isExhausted: isExhausted)
  }

  mutating func run(again make: () -> any Scheduler) {
    // Each step measures a place, closes a trial or begins one.
    let limit = 2 * (study.rollouts ?? (study.pool ?? study.trials ?? 1) * study.examples) + 100
    for _ in 0..<limit where !hasStopped && violations.isEmpty {
      let allocation = scheduler.next(context)
      if scheduler.next(context) != allocation || make().next(context) != allocation {
        violations.append("the same table gives another allocation: the scheduler remembers something")
      }
      apply(allocation)
    }
    if violations.isEmpty, !hasStopped { violations.append("the study does not end") }
  }

  private mutating func apply(_ allocation: Allocation) {
    switch allocation {
    case .propose(let count): propose(count)
    case .begin(let proposals): begin(proposals)
    case .run(let work): run(work)
    case .close(let trials): close(trials)
    case .stop(let reason):
      hasStopped = true
      if reason.isEmpty { violations.append("stop gives no reason") }
      let couldMeasure = study.examples > 0 && study.rollouts ?? 1 > 0
      if couldMeasure, measured == 0 { violations.append("stop before anything is measured") }
    }
  }

  // MARK: New trials

  private mutating func propose(_ count: Int) {
    if count < 1 { violations.append("propose(\(count))") }
    if isExhausted { violations.append("proposals are asked for when there are no more") }
    if let left = context.trialsLeft, count > left { violations.append("\(count) proposals with \(left) trials left") }
    var random = RandomStream(seed: problem.seed, name: "propose/\(table.rows.count)")
    for _ in 0..<count {
      let fresh: Value?
      if let pool = study.pool {
        fresh = (0..<pool).map { Value.int($0) }.first { !known.contains(Assignment(["arm": $0]).key) }
      } else {
        fresh = .double(random.uniform())
      }
      guard let fresh else {
        isExhausted = true
        return
      }
      _ = begin(Proposal(Assignment(["arm": fresh]), origin: "simulated"))
    }
  }

  private mutating func begin(_ proposals: [Proposal]) {
    if proposals.isEmpty { violations.append("begin names no proposal") }
    if let left = context.trialsLeft, proposals.count > left {
      violations.append("\(proposals.count) trials are begun with \(left) left")
    }
    for proposal in proposals {
      if (try? problem.space.accept(proposal.assignment.values)) != proposal.assignment {
        violations.append("not an accepted assignment: \(proposal.assignment.key)")
      }
      if !begin(proposal) { violations.append("a known assignment is begun: \(proposal.assignment.key)") }
    }
  }

  private mutating func begin(_ proposal: Proposal) -> Bool {
    let isNew = known.insert(proposal.assignment.key).inserted
    // Trials are not numbered like rows: a scheduler must not mix them up.
    table.rows.append(
      ScoreTable.Row(
        trial: 3 + 2 * table.rows.count, assignment: proposal.assignment,
        scores: Array(repeating: nil, count: study.examples), outcomes: Array(repeating: [:], count: study.examples)))
    return isNew
  }

  // MARK: Rollouts

  private mutating func run(_ work: [Allocation.Work]) {
    var places: [(row: Int, example: Int)] = []
    for item in work {
      guard let row = table.rows.firstIndex(where: { $0.trial == item.trial }) else {
        violations.append("trial \(item.trial) is unknown")
        continue
      }
      if !table.rows[row].isOpen { violations.append("closed trial \(item.trial) is run") }
      for example in item.examples {
        guard (0..<study.examples).contains(example) else {
          violations.append("there is no example \(example)")
          continue
        }
        let isNew = table.rows[row].scores[example] == nil && !places.contains { $0 == (row, example) }
        if isNew { places.append((row, example)) }
      }
    }
    if places.isEmpty { violations.append("run names no place that is not measured") }
    if let left = context.rolloutsLeft, places.count > left {
      violations.append("\(places.count) rollouts with \(left) left")
    }
    // Scores arrive in any order; a study that is killed keeps those that did.
    if var stream = kills {
      places.shuffle(using: &stream)
      if stream.uniform() < 0.3 { places = Array(places.prefix(Int.random(in: 0..<places.count + 1, using: &stream))) }
      kills = stream
    }
    for (row, example) in places { measure(row, example) }
  }

  private mutating func measure(_ row: Int, _ example: Int) {
    guard table.rows[row].isOpen else { return }
    measured += 1
    let key = table.rows[row].assignment.key
    var trial = RandomStream(seed: problem.seed, name: "trial/\(key)")
    var place = RandomStream(seed: problem.seed, name: "place/\(key)/\(example)")
    if let failures = study.failures, place.next().isMultiple(of: UInt64(failures)) {
      table.rows[row].isOpen = false
      table.rows[row].hasFailed = true
      return
    }
    table.rows[row].scores[example] = study.score(trial.uniform(), place.uniform())
    if study.hasCost, row % 6 != 5 {
      table.rows[row].outcomes[example]["cost"] = trial.uniform() + 0.1 * place.uniform()
    }
    guard !table.rows[row].scores.contains(nil), let mean = table.rows[row].estimate?.mean else { return }
    if incumbent.map({ problem.objective.isBetter(mean, than: $0.mean) }) ?? true {
      incumbent = (table.rows[row].trial, mean)
    }
  }

  private mutating func close(_ trials: [Int]) {
    var isForward = false
    for trial in trials {
      guard let row = table.rows.firstIndex(where: { $0.trial == trial }) else {
        violations.append("trial \(trial) is unknown")
        continue
      }
      isForward = isForward || table.rows[row].isOpen
      table.rows[row].isOpen = false
    }
    if !isForward { violations.append("close names no open trial") }
  }
}
