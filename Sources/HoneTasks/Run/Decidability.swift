import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// What a task's data and budget can decide, told before a request is sent.
///
/// A budget has to hold the start and a few new trials, each measured whole and with what its proposer is shown, and the
/// sealed test: V + n (b + V) + 2 T rollouts for V validation rows, T test rows, b training rows an ask and n trials, three
/// of them or as many as there can be. GEPA's users asked for the first part of it after budgets that ended behind a single
/// proposal were reported as done (gepa-ai/gepa, issue 375).
public struct Decidability: Hashable, Sendable {
  /// The smallest gains that the rows are likely to show, for scores from 0 to 1; nil for fewer than two rows.
  public var smallestValidationGain: Double?
  public var smallestTestGain: Double?
  /// The fewest rollouts that decide something.
  public var rollouts: Int
  /// The fewest requests for them, an estimate; 0 when no model is asked.
  public var requests: Int
  /// The fewest tokens for them, an estimate without replies; 0 when no model is asked.
  public var tokens: Int
  /// What the budget has room for when every trial is measured whole; nil when nothing ends the study.
  public var bought: Purchase?
  /// What stands against it. Empty: the study can decide something.
  public var refusals: [Refusal]

  /// Whole trials and what they use, the sealed test included.
  public struct Purchase: Hashable, Sendable {
    /// The start included.
    public var trials: Int
    public var rollouts: Int
    /// An estimate; 0 when no model is asked.
    public var requests: Int
    /// An estimate; nil when it is not known.
    public var tokens: Int?
  }

  /// Why a study would be run in vain.
  public enum Refusal: Hashable, Sendable {
    /// The budget has room for no trial beside the start.
    case trials(Int)
    /// A cap below what is needed.
    case rollouts(Int, needed: Int)
    case requests(Int, needed: Int)
    case tokens(Int, needed: Int)
    /// Not even the largest difference could be told from chance on so few rows.
    case rows(Split, Int, needed: Int)
  }
}

extension Decidability.Refusal: CustomStringConvertible {
  /// The name in `--json`: the cap or the split.
  public var subject: String {
    switch self {
    case .trials: "trials"
    case .rollouts: "rollouts"
    case .requests: "requests"
    case .tokens: "tokens"
    case .rows(let split, _, _): split.rawValue
    }
  }

  public var given: Int {
    switch self {
    case .trials(let given), .rollouts(let given, _), .requests(let given, _), .tokens(let given, _),
      .rows(_, let given, _):
      given
    }
  }

  public var needed: Int {
    switch self {
    case .trials: 2
    case .rollouts(_, let needed), .requests(_, let needed), .tokens(_, let needed), .rows(_, _, let needed): needed
    }
  }

  public var description: String {
    switch self {
    case .trials: "a budget of 1 trial is the start alone: at least 2 are needed"
    case .rollouts, .requests, .tokens:
      "a budget of \(given) \(subject) is too small to decide anything: the start, a few trials and the sealed test need "
        + "\(self.isEstimate ? "about " : "")\(needed)"
    case .rows(let split, _, _):
      "\(given) \(split.rawValue) row\(given == 1 ? "" : "s") can decide nothing: not even all right against all wrong could "
        + "be told from chance at 5 %; at least \(needed) are needed"
    }
  }

  private var isEstimate: Bool {
    switch self {
    case .requests, .tokens: true
    case .trials, .rollouts, .rows: false
    }
  }
}

extension TaskFile {
  /// New trials that a budget has room for at least.
  static let fewestTrials = 3

  /// - Returns: what data and budget can decide. No request is made.
  public func decidability(_ data: DataSplits) -> Decidability {
    let estimate = estimate(data)
    let isWhole = optimizer.scheduler.map { $0.name == SchedulerCatalog.defaultName } ?? true
    let (start, test) = (estimate.rolloutsPerTrial, estimate.testRollouts)
    let each = start + estimate.trainRolloutsPerAsk
    let others = max(0, min(Self.fewestTrials, (estimate.trials ?? .max) - 1))
    // Schedulers that measure bit by bit compare trials on fewer rows.
    let search = start + (isWhole ? others * each : 0)
    // A study keeps the test's part only of a cap of twice its size.
    let rollouts = max(search + test, 2 * test)
    let asks = estimate.trainRolloutsPerAsk > 0 ? 1 : 0
    let prompts = workflow.prompts
    // Steps before the one that a trial changes are answered from the study's own record.
    let renewed = max(0, rollouts - start - test / 2)
    let requests = prompts > 0 ? (start + test / 2) * prompts + renewed + (isWhole ? others * asks : 0) : 0
    let perRollout = prompts > 0 ? promptTokens(data) ?? 0 : 0
    let tokens = (start + test / 2) * perRollout + renewed * perRollout / max(1, prompts)
    var refusals: [Decidability.Refusal] = []
    if let cap = budget.trials, cap < 2, space.cardinality != 1 { refusals.append(.trials(cap)) }
    if let cap = budget.rollouts, cap < rollouts { refusals.append(.rollouts(cap, needed: rollouts)) }
    if let cap = budget.requests, cap < requests { refusals.append(.requests(cap, needed: requests)) }
    if let cap = budget.tokens, cap < tokens { refusals.append(.tokens(cap, needed: tokens)) }
    refusals += rowRefusals(data)
    return Decidability(
      smallestValidationGain: Comparison.smallestGain(count: data.validation.count),
      smallestTestGain: Comparison.smallestGain(count: data.test.count), rollouts: rollouts, requests: requests,
      tokens: tokens, bought: bought(estimate, asks: asks), refusals: refusals)
  }

  /// A task without data is one number to make better, not a sample of rows.
  private func rowRefusals(_ data: DataSplits) -> [Decidability.Refusal] {
    guard self.data != nil else { return [] }
    let split: Split = data.test.isEmpty ? .validation : .test
    let count = data.test.isEmpty ? data.validation.count : data.test.count
    guard !Comparison.canShow(count: count) else { return [] }
    let needed = (1...64).first { Comparison.canShow(count: $0) } ?? 64
    return [.rows(split, count, needed: needed)]
  }

  /// As many trials as the caps have room for, the test after them.
  private func bought(_ estimate: CostEstimate, asks: Int) -> Decidability.Purchase? {
    let fixed = estimate.rolloutsPerTrial + estimate.testRollouts
    let each = estimate.rolloutsPerTrial + estimate.trainRolloutsPerAsk
    let perRollout = estimate.tokensPerRollout.map { ($0.lowerBound + $0.upperBound) / 2 }
    func room(_ cap: Int?, perRollout: Int, perAsk: Int) -> Int? {
      let price = each * perRollout + asks * perAsk
      guard let cap, price > 0 else { return nil }
      let left = cap - fixed * perRollout
      return left < 0 ? 0 : 1 + left / price
    }
    let rooms = [
      estimate.trials, room(budget.rollouts, perRollout: 1, perAsk: 0),
      room(budget.requests, perRollout: estimate.requestsPerRollout, perAsk: 1),
      room(budget.tokens, perRollout: perRollout ?? 0, perAsk: Self.tokensPerProposal),
    ]
    guard let trials = rooms.compactMap(\.self).min() else { return nil }
    // Caps so large that no number holds the product are no caps.
    let (more, isTooMuch) = max(0, trials - 1).multipliedReportingOverflow(by: max(each, Self.tokensPerProposal))
    guard !isTooMuch, more < 1 << 48 else { return nil }
    let rollouts = trials == 0 ? 0 : fixed + (trials - 1) * each
    let proposals = max(0, trials - 1) * asks
    return Decidability.Purchase(
      trials: trials, rollouts: rollouts, requests: rollouts * estimate.requestsPerRollout + proposals,
      tokens: perRollout.map { rollouts * $0 + proposals * Self.tokensPerProposal })
  }
}
