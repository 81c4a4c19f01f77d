import HoneNumerics
import HoneOptimize
import HoneTrace
import Testing

@Suite struct BanditSchedulerTests {
  static let space = Space([
    ParameterSpec(name: "retriever", domain: .categorical(["bm25", "dense"]), initial: "bm25"),
    ParameterSpec(name: "k", domain: .ordinal([1, 3, 5]), initial: 1),
    ParameterSpec(
      name: "depth", domain: .int(IntDomain(1...4)), initial: 1, condition: Condition(["retriever": ["dense"]])),
  ])

  /// Plays a study by hand: arms are begun, rollouts answered, failures marked.
  struct Study {
    var problem: Problem
    var examples = 20
    var budget: Int?
    var failing: Set<String> = []
    var table: ScoreTable
    var spent = 0
    var paid: [String] = []

    init(direction: Objective.Direction = .maximize, budget: Int?, failing: Set<String> = [], seed: UInt64 = 1) {
      problem = Problem(
        space: BanditSchedulerTests.space, objective: Objective(direction: direction), seed: seed)
      self.budget = budget
      self.failing = failing
      table = ScoreTable(examples: examples)
    }

    var context: ScheduleContext {
      ScheduleContext(problem: problem, table: table, rolloutsLeft: budget.map { $0 - spent })
    }

    /// Quality 0...1; the best is dense, k = 3, depth 2.
    static func quality(_ assignment: Assignment) -> Double {
      let k: Double = [1: 0.0, 3: 0.2, 5: 0.1][assignment["k"]?.int ?? 1] ?? 0
      guard assignment["retriever"] == "dense" else { return 0.3 + k }
      return 0.6 + k - 0.1 * abs(Double(assignment["depth"]?.int ?? 0) - 2)
    }

    func score(_ assignment: Assignment, _ example: Int) -> Double {
      var random = RandomStream(seed: 7, name: "\(assignment.key)/\(example)")
      let value = Self.quality(assignment) + 0.1 * random.normal()
      return problem.objective.direction == .maximize ? value : -value
    }

    /// - Returns: false at the end.
    mutating func follow(_ allocation: Allocation) -> Bool {
      switch allocation {
      case .begin(let proposals):
        for proposal in proposals {
          #expect(!table.rows.contains { $0.assignment.key == proposal.assignment.key })
          table.rows.append(
            ScoreTable.Row(
              trial: table.rows.count, assignment: proposal.assignment,
              scores: Array(repeating: nil, count: examples)))
        }
        return !proposals.isEmpty
      case .run(let work):
        var isNew = false
        for work in work {
          let assignment = table.rows[work.trial].assignment
          if failing.contains(assignment.key) {
            table.rows[work.trial].hasFailed = true
            table.rows[work.trial].isOpen = false
            isNew = true
            continue
          }
          for example in work.examples where table.rows[work.trial].scores[example] == nil {
            table.rows[work.trial].scores[example] = score(assignment, example)
            paid.append("\(assignment.key)/\(example)")
            spent += 1
            isNew = true
          }
        }
        #expect(isNew)
        return isNew && (budget.map { spent < $0 } ?? true)
      case .stop(let reason):
        #expect(!reason.isEmpty)
        return false
      case .propose, .close:
        Issue.record("a bandit chooses for itself")
        return false
      }
    }

    mutating func run(_ scheduler: any Scheduler, steps: Int = .max) {
      var left = steps
      while left > 0, follow(scheduler.next(context)) { left -= 1 }
    }

    var best: Assignment? {
      table.rows.filter { $0.count > 0 }.max {
        let sign = problem.objective.direction == .maximize ? 1.0 : -1.0
        return sign * ($0.estimate?.mean ?? 0) < sign * ($1.estimate?.mean ?? 0)
      }?.assignment
    }
  }

  static let names = SchedulerCatalog.names.filter { BanditSchedulerTests.isBandit($0) }

  static func isBandit(_ name: String) -> Bool {
    ((try? SchedulerCatalog.make(name: name)) as? BanditScheduler) != nil
  }

  @Test func theCatalogHasThem() {
    #expect(Self.names == ["hier-ucb", "paired-halving", "structured-thompson", "thompson", "ucb1"])
    #expect(SchedulerCatalog.names == SchedulerCatalog.names.sorted())
    for name in Self.names {
      for setting in SchedulerCatalog.settingNames(of: name) {
        #expect(throws: OptimizerError.self) {
          _ = try SchedulerCatalog.make(name: name, settings: .object([setting: "many"]))
        }
        #expect(throws: Never.self) { _ = try SchedulerCatalog.make(name: name, settings: .object([setting: 2])) }
      }
    }
  }

  @Test(arguments: names) func aStudyEndsNearTheBest(name: String) throws {
    for direction in [Objective.Direction.maximize, .minimize] {
      var study = Study(direction: direction, budget: 200)
      study.run(try SchedulerCatalog.make(name: name))
      #expect(study.spent <= 200)
      let best = try #require(study.best)
      #expect(Study.quality(best) >= 0.65, "\(name), \(best.key)")
    }
  }

  @Test(arguments: names) func nothingIsPaidTwiceAndAllIsOnceWithoutACap(name: String) throws {
    var study = Study(budget: nil)
    study.run(try SchedulerCatalog.make(name: name))
    #expect(Set(study.paid).count == study.paid.count)
    if name != "paired-halving" { #expect(study.paid.count == 15 * 20) }
  }

  /// A scheduler that was never asked before goes on as the one that was there from the start.
  @Test(arguments: names) func afterAKillItGoesOnTheSame(name: String) throws {
    var whole = Study(budget: 120)
    whole.run(try SchedulerCatalog.make(name: name))
    var halves = Study(budget: 120)
    halves.run(try SchedulerCatalog.make(name: name), steps: 9)
    while halves.spent < 120, halves.follow(try SchedulerCatalog.make(name: name).next(halves.context)) {}
    #expect(whole.paid == halves.paid)
  }

  /// What was measured for other reasons is used and changes no choice.
  @Test(arguments: names) func knownScoresCostNothing(name: String) throws {
    var plain = Study(budget: nil)
    plain.run(try SchedulerCatalog.make(name: name), steps: 30)
    var rich = Study(budget: nil)
    let assignments = try #require(Self.space.assignments(base: Self.space.initial, limit: 100))
    for assignment in assignments.prefix(7) {
      rich.table.rows.append(
        ScoreTable.Row(
          trial: rich.table.rows.count, assignment: assignment,
          scores: (0..<20).map { rich.score(assignment, $0) }, isOpen: false))
    }
    rich.run(try SchedulerCatalog.make(name: name))
    var full = Study(budget: nil)
    full.run(try SchedulerCatalog.make(name: name))
    let known = Set(assignments.prefix(7).map(\.key))
    #expect(rich.paid == full.paid.filter { paid in !known.contains { paid.hasPrefix($0) } })
  }

  @Test(arguments: names) func failedTrialsAreLeft(name: String) throws {
    let all = try #require(Self.space.assignments(base: Self.space.initial, limit: 100)).map(\.key)
    var study = Study(budget: 150, failing: Set(all.prefix(4)))
    study.run(try SchedulerCatalog.make(name: name))
    #expect(study.spent > 60)
    var hopeless = Study(budget: 150, failing: Set(all))
    hopeless.run(try SchedulerCatalog.make(name: name))
    #expect(hopeless.spent == 0)
  }

  @Test func aSpaceWithoutEndIsRefused() throws {
    let space = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0)])
    let problem = Problem(space: space, objective: Objective(), seed: 1)
    let context = ScheduleContext(problem: problem, table: ScoreTable(examples: 3))
    guard case .stop(let reason) = try SchedulerCatalog.make(name: "ucb1").next(context) else {
      Issue.record("not refused")
      return
    }
    #expect(reason.contains("step"))
  }
}
