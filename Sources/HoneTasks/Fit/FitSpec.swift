import HoneOptimize
import HoneTrace

/// A small model fitted to the rows of `train`, whose strengths of regularization are tuned by hypergradients inside each
/// trial: what the other parameters choose is scored by its tuned optimum.
public struct FitSpec: Sendable {
  public enum Form: Sendable {
    /// Logistic regression over the labels of `train`. With `checked`, the field that says whether a row's label is right:
    /// all other rows get a weight each, chosen by the loss on those.
    case classify(checked: String?)
    /// The conditional logit over a row's candidates.
    case rank(RankSpec)
    /// Temperature and biases for the scores that a model gave each label.
    case calibrate(scores: String, costs: [String: Double])
  }

  /// Where a row's candidates are, and how many of them are the output.
  public struct RankSpec: Sendable {
    /// The field with a list of objects.
    public var candidates: Setting
    /// The member of a candidate that names it.
    public var name: String
    public var topK: Setting
  }

  /// Features that may be regularized together.
  public struct Group: Hashable, Sendable {
    public var name: String
    /// Fields of the row, of a candidate where candidates are ranked: numbers, or lists of as many numbers in every row.
    public var fields: [String]
  }

  public var form: Form
  /// The field with what is right: a label, or names of candidates.
  public var label: String
  /// Empty where a model's scores are calibrated.
  public var groups: [Group]
  /// Groups that are used: "all", or names joined by +; of a calibration one of `calibrations`.
  public var use: Setting
  /// One of `PenaltyKind`'s names: one strength, one a group, one a feature.
  public var penalty: Setting
  /// Share of the training rows that choose the strengths.
  public var outer: Setting
  /// L2 strength where rows are weighted.
  public var ridge: Setting
  /// Oracle calls of one trial, at most.
  public var calls: Int

  /// The key it has in the file.
  var kind: String {
    switch form {
    case .classify: "classify"
    case .rank: "rank"
    case .calibrate: "calibrate"
    }
  }

  static let all = "all"

  /// What of a calibration is fitted: nothing, the temperature, or that and the biases.
  static let calibrations = ["none", "temperature", all]

  /// Outcomes of each row that a score may be.
  static func outcomes(_ kind: String) -> [String] {
    kind == "rank" ? ["reciprocal_rank", "hit", "log_loss"] : ["log_loss", "cost"]
  }

  /// What it says of each row.
  var allOutcomes: [String] {
    let own = Self.baselines.filter { name in
      switch form {
      case .classify(let checked): checked != nil && name.hasPrefix("accuracy")
      case .rank: name.hasSuffix("best_single")
      case .calibrate: name.hasSuffix("uncalibrated")
      }
    }
    return Self.outcomes(kind) + own
      + ["oracle_calls", "loss_fitted", "loss_choosing", "loss_held_back", "cold_start_differs_by"]
  }

  /// Outcomes that say what is had without the fit.
  private static let baselines = [
    "accuracy_checked_only", "accuracy_all_rows", "reciprocal_rank_best_single", "hit_best_single",
    "log_loss_uncalibrated", "cost_uncalibrated",
  ]

  /// - Parameter outcome: perhaps with the name of its step before it.
  public static func isBaseline(outcome: String) -> Bool {
    baselines.contains(outcome.split(separator: ".").last.map(String.init) ?? outcome)
  }

  /// An outcome of the only fit, or of the only one among steps.
  public static func told(_ name: String, in outcomes: [String: Double]) -> Double? {
    if let value = outcomes[name] { return value }
    let found = outcomes.keys.filter { $0.hasSuffix(".\(name)") }
    return found.count == 1 ? found.first.flatMap { outcomes[$0] } : nil
  }

  var settings: [Setting] {
    var settings = [use, penalty, outer, ridge]
    if case .rank(let spec) = form { settings += [spec.candidates, spec.topK] }
    return settings
  }

  /// Fields of the row that it reads to decide.
  func inputs(_ space: Space) -> [String] {
    switch form {
    case .classify: return groups.flatMap(\.fields).unique
    case .calibrate(let scores, _): return [scores]
    case .rank(let spec):
      switch spec.candidates {
      case .value(let value): return [value.text]
      case .parameter(let name): return (space[name]?.domain.choices ?? []).map(\.text)
      }
    }
  }
}

/// What an assignment makes of the settings of a fit: all that decides it beside the rows.
struct FitSettings: Hashable, Sendable {
  var use: String
  var groups: [FitSpec.Group]
  var penalty: PenaltyKind
  var outer: Double
  var ridge: Double
  /// The field with the candidates; empty where there are none.
  var candidates: String

  init(_ spec: FitSpec, _ filling: Filling, _ assignment: Assignment) {
    let use = filling.value(spec.use, assignment).text
    // Groups in another order are the same fit.
    self.use = if case .calibrate = spec.form { use } else { "" }
    let names = use.split(separator: "+").map { $0.filter { !$0.isWhitespace } }
    groups = use == FitSpec.all ? spec.groups : spec.groups.filter { names.contains($0.name) }
    penalty = PenaltyKind(rawValue: filling.value(spec.penalty, assignment).text) ?? .group
    outer = filling.value(spec.outer, assignment).number ?? 0.4
    ridge = filling.value(spec.ridge, assignment).number ?? 1
    if case .rank(let rank) = spec.form {
      candidates = filling.value(rank.candidates, assignment).text
    } else {
      candidates = ""
    }
  }
}
