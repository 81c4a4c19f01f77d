/// Chooses among a finite number of arms by trying them: each pull answers questions and pays a reward for each.
///
/// A bandit is a function of its settings, the task and the history: `start` and the same `tell`s give the same run, and
/// the same run gives the same `next`. Random numbers come from streams named after the round, so nothing else is kept.
public protocol Bandit: Sendable {
  /// The name used in task files, in `Proposal.origin` and for random streams.
  var name: String { get }

  func start(_ task: BanditTask) -> any BanditRun
}

/// A bandit with its history told so far.
public protocol BanditRun: Sendable {
  /// What to ask next; empty when nothing is left that is worth asking.
  func next() -> [Pull]

  /// Learns one event. Accepts any sequence: rewards late, out of order, unasked for, or never.
  mutating func tell(_ event: BanditEvent)

  /// The arm to use when nothing more is asked: the best estimate, of equals the first. An arm that failed only when all
  /// did.
  var best: Int { get }

  /// What each arm is believed to pay, in an unknown but common unit; more is better.
  var estimates: [Double] { get }
}

/// What a bandit chooses among.
public struct BanditTask: Hashable, Sendable {
  public var arms: Arms
  /// Questions there are, 0..<questions, none of which an arm answers twice; nil for no end of them.
  public var questions: Int?
  /// Answers of one pull.
  public var batch: Int
  /// Answers that will be paid for in all; nil when nobody knows.
  public var budget: Int?
  public var seed: UInt64

  public init(arms: Arms, questions: Int? = nil, batch: Int = 4, budget: Int? = nil, seed: UInt64 = 0) {
    self.arms = arms
    self.questions = questions
    self.batch = max(1, batch)
    self.budget = budget
    self.seed = seed
  }
}

/// An arm answers some questions.
public struct Pull: Hashable, Codable, Sendable {
  public var arm: Int
  public var questions: [Int]

  public init(arm: Int, questions: [Int]) {
    self.arm = arm
    self.questions = questions
  }
}

/// What happens to a bandit, in order.
public enum BanditEvent: Hashable, Codable, Sendable {
  /// One round of pulls was begun.
  case pulled([Pull])
  /// More is better, on any scale. A reward that is not finite is not told: it is a failure.
  case rewarded(arm: Int, question: Int, reward: Double)
  /// The arm cannot be used.
  case failed(arm: Int)
  /// What is behind the arms changed, as when a model is switched: rewards from before may no longer hold.
  case switched
}

/// The arms and what is known of their structure: each is a point whose coordinates are the parameters.
public struct Arms: Hashable, Sendable {
  public struct Factor: Hashable, Sendable {
    /// Numbers and ordered choices: near values are expected to pay alike.
    public var isOrdered: Bool

    public init(isOrdered: Bool) { self.isOrdered = isOrdered }
  }

  public var factors: [Factor]
  /// By arm, then factor: a place in [0, 1]; nil where the parameter is inactive.
  public var points: [[Double?]]

  public var count: Int { points.count }

  public init(factors: [Factor], points: [[Double?]]) {
    self.factors = factors
    self.points = points
  }

  /// Arms of which nothing is known.
  public init(count: Int) {
    self.init(factors: [Factor(isOrdered: false)], points: (0..<max(0, count)).map { [Double($0)] })
  }

  /// Each factor's values in order, inactive first, and by arm and factor the index of its value.
  func levels() -> (counts: [Int], ofArm: [[Int]]) {
    var counts: [Int] = []
    var ofArm = Array(repeating: Array(repeating: 0, count: factors.count), count: count)
    for factor in factors.indices {
      let values = points.map { $0[factor] ?? -1 }
      let sorted = Array(Set(values)).sorted()
      let index = Dictionary(uniqueKeysWithValues: zip(sorted, sorted.indices))
      for arm in values.indices { ofArm[arm][factor] = index[values[arm]] ?? 0 }
      counts.append(sorted.count)
    }
    return (counts, ofArm)
  }
}
