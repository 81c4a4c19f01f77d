/// Hard caps of a study; nil means no cap. None is ever overshot.
public struct Budget: Hashable, Codable, Sendable {
  public var trials: Int?
  public var rollouts: Int?
  public var requests: Int?
  public var tokens: Int?
  /// In the price table's currency.
  public var money: Double?
  /// Seconds of running, summed over all sessions of the study.
  public var seconds: Double?
  /// Calls of the oracles of what is fitted inside trials. A trial begins when there is room for the most it may make.
  public var oracleCalls: Int?

  public init(
    trials: Int? = nil, rollouts: Int? = nil, requests: Int? = nil, tokens: Int? = nil, money: Double? = nil,
    seconds: Double? = nil, oracleCalls: Int? = nil
  ) {
    self.trials = trials
    self.rollouts = rollouts
    self.requests = requests
    self.tokens = tokens
    self.money = money
    self.seconds = seconds
    self.oracleCalls = oracleCalls
  }
}

/// What has been used.
public struct Spend: Hashable, Codable, Sendable {
  public var requests = 0
  public var promptTokens = 0
  public var completionTokens = 0
  public var money = 0.0
  /// Tokens of requests whose usage had to be estimated.
  public var estimatedTokens = 0

  public var tokens: Int { promptTokens + completionTokens }

  public init() {}

  /// Adds one request.
  public mutating func add(_ usage: Usage, requests: Int = 1) {
    self.requests += requests
    promptTokens += usage.promptTokens
    completionTokens += usage.completionTokens
    money += usage.cost ?? 0
    if usage.estimated { estimatedTokens += usage.totalTokens }
  }

  /// Money to 12 digits behind the point: a sum that does not show in which order it was made.
  public var rounded: Spend {
    var spend = self
    spend.money = (money * 1e12).rounded() / 1e12
    return spend
  }

  public static func + (a: Spend, b: Spend) -> Spend {
    var sum = a
    sum.requests += b.requests
    sum.promptTokens += b.promptTokens
    sum.completionTokens += b.completionTokens
    sum.money += b.money
    sum.estimatedTokens += b.estimatedTokens
    return sum
  }
}

/// Money per million tokens.
public struct Price: Hashable, Codable, Sendable {
  public var input: Double
  public var output: Double

  public init(input: Double, output: Double) {
    self.input = input
    self.output = output
  }

  public func cost(promptTokens: Int, completionTokens: Int) -> Double {
    (Double(promptTokens) * input + Double(completionTokens) * output) / 1_000_000
  }
}
