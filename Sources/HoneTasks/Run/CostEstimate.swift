import HoneModel

/// What a study needs, told before anything is spent. What `hone check` says a budget buys and what the gate of `check` and
/// `tune` refuses both come from it.
///
/// n trials that are measured whole are V + (n - 1) (b + V) + T rollouts: V of a trial on all validation rows, b on training
/// rows that are shown to a proposer before it is asked, T of the start and the winner on the sealed test. Trials that are
/// dropped early and rollouts answered from the store need less; replies in vain need more.
public struct CostEstimate: Hashable, Sendable {
  /// Of whole trials, the start among them and the sealed test after them.
  public struct Cost: Hashable, Sendable {
    public var rollouts = 0
    /// Of the workflow and the proposer; a command's own are not known here.
    public var requests = 0
    /// Estimated from the texts' length, each reply as long as it may be.
    public var tokens = 0
    /// Nil: a model that is asked has no price.
    public var money: Double? = 0
  }

  /// Most trials; nil: no cap on them is given and the space has no end.
  public var trials: Int?
  /// Validation rollouts of one trial that is not dropped early.
  public var rolloutsPerTrial: Int
  /// Rollouts on training examples that one ask of a proposer may need; 0 when the optimizer needs none.
  public var trainRolloutsPerAsk: Int
  /// Rollouts on the sealed test: the start and the winner.
  public var testRollouts: Int
  /// Model requests of one rollout: one a prompt, and one a search that needs the query's embedding.
  public var requestsPerRollout: Int
  /// Model requests of one ask of the optimizer: when each reply can be used, and at most.
  public var requestsPerAsk: ClosedRange<Int>
  /// Tokens of one rollout at the start and in the middle of every number, the smaller first; 0 where no model is asked.
  public var tokensPerRollout: ClosedRange<Int>
  /// Money of one rollout and of one request of the proposer; nil where it is not known.
  public var moneyPerRollout: Double?
  public var moneyPerProposal: Double?

  /// Of a proposer's request and reply, roughly.
  static let tokensPerProposal = (prompt: 3000, reply: 1000)

  /// - Returns: nil when no number can say it, which is no end.
  public func cost(trials: Int) -> Cost? {
    guard trials > 0 else { return Cost() }
    let (first, each) = (rolloutsPerTrial + testRollouts, rolloutsPerTrial + trainRolloutsPerAsk)
    let perRollout = (tokensPerRollout.lowerBound + tokensPerRollout.upperBound) / 2
    let perProposal = Self.tokensPerProposal.prompt + Self.tokensPerProposal.reply
    guard let rollouts = Self.total(trials - 1, each, and: first),
      let asks = Self.total(trials - 1, requestsPerAsk.lowerBound, and: 0),
      let requests = Self.total(rollouts, requestsPerRollout, and: asks),
      let tokens = Self.total(asks, perProposal, and: 0).flatMap({ Self.total(rollouts, perRollout, and: $0) })
    else { return nil }
    var money: Double?
    if let moneyPerRollout, let moneyPerProposal {
      money = Double(rollouts) * moneyPerRollout + Double(asks) * moneyPerProposal
    }
    return Cost(rollouts: rollouts, requests: requests, tokens: tokens, money: money)
  }

  /// Whole trials that a budget has room for; nil: nothing ends the study. 0: not even the start and the test.
  public func room(_ budget: Budget) -> Int? {
    let endless = 1 << 40
    let most = min(trials ?? endless, budget.trials ?? endless, endless)
    func fits(_ trials: Int) -> Bool { cost(trials: trials).map { $0.fits(budget) } ?? false }
    if fits(most) { return most == endless ? nil : most }
    var (fitting, tooMany) = (0, most)
    while tooMany - fitting > 1 {
      let middle = fitting + (tooMany - fitting) / 2
      if fits(middle) { fitting = middle } else { tooMany = middle }
    }
    // Caps so large that no number holds the product are no caps.
    return cost(trials: tooMany) == nil ? nil : fitting
  }

  /// `count * each + rest`; nil when no number can say it.
  private static func total(_ count: Int, _ each: Int, and rest: Int) -> Int? {
    let (product, isTooMuch) = count.multipliedReportingOverflow(by: each)
    let (sum, isMore) = product.addingReportingOverflow(rest)
    return isTooMuch || isMore ? nil : sum
  }
}

extension CostEstimate.Cost {
  /// Whether no cap stands below it. What is not known stands below every cap.
  public func fits(_ budget: Budget) -> Bool {
    rollouts <= budget.rollouts ?? .max && requests <= budget.requests ?? .max && tokens <= budget.tokens ?? .max
      && money ?? 0 <= budget.money ?? .infinity
  }
}
