import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// What a task's data and budget can decide, told before a request is sent.
///
/// A budget has to hold the start and one more trial, each measured whole and with what its proposer is shown, and the sealed
/// test; more is a wish. GEPA's users asked for the like after budgets that ended behind a single proposal were reported as
/// done (gepa-ai/gepa, issue 375). A time is not known before it runs.
public struct Decidability: Hashable, Sendable {
  /// The smallest gains that the rows are likely to show, for scores from 0 to 1; nil for fewer than two rows.
  public var smallestValidationGain: Double?
  public var smallestTestGain: Double?
  /// The least that decides something.
  public var least: CostEstimate.Cost
  /// What the budget has room for when every trial is measured whole; nil when nothing ends the study.
  public var bought: Purchase?
  /// What stands against it. Empty: the study can decide something.
  public var refusals: [Refusal]

  /// Whole trials, the start among them, and what they cost, the sealed test included.
  public struct Purchase: Hashable, Sendable {
    public var trials: Int
    public var cost: CostEstimate.Cost
  }

  /// Why a study would be run in vain.
  public struct Refusal: Hashable, Sendable {
    /// Caps that are too low, and splits with too few rows.
    public enum Subject: String, Hashable, Sendable {
      case trials, rollouts, requests, tokens, money, validation, test
    }
    public var subject: Subject
    public var given: Double
    /// Enough. Of rows, trials and rollouts it is exact, of the others an estimate; infinite for money where a model has no
    /// price.
    public var needed: Double
    /// Whether a sealed test has to be paid for.
    public var isTested: Bool

    public init(_ subject: Subject, _ given: Double, needed: Double, isTested: Bool = true) {
      self.subject = subject
      self.given = given
      self.needed = needed
      self.isTested = isTested
    }
  }
}

extension Decidability.Refusal: CustomStringConvertible {
  /// Whether it is of rows, which no budget mends.
  public var isOfData: Bool { subject == .validation || subject == .test }

  public var description: String {
    let (given, needed) = (Self.shown(given), Self.shown(needed))
    switch subject {
    case .trials: return "a budget of 1 trial is the start alone: at least \(needed) are needed"
    case .validation, .test:
      return "\(given) \(subject.rawValue) row\(self.given == 1 ? "" : "s") can decide nothing: not even all right "
        + "against all wrong could be told from chance at 5 %; at least \(needed) are needed"
    case .money where self.needed.isInfinite:
      return "a budget of \(given) of money cannot be counted: a model has no price"
    case .rollouts, .requests, .tokens, .money:
      let about = subject == .rollouts ? "" : "about "
      return "a budget of \(given) \(unit) is too small to decide anything: the start"
        + (isTested ? ", one more trial and the sealed test need " : " and one more trial need ") + about + needed
    }
  }

  private var unit: String {
    switch subject {
    case .money: "of money"
    default: given == 1 ? String(subject.rawValue.dropLast()) : subject.rawValue
    }
  }

  /// An amount of money has a fraction.
  private static func shown(_ value: Double) -> String { Value.double(value).canonicalJSON }
}

extension TaskFile {
  /// Trials without which nothing can be compared.
  static let fewestTrials = 2

  /// - Returns: what data and budget can decide. No request is made.
  public func decidability(_ data: DataSplits) -> Decidability { decidability(data, estimate(data)) }

  func decidability(_ data: DataSplits, _ estimate: CostEstimate) -> Decidability {
    // A space of one assignment has nothing to compare, and needs no more.
    let fewest = min(Self.fewestTrials, space.cardinality ?? Self.fewestTrials)
    let least = estimate.cost(trials: fewest) ?? CostEstimate.Cost()
    var refusals: [Decidability.Refusal] = []
    func refuse(_ subject: Decidability.Refusal.Subject, _ cap: Double?, below needed: Double?) {
      guard let cap, let needed, cap < needed else { return }
      refusals.append(.init(subject, cap, needed: needed, isTested: estimate.testRollouts > 0))
    }
    refuse(.trials, budget.trials.map(Double.init), below: Double(fewest))
    refuse(.rollouts, budget.rollouts.map(Double.init), below: Double(least.rollouts))
    refuse(.requests, budget.requests.map(Double.init), below: Double(least.requests))
    refuse(.tokens, budget.tokens.map(Double.init), below: Double(least.tokens))
    if let cap = budget.money {
      if let needed = least.money {
        if cap < needed { refuse(.money, cap, below: Self.roundedUp(needed)) }
      } else {
        refusals.append(.init(.money, cap, needed: .infinity))
      }
    }
    refusals += rowRefusals(data)
    return Decidability(
      smallestValidationGain: Comparison.smallestGain(count: data.validation.count),
      smallestTestGain: Comparison.smallestGain(count: data.test.count), least: least,
      bought: estimate.room(budget).flatMap { trials in
        estimate.cost(trials: trials).map { Decidability.Purchase(trials: trials, cost: $0) }
      }, refusals: refusals)
  }

  /// The next number of four digits, to be copied.
  private static func roundedUp(_ amount: Double) -> Double {
    let exponent = Int(log10(amount).rounded(.down)) - 3
    let digits = Int((amount / pow(10, Double(exponent))).rounded(.up))
    return [digits, digits + 1].lazy.compactMap { Double("\($0)e\(exponent)") }.first { $0 >= amount } ?? amount
  }

  /// A task without data is one number to make better, not a sample of rows.
  private func rowRefusals(_ data: DataSplits) -> [Decidability.Refusal] {
    guard self.data != nil else { return [] }
    let split: Decidability.Refusal.Subject = data.test.isEmpty ? .validation : .test
    let count = data.test.isEmpty ? data.validation.count : data.test.count
    guard !Comparison.canShow(count: count) else { return [] }
    let needed = (1...64).first { Comparison.canShow(count: $0) } ?? 64
    return [.init(split, Double(count), needed: Double(needed))]
  }
}
