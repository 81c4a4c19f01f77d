import Foundation
import Hone
import HoneOptimize
import HoneTrace

/// A fitted model, and what is told of how it was made.
struct FittedModel: Sendable {
  /// What it makes of a row.
  struct Decision: Sendable {
    var text: String
    /// Of this row; all finite.
    var outcomes: [String: Double]
  }

  /// What the trace holds.
  let report: Value
  /// Numbers of the fit itself, the same for every row.
  let told: [String: Double]
  /// Mean logarithm of each group's strengths: where the search for those of similar settings begins.
  let strengths: [String: Double]
  private let decide: @Sendable (Value, Int) throws(FitError) -> Decision

  init(
    report: Value, _ tuned: TunedStrengths?, trainLoss: Double = .nan, strengths: [String: Double],
    decide: @escaping @Sendable (Value, Int) throws(FitError) -> Decision
  ) {
    (self.report, self.strengths, self.decide) = (report, strengths, decide)
    var told = ["oracle_calls": Double(tuned?.count.total ?? 0)]
    if let tuned {
      told["loss_fitted"] = trainLoss
      told["loss_choosing"] = tuned.outerLoss
      told["loss_held_back"] = tuned.selectionLoss
      told["cold_start_differs_by"] = tuned.coldDifference
    }
    self.told = told.filter { $0.value.isFinite }
  }

  /// - Parameter topK: names in the output, at most, where candidates are ranked.
  /// - Throws: when the row lacks what is read.
  func decide(_ row: Value, topK: Int) throws(FitError) -> Decision { try decide(row, topK) }
}

/// What the report says of one tuning, the same for all forms.
struct FitReport {
  let spec: FitSpec
  let settings: FitSettings
  /// Rows the weights were fitted to, and rows that chose the strengths.
  let rows: (inner: Int, outer: Int)

  func value(_ tuned: TunedStrengths, names: [String], trainLoss: Double, more: [String: Value] = [:]) -> Value {
    func number(_ value: Double) -> Value { value.isFinite ? .double(rounded(value)) : .null }
    var strengths: [String: Value] = [:]
    for (name, lambda) in zip(names, tuned.lambda) { strengths[name] = number(exp(lambda)) }
    var object: [String: Value] = [
      "fit": .string(spec.kind), "method": .string(tuned.method), "penalty": .string(settings.penalty.rawValue),
      "rows": ["fitted": .int(rows.inner), "choosing": .int(rows.outer)],
      "loss": [
        "fitted": number(trainLoss), "choosing": number(tuned.outerLoss), "choosing_at_start": number(tuned.startLoss),
        "held_back": tuned.selectionLoss.map(number) ?? .null,
      ],
      "error": ["loss": number(tuned.valueError), "hypergradient": number(tuned.errorEstimate)],
      "cold_start_differs_by": number(tuned.coldDifference),
      "oracle_calls": [
        "all": .int(tuned.count.total), "inner": .int(tuned.count.inner), "outer": .int(tuned.count.outer),
        "hessian_products": .int(tuned.count.hessianProducts), "mixed_products": .int(tuned.count.mixedProducts),
        "factorizations": .int(tuned.count.factorizations),
      ],
      "ended": .string(tuned.stop.rawValue),
    ]
    if tuned.lambda.count == names.count { object["strengths"] = .object(strengths) }
    if tuned.selectionLoss != nil {
      object["shrinkage"] = tuned.shrinkage.isFinite ? number(tuned.shrinkage) : .string("all equal")
    }
    return .object(object.merging(more) { $1 })
  }

  /// Six digits: last bits are no news.
  private func rounded(_ value: Double) -> Double {
    guard value != 0 else { return 0 }
    let scale = pow(10, 5 - floor(log10(abs(value))))
    return scale.isFinite && scale > 0 ? (value * scale).rounded() / scale : value
  }
}
