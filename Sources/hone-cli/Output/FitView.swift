import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// What a trial's fits say beside its score: what is had without them, how far losses lie apart, what they took.
struct FitView {
  /// Means over the rows, by name.
  let validation: [String: Double]
  /// Of the sealed test; empty where it was not opened.
  let test: [String: Double]

  init(_ trial: TrialRecord?, test: [RolloutRecord] = []) {
    validation = trial?.outcomes ?? [:]
    var values: [String: [Double]] = [:]
    for rollout in test {
      for (name, value) in rollout.outcomes { values[name, default: []].append(value) }
    }
    self.test = values.mapValues { $0.reduce(0, +) / Double($0.count) }
  }

  /// Oracle calls of all trials; nil where none fits anything.
  static func calls(_ trials: [TrialRecord]) -> String? {
    let calls = trials.compactMap { $0.outcomes["oracle_calls"] }
    return calls.isEmpty ? nil : Format.plural(Int(calls.reduce(0, +).rounded()), "oracle call")
  }

  /// Baselines and what is told of the fit, on validation and on the test.
  var asValue: Value {
    let names = validation.keys.filter { FitSpec.isBaseline(outcome: $0) }
    guard !names.isEmpty || validation["oracle_calls"] != nil else { return .null }
    func means(_ values: [String: Double]) -> Value { .object(values.mapValues { .double($0) }) }
    return ["validation": means(validation), "test": means(test)]
  }

  func print(on console: Console) {
    let plain = validation.keys.filter { FitSpec.isBaseline(outcome: $0) }.sorted()
    if !plain.isEmpty {
      let items = plain.map { name in
        let value = validation[name].map(Format.score) ?? ""
        return "\(name) \(value)" + (test[name].map { ", on the test \(Format.score($0))" } ?? "")
      }
      console.result("Beside", Printable.line(items.joined(separator: "; ")), .info)
    }
    guard let calls = validation["oracle_calls"] else { return }
    var parts: [String] = []
    for (name, words) in [
      ("loss_fitted", "on the rows fitted"), ("loss_choosing", "on those that chose"),
      ("loss_held_back", "held back from the choice"),
    ] {
      guard let value = FitSpec.told(name, in: validation) else { continue }
      parts.append((parts.isEmpty ? "loss " : "") + "\(Format.score(value)) \(words)")
    }
    if let cold = FitSpec.told("cold_start_differs_by", in: validation) {
      parts.append("a cold start differs by \(Format.amount(cold))")
    }
    parts.append("\(Format.plural(Int(calls.rounded()), "oracle call")) of the trial")
    console.result("Fitted", parts.joined(separator: ", "), .info)
  }
}
