import HoneTrace

/// The scores of a study so far: trials by example, all in one shared order of the examples.
///
/// What was measured once stays: a scheduler, a bandit and the report read the same table.
public struct ScoreTable: Hashable, Sendable {
  public struct Row: Hashable, Sendable {
    /// The trial's number.
    public var trial: Int
    public var assignment: Assignment
    /// By example; nil where the trial was not measured. As scored, not turned.
    public var scores: [Double?]
    /// Further outcomes by example, as measured; empty where there are none, or none were asked for.
    public var outcomes: [[String: Double]]
    /// May be given further rollouts.
    public var isOpen: Bool
    /// A rollout failed; the trial has no score.
    public var hasFailed: Bool
    /// Keeps the study's constraints, as far as it was measured: one that breaks them is never best.
    public var isFeasible: Bool

    public init(
      trial: Int, assignment: Assignment, scores: [Double?], outcomes: [[String: Double]] = [], isOpen: Bool = true,
      hasFailed: Bool = false, isFeasible: Bool = true
    ) {
      self.trial = trial
      self.assignment = assignment
      self.scores = scores
      self.outcomes = outcomes
      self.isOpen = isOpen
      self.hasFailed = hasFailed
      self.isFeasible = isFeasible
    }

    /// Examples measured.
    public var count: Int { scores.count { $0 != nil } }

    /// How many examples are measured without a gap from the first one on: the rung that the trial has reached.
    public var reached: Int { scores.firstIndex { $0 == nil } ?? scores.count }

    /// Mean, deviation and count of the scores; nil for none.
    public var estimate: Estimate? { Estimate(scores.compactMap(\.self)) }
  }

  /// Examples there are; every row has as many scores.
  public var examples: Int
  /// In the order the trials were begun.
  public var rows: [Row]

  public init(examples: Int, rows: [Row] = []) {
    self.examples = examples
    self.rows = rows
  }
}

/// What a scheduler may look at.
public struct ScheduleContext: Sendable {
  public var problem: Problem
  public var table: ScoreTable
  /// The best trial so far, with its constraints kept; nil while there is none.
  public var incumbent: Int?
  /// Rollouts and trials the budget still allows; nil: no cap.
  public var rolloutsLeft: Int?
  public var trialsLeft: Int?
  /// The optimizer has nothing more to propose.
  public var isExhausted: Bool
  /// How many places in a row of the table are repeats of one example; at least 1.
  public var repeats: Int

  public init(
    problem: Problem, table: ScoreTable, incumbent: Int? = nil, rolloutsLeft: Int? = nil, trialsLeft: Int? = nil,
    isExhausted: Bool = false, repeats: Int = 1
  ) {
    self.problem = problem
    self.table = table
    self.incumbent = incumbent
    self.rolloutsLeft = rolloutsLeft
    self.trialsLeft = trialsLeft
    self.isExhausted = isExhausted
    self.repeats = repeats
  }
}

/// What a scheduler wants done next.
public enum Allocation: Hashable, Sendable {
  /// So many new trials, of the optimizer's choice.
  case propose(Int)
  /// Trials of the scheduler's own choice, as a bandit begins its arms.
  case begin([Proposal])
  /// Rollouts, given as places in the shared order of examples; those measured already cost nothing.
  case run([Work])
  /// These trials get no further rollouts.
  case close([Int])
  /// Nothing more is worth a rollout; the reason is for people.
  case stop(String)

  /// Rollouts of one trial.
  public struct Work: Hashable, Sendable {
    public var trial: Int
    public var examples: [Int]

    public init(trial: Int, examples: [Int]) {
      self.trial = trial
      self.examples = examples
    }
  }
}

/// Decides which rollout to pay for next.
///
/// A scheduler is a function of its settings, the problem's seed and the table: it remembers nothing, so that a study that
/// was killed goes on from the stored rollouts. Every `next` must bring the study forward: `run` names at least one place
/// that is not measured, `close` an open trial.
public protocol Scheduler: Configured, Sendable {
  /// The name used in task files and in reports.
  var name: String { get }

  /// Whether `rolloutsLeft` decides what it wants; by default it does. One that measures trials whole, whatever is left, is
  /// cut off at the cap and goes on there when there is room again.
  var plansWithRollouts: Bool { get }

  /// Whether new trials are the optimizer's; by default they are. A bandit begins its arms itself.
  var asksOptimizer: Bool { get }

  func next(_ context: ScheduleContext) -> Allocation

  /// What has become of a trial, in a few words for people, such as "culled after 8 of 64 examples"; by default nothing.
  func remark(on trial: Int, _ context: ScheduleContext) -> String?
}

extension Scheduler {
  public var plansWithRollouts: Bool { true }
  public var asksOptimizer: Bool { true }
  public func remark(on trial: Int, _ context: ScheduleContext) -> String? { nil }
}
