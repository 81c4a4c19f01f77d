import Foundation
import HoneNumerics

/// Each new trial is compared with the champion in pairs, a few examples at a time: it is accepted, or culled, as soon as
/// that is shown, and else goes on to the last example.
///
/// Acceptance is a sequential test by betting (`BettingEvidence`): Waudby-Smith and Ramdas, "Estimating means of bounded
/// random variables by betting" (JRSS B 86, 2024), on the differences to the champion in parts of the range of the scores. A
/// trial that is no better than its champion in the mean is accepted by the test with a chance of at most
/// `falseAcceptance`, however often it is looked at; with `isFamilywise` that is the chance for all trials of a study
/// together, of which the k-th new one has the share 6 / (pi k)^2. The premise: examples stand for others like them, in an order
/// that has nothing to do with them, hence drawn from the problem's seed; and a range that is known: scores from 0 to 1. Of
/// others the range seen in the pair stands for it, and nothing is said of losses that are too rare to be seen.
///
/// Culling is by predictive power (stochastic curtailment; Spiegelhalter, Freedman and Blackburn, "Monitoring Clinical
/// Trials: Conditional or Predictive Power?", Controlled Clinical Trials 7, 1986): a trial is closed when it would be better
/// than the champion by `margin` on all examples with a chance below `futility`. That costs good trials, never false ones.
///
/// The champion has as many examples as its challengers needed, and those of all when the search ends; who wins is
/// decided by `Winner`, which takes the luck of the best of many away. With further outcomes nothing is tested: a cheap
/// trial with a low score may be on the front, and every trial is measured whole.
public struct SequentialTest: Scheduler {
  /// Chance, at most, that the test accepts a trial which is no better.
  public var falseAcceptance: Double
  /// `falseAcceptance` is shared among all trials of a study.
  public var isFamilywise: Bool
  /// Predictive probability below which a trial is culled; 0: none is.
  public var futility: Double
  /// Gain that is looked for, in parts of the range of the scores.
  public var margin: Double
  /// Examples before the first look, and from look to look.
  public var fewest: Int
  public var block: Int
  /// New trials asked for at a time.
  public var batch: Int

  public init(
    falseAcceptance: Double = 0.05, isFamilywise: Bool = false, futility: Double = 0.1, margin: Double = 0,
    fewest: Int = 8, block: Int = 4, batch: Int = 1
  ) {
    self.falseAcceptance = falseAcceptance
    self.isFamilywise = isFamilywise
    self.futility = futility
    self.margin = margin
    self.fewest = max(1, fewest)
    self.block = max(1, block)
    self.batch = max(1, batch)
  }

  public var name: String { "sequential-test" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    guard context.problem.objective.outcomes.isEmpty else { return FullEvaluation(batch: batch).next(context) }
    let match = Match(context, fewest, block)
    let course = course(match)
    switch course.pending {
    case .cull(let row): return .close([context.table.rows[row].trial])
    case .look(let row, let look):
      if match.affords(row, look, champion: course.champion),
        let run = match.run([row, course.champion].compactMap(\.self), to: look)
      {
        return run
      }
    case nil:
      guard context.canPropose, match.affords(nil, match.looks[0], champion: course.champion) else { break }
      if let champion = course.champion, let run = match.run([champion], to: match.enough(champion)) { return run }
      return context.propose(batch)
    }
    // The search is over: the winner is chosen by all examples, and compared with the start on them.
    let last = [course.champion, context.table.rows.startIndex].compactMap(\.self)
    for row in last { if let run = match.run([row], to: match.count) { return run } }
    return .stop(course.champion == nil ? "no trial has a score" : "there is nothing more to try")
  }

  public func remark(on trial: Int, _ context: ScheduleContext) -> String? {
    guard let row = context.table.rows.firstIndex(where: { $0.trial == trial }),
      context.problem.objective.outcomes.isEmpty, context.table.examples > 0
    else { return nil }
    let match = Match(context, fewest, block)
    guard let champion = course(match, upTo: row).champion, champion != row, !context.table.rows[row].hasFailed
    else { return nil }
    let verdict = verdict(match, row, champion)
    guard let look = verdict.look else { return nil }
    let after = "after \(look) of \(match.count) examples"
    let value = exp(min(verdict.evidence, 700))
    let shown = value < 100 ? String(format: "%.2g", value) : String(format: "%.0f", value)
    switch verdict.kind {
    case .accepted: return "accepted \(after) (e-value \(shown))"
    case .culled: return "culled \(after)"
    case .whole: return "not shown \(after) (e-value \(shown))"
    case .unknown: return nil
    }
  }

  // MARK: - The course of the study so far

  private enum Pending {
    case cull(row: Int)
    case look(row: Int, look: Int)
  }

  /// Every decision up to now, made anew from the scores it was made from.
  private func course(_ match: Match, upTo end: Int? = nil) -> (champion: Int?, pending: Pending?) {
    var champion: Int?
    let rows = match.context.table.rows
    for row in rows.indices.prefix(end ?? rows.count) where !rows[row].hasFailed {
      let isWhole = match.reached[row] == match.count
      guard rows[row].isOpen || isWhole else { continue }
      guard let rival = champion, rows[rival].isFeasible || !rows[row].isFeasible else {
        // The first trial, and where the champion breaks a constraint the first that does not.
        if match.reached[row] < match.looks[0] { return (champion, .look(row: row, look: match.looks[0])) }
        champion = row
        continue
      }
      guard rows[row].isFeasible || !rows[rival].isFeasible else { continue }
      let verdict = verdict(match, row, rival)
      switch verdict.kind {
      case .unknown(let look): return (champion, .look(row: row, look: look))
      case .culled: if rows[row].isOpen { return (champion, .cull(row: row)) }
      case .accepted: champion = row
      case .whole(let isBetter): if isBetter { champion = row }
      }
    }
    return (champion, nil)
  }

  private struct Verdict {
    enum Kind {
      case accepted, culled
      /// Measured on all examples.
      case whole(isBetter: Bool)
      /// A look needs examples that are not measured.
      case unknown(look: Int)
    }
    var kind: Kind
    /// Examples it was given after; nil when there is none.
    var look: Int?
    var evidence = 0.0
  }

  /// Of a trial against the champion of its time.
  private func verdict(_ match: Match, _ row: Int, _ champion: Int) -> Verdict {
    let share = 6 / (Double.pi * Double.pi * Double(max(1, row * row)))
    let needed = -log(falseAcceptance * (isFamilywise ? share : 1))
    var pair = Pair(sign: match.sign)
    var earlier = 0
    for look in match.looks {
      guard match.reached[row] >= look, match.reached[champion] >= look else {
        return Verdict(kind: .unknown(look: look))
      }
      pair.append(match.pairs(row, champion, earlier..<look))
      earlier = look
      let evidence = pair.evidence.log
      if evidence >= needed { return Verdict(kind: .accepted, look: look, evidence: evidence) }
      if look == match.count {
        return Verdict(kind: .whole(isBetter: pair.isBetter), look: look, evidence: evidence)
      }
      if pair.predictive(of: match.count, margin: margin) < futility {
        return Verdict(kind: .culled, look: look, evidence: evidence)
      }
    }
    return Verdict(kind: .unknown(look: match.count))
  }
}

/// A trial and its champion on the examples that both have, in the order of the looks.
private struct Pair {
  let sign: Double
  private(set) var evidence = BettingEvidence()
  private var scores: [(new: Double, old: Double)] = []
  private var low = Double.infinity
  private var high = -Double.infinity
  /// Half of the range of the scores: halves of finite numbers have finite differences.
  private var halfRange = 0.0
  private var sum = 0.0
  private var squares = 0.0
  private var greatest = 0.0

  /// - Parameter sign: 1 where more is better, -1 where less is.
  init(sign: Double) { self.sign = sign }

  mutating func append(_ more: [(new: Double, old: Double)]) {
    for (new, old) in more {
      low = min(low, new, old)
      high = max(high, new, old)
    }
    // Equal scores have no differences.
    let half = low >= 0 && high <= 1 ? 0.5 : high > low ? high / 2 - low / 2 : 1
    let earlier = scores
    scores += more
    if half == halfRange {
      for pair in more { bet(pair) }
    } else {
      // In parts of another range all differences are others.
      (evidence, halfRange, sum, squares, greatest) = (BettingEvidence(), half, 0, 0, 0)
      for pair in earlier + more { bet(pair) }
    }
  }

  private mutating func bet(_ pair: (new: Double, old: Double)) {
    let z = sign * min(max((pair.new / 2 - pair.old / 2) / halfRange, -1), 1)
    evidence.add(z)
    sum += z
    squares += z * z
    greatest = max(greatest, abs(z))
  }

  /// In the mean, beyond what rounding does.
  var isBetter: Bool { sum > 1e-12 * Double(scores.count) }

  /// The chance of a mean difference above `margin` on `total` examples, as it follows from those seen under a normal model
  /// with the pseudo-pairs of Agresti and Min: half a pair at each end, and one at no difference.
  func predictive(of total: Int, margin: Double) -> Double {
    let left = Double(total - scores.count)
    let weight = Double(scores.count) + 2
    let mean = sum / weight
    let end = greatest > 0 ? greatest : 1
    let variance = (squares + end * end) / weight - mean * mean
    let expected = sum + left * mean - margin * Double(total)
    return Normal.cumulative(expected / (left * variance * (1 + left / weight)).squareRoot())
  }
}

/// The table of a study as the test goes through it: by example in the order of the looks, repeats of one taken together.
private struct Match {
  let context: ScheduleContext
  let sign: Double
  /// Rollouts of an example.
  let repeats: Int
  /// Examples.
  let count: Int
  /// Numbers of examples at which a trial is looked at; the last is all.
  let looks: [Int]
  /// By row: examples measured without a gap.
  let reached: [Int]
  private let order: [Int]

  init(_ context: ScheduleContext, _ fewest: Int, _ block: Int) {
    let places = context.table.examples
    let repeats = places.isMultiple(of: max(1, context.repeats)) ? max(1, context.repeats) : 1
    let count = places / repeats
    var random = RandomStream(seed: context.problem.seed, name: "sequential-test/order")
    let order = Array(0..<count).shuffled(using: &random)
    (self.context, self.repeats, self.count, self.order) = (context, repeats, count, order)
    sign = context.problem.objective.direction == .maximize ? 1 : -1
    looks = Array(stride(from: min(fewest, count), to: count, by: block)) + [count]
    reached = context.table.rows.map { row in
      order.firstIndex { example in (0..<repeats).contains { row.scores[example * repeats + $0] == nil } } ?? count
    }
  }

  /// Mean over the repeats; only of measured examples.
  private func score(_ row: Int, _ place: Int) -> Double {
    let scores = context.table.rows[row].scores
    return (0..<repeats).reduce(0) { $0 + (scores[order[place] * repeats + $1] ?? 0) / Double(repeats) }
  }

  func pairs(_ row: Int, _ champion: Int, _ places: Range<Int>) -> [(new: Double, old: Double)] {
    places.map { (score(row, $0), score(champion, $0)) }
  }

  /// The missing rollouts of these rows on the first examples, as far as the budget goes; nil when nothing is missing.
  func run(_ rows: [Int], to reach: Int) -> Allocation? {
    var left = context.rolloutsLeft ?? .max
    var work: [Allocation.Work] = []
    for row in rows where left > 0 && context.table.rows[row].isOpen {
      let missing = missing(row, to: reach).prefix(left)
      guard !missing.isEmpty else { continue }
      left -= missing.count
      work.append(Allocation.Work(trial: context.table.rows[row].trial, examples: Array(missing)))
    }
    return work.isEmpty ? nil : .run(work)
  }

  private func missing(_ row: Int, to reach: Int) -> [Int] {
    let scores = context.table.rows[row].scores
    return order.prefix(reach).flatMap { example in
      (0..<repeats).map { example * repeats + $0 }.filter { scores[$0] == nil }
    }
  }

  /// The look at which half as many examples are measured as any candidate has: `Winner` chooses among such.
  func enough(_ champion: Int) -> Int {
    let rows = context.table.rows
    let most =
      rows.indices.filter { !rows[$0].hasFailed && (rows[$0].isOpen || reached[$0] == count) }
      .map { reached[$0] }.max() ?? 0
    return looks.first { 2 * $0 >= most } ?? count
  }

  // MARK: The budget of rollouts

  /// Whether the budget of rollouts has room for the next look at a trial, or the first one at a new trial, beside what the
  /// champion needs on all examples.
  ///
  /// What a trial has since its last look counts as not spent: a study that is killed between two looks decides as it did.
  func affords(_ row: Int?, _ look: Int, champion: Int?) -> Bool {
    guard let left = context.rolloutsLeft, let champion else { return true }
    let last = row.map { row in looks.last { $0 <= reached[row] } ?? 0 } ?? 0
    let begun = row.map { (count - last) * repeats - missing($0, to: count).count } ?? 0
    return left + begun - missing(champion, to: count).count >= (look - last) * repeats
  }
}
