import HoneTrace

/// A bandit on recorded examples: the arms are the assignments of a finite space, the questions the examples, and none is
/// answered twice by an arm.
///
/// Each `next` plays the bandit from the start, answering from the table, up to the first round that is not measured: so
/// the study goes on the same after a kill, whatever else is in the table. How far it got is kept as long as what was read
/// stands unchanged in the table; that saves time and changes nothing.
public struct BanditScheduler: Scheduler {
  public let bandit: any Bandit
  /// Examples of one pull.
  public let batch: Int

  private let memo = Lock(Game?.none)

  /// Arms there may be at most.
  public static let mostArms = 10_000

  public var name: String { bandit.name }
  public var asksOptimizer: Bool { false }

  public init(_ bandit: any Bandit, batch: Int = 4) {
    self.bandit = bandit
    self.batch = max(1, batch)
  }

  public func next(_ context: ScheduleContext) -> Allocation {
    memo.withLock { memo in
      let budget = context.rolloutsLeft.map { left in context.table.rows.reduce(left) { $0 + $1.count } }
      var game: Game
      if let old = memo, old.holds(context, budget: budget) {
        game = old
      } else {
        let base = context.problem.space.initial
        guard let arms = context.problem.space.assignments(base: base, limit: Self.mostArms), !arms.isEmpty else {
          return .stop(
            "\(name) needs a space of at most \(Self.mostArms) assignments: give every number a step, or use another "
              + "scheduler")
        }
        game = Game(bandit, arms: arms, context, batch: batch, budget: budget)
      }
      // Let go of the old copy, so that the game is changed in place.
      memo = nil
      let allocation = game.play(context, origin: name)
      memo = game
      return allocation
    }
  }
}

/// A bandit's run and what it was told from the table.
private struct Game: Sendable {
  struct Reading: Sendable {
    var trial: Int
    var example: Int
    /// nil: the trial had failed.
    var score: Double?
  }

  let problem: Problem
  let examples: Int
  let budget: Int?
  let arms: [Assignment]
  let keys: [String]
  var run: any BanditRun
  var readings: [Reading] = []
  var failed: Set<Int> = []
  /// No trial could be begun any more.
  var isClosed = false

  init(_ bandit: any Bandit, arms: [Assignment], _ context: ScheduleContext, batch: Int, budget: Int?) {
    (problem, examples, self.budget, self.arms) = (context.problem, context.table.examples, budget, arms)
    keys = arms.map(\.key)
    run = bandit.start(
      BanditTask(
        arms: Arms(problem.space, assignments: arms), questions: examples, batch: batch, budget: budget,
        seed: problem.seed))
  }

  func holds(_ context: ScheduleContext, budget: Int?) -> Bool {
    guard problem == context.problem, examples == context.table.examples, budget == self.budget else { return false }
    guard !isClosed || context.trialsLeft == 0 else { return false }
    let rows = context.table.rows
    return readings.allSatisfy { reading in
      guard rows.indices.contains(reading.trial) else { return false }
      let row = rows[reading.trial]
      return reading.score == nil ? !row.isOpen : row.scores[reading.example] == reading.score
    }
  }

  mutating func play(_ context: ScheduleContext, origin: String) -> Allocation {
    let rows = context.table.rows
    var places: [String: Int] = [:]
    for index in rows.indices.reversed() { places[rows[index].assignment.key] = index }
    let place = keys.map { places[$0] }
    while true {
      let pulls = run.next().filter { !$0.questions.isEmpty && !failed.contains($0.arm) }
      guard !pulls.isEmpty else { return .stop("\(origin) finds no example that is worth asking") }
      let missing = pulls.filter { place[$0.arm] == nil }
      if !missing.isEmpty {
        guard context.trialsLeft != 0 else {
          closeTheRest(place)
          continue
        }
        return .begin(
          missing.prefix(context.trialsLeft ?? .max).map {
            Proposal(arms[$0.arm], origin: origin, note: "an arm of \(origin)")
          })
      }
      let work = pulls.compactMap { pull -> Allocation.Work? in
        guard let index = place[pull.arm], rows[index].isOpen else { return nil }
        let new = pull.questions.filter { rows[index].scores[$0] == nil }
        return new.isEmpty ? nil : Allocation.Work(trial: rows[index].trial, examples: new)
      }
      guard work.isEmpty else { return Self.within(context.rolloutsLeft, work) }
      read(pulls, rows: rows, place: place)
    }
  }

  /// No trial may be begun any more: the arms there are have to do.
  private mutating func closeTheRest(_ place: [Int?]) {
    isClosed = true
    for arm in place.indices where place[arm] == nil && failed.insert(arm).inserted { run.tell(.failed(arm: arm)) }
  }

  /// No more than the budget allows.
  private static func within(_ cap: Int?, _ work: [Allocation.Work]) -> Allocation {
    guard let cap else { return .run(work) }
    guard cap > 0 else { return .stop("the budget of rollouts is used up") }
    var left = cap
    var allowed: [Allocation.Work] = []
    for work in work where left > 0 {
      let part = Array(work.examples.prefix(left))
      allowed.append(Allocation.Work(trial: work.trial, examples: part))
      left -= part.count
    }
    return .run(allowed)
  }

  private mutating func read(_ pulls: [Pull], rows: [ScoreTable.Row], place: [Int?]) {
    let sign = problem.objective.direction == .maximize ? 1.0 : -1.0
    run.tell(.pulled(pulls))
    for pull in pulls {
      guard let index = place[pull.arm] else { continue }
      for question in pull.questions {
        guard let score = rows[index].scores[question] else {
          // Failed, or closed by somebody else: the arm is of no more use.
          if failed.insert(pull.arm).inserted {
            readings.append(Reading(trial: index, example: question, score: nil))
            run.tell(.failed(arm: pull.arm))
          }
          break
        }
        readings.append(Reading(trial: index, example: question, score: score))
        run.tell(.rewarded(arm: pull.arm, question: question, reward: sign * score))
      }
    }
  }
}

extension Arms {
  /// Assignments of a space, their parameters laid out as search lays them out; the values in use span [0, 1].
  public init(_ space: Space, assignments: [Assignment]) {
    let factors = space.encodable.map { parameter in
      switch parameter.domain {
      case .float, .int, .ordinal: Factor(isOrdered: true)
      case .bool, .categorical, .code, .text: Factor(isOrdered: false)
      }
    }
    var points = assignments.map(space.encode)
    for factor in factors.indices where factors[factor].isOrdered {
      let values = points.compactMap { $0[factor] }
      guard let low = values.min(), let high = values.max(), high > low else { continue }
      for arm in points.indices {
        if let value = points[arm][factor] { points[arm][factor] = (value - low) / (high - low) }
      }
    }
    self.init(factors: factors, points: points)
  }
}
