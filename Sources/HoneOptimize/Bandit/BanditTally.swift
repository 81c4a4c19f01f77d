import HoneNumerics

/// What every bandit counts: answers and mean rewards by arm, on the unit scale of the rewards seen.
///
/// Rewards come on any scale. They are moved to [0, 1] by the least and the greatest seen; whenever one falls outside, the
/// means are counted anew, O(answers).
struct BanditTally: Sendable {
  struct Answer: Hashable, Sendable {
    var arm: Int
    var question: Int
    /// A quarter of the reward, so that no difference overflows.
    var quarter: Double
  }

  let task: BanditTask
  private(set) var answers: [Answer] = []
  /// By arm.
  private(set) var counts: [Int]
  private(set) var means: [Double]
  /// Sums of squared deviations from the arm's mean.
  private(set) var squares: [Double]
  private(set) var hasFailed: [Bool]
  /// Rounds begun.
  private(set) var rounds = 0
  private(set) var asked: [Set<Int>]
  private(set) var askedInAll = 0
  /// The least and the greatest quarter.
  private(set) var low = Double.infinity
  private(set) var high = -Double.infinity

  init(_ task: BanditTask) {
    self.task = task
    counts = Array(repeating: 0, count: task.arms.count)
    means = Array(repeating: 0, count: task.arms.count)
    squares = means
    hasFailed = Array(repeating: false, count: task.arms.count)
    asked = Array(repeating: [], count: task.arms.count)
  }

  /// - Returns: the answer when the event is a new one that counts.
  @discardableResult
  mutating func tell(_ event: BanditEvent) -> Answer? {
    switch event {
    case .pulled(let pulls):
      rounds += 1
      for pull in pulls where counts.indices.contains(pull.arm) {
        for question in pull.questions where asked[pull.arm].insert(question).inserted { askedInAll += 1 }
      }
    case .failed(let arm):
      if hasFailed.indices.contains(arm) { hasFailed[arm] = true }
    case .switched: break
    case .rewarded(let arm, let question, let reward):
      guard counts.indices.contains(arm), reward.isFinite else { return nil }
      if asked[arm].insert(question).inserted { askedInAll += 1 }
      let answer = Answer(arm: arm, question: question, quarter: reward / 4)
      answers.append(answer)
      if answer.quarter < low || answer.quarter > high {
        low = min(low, answer.quarter)
        high = max(high, answer.quarter)
        recount()
      } else {
        count(answer)
      }
      return answer
    }
    return nil
  }

  /// The same arms, rounds and questions without any answer.
  func withoutAnswers() -> BanditTally {
    var empty = self
    empty.answers = []
    (empty.low, empty.high) = (.infinity, -.infinity)
    empty.recount()
    return empty
  }

  /// From 0 for the least reward seen to 1 for the greatest.
  func unit(_ answer: Answer) -> Double { high > low ? (answer.quarter - low) / (high - low) : 0.5 }

  private mutating func recount() {
    for arm in counts.indices { (counts[arm], means[arm], squares[arm]) = (0, 0, 0) }
    for answer in answers { count(answer) }
  }

  private mutating func count(_ answer: Answer) {
    let u = unit(answer)
    counts[answer.arm] += 1
    let old = u - means[answer.arm]
    means[answer.arm] += old / Double(counts[answer.arm])
    squares[answer.arm] += old * (u - means[answer.arm])
  }

  /// Mean of all rewards.
  var grandMean: Double {
    guard !answers.isEmpty else { return 0.5 }
    return zip(counts, means).reduce(0) { $0 + Double($1.0) * $1.1 } / Double(answers.count)
  }

  /// An arm that works and has questions left.
  func isOpen(_ arm: Int) -> Bool {
    !hasFailed[arm] && (task.questions.map { asked[arm].count < $0 } ?? true)
  }

  /// The first of those arms whose index is greatest, failed arms only when there is no other.
  func best(_ index: (Int) -> Double) -> Int {
    argmax(of: counts.indices.filter { !hasFailed[$0] }, index) ?? argmax(of: Array(counts.indices), index) ?? 0
  }

  func argmax(of arms: [Int], _ index: (Int) -> Double) -> Int? {
    var best: (arm: Int, index: Double)?
    for arm in arms {
      let value = index(arm)
      if best.map({ value > $0.index }) ?? true { best = (arm, value) }
    }
    return best?.arm
  }

  /// The next questions of an arm that it was not asked, from a place on and around the end.
  func questions(for arm: Int, from start: Int, count: Int) -> [Int] {
    guard let end = task.questions else { return Array(start..<(start + count)) }
    var found: [Int] = []
    for offset in 0..<end where found.count < count {
      let question = (start + offset) % end
      if !asked[arm].contains(question) { found.append(question) }
    }
    return found
  }

  /// A pull of one arm on questions of its own: nobody else is asked the same but by chance.
  func pull(_ arm: Int) -> Pull {
    var start = askedInAll
    if let end = task.questions, end > 0 {
      var random = RandomStream(seed: task.seed, name: "questions/\(arm)")
      start = Int(random.next() % UInt64(end))
    }
    return Pull(arm: arm, questions: questions(for: arm, from: start, count: task.batch))
  }

  /// The arm with the greatest index; one that was never pulled comes first, in an order of the seed's choice.
  func optimistic(name: String, _ index: (Int) -> Double) -> Int? {
    let open = counts.indices.filter(isOpen)
    let fresh = open.filter { asked[$0].isEmpty }
    guard !fresh.isEmpty else { return argmax(of: open, index) }
    var random = RandomStream(seed: task.seed, name: "\(name)/fresh/\(fresh.count)")
    return fresh.randomElement(using: &random)
  }
}
