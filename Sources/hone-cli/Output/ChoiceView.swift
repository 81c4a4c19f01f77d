import Hone
import HoneOptimize
import HoneTrace

/// Why `hone best` chose a trial under limits or weights.
struct ChoiceView {
  let choice: Tradeoff.Choice
  let tradeoff: Tradeoff
  let objective: Objective
  let console: Console

  func print() {
    console.status(
      "Best",
      "\(choice.score.text(Format.score)) at trial \(choice.trial), over \(Format.plural(choice.examples, "row"))")
    for (name, figure) in choice.outcomes.sorted(by: { $0.key < $1.key }) {
      console.status("Outcome", "\(Printable.line(name)) \(figure.text(Format.amount))", .strong)
    }
    console.status("Why", why, .info)
    for (bound, probability) in zip(tradeoff.bounds, choice.probabilities) {
      console.status("Limit", "\(bound.text) with probability \(Format.share(probability))", .info)
    }
    if let rival = choice.runnerUp { console.status("Next best", lead(rival, of: "trial \(rival.trial)"), .info) }
    if let rival = choice.unbounded {
      console.status("Unlimited", lead(rival, of: "trial \(rival.trial), which breaks a limit,"), .info)
    }
    console.status("Note", "chosen on the validation rows, so its figures are a little too good", .warn)
  }

  /// `highest accuracy - 0.001 tokens (0.512) of the 5 of 12 trials that keep the limits; 2 trials were not comparable`.
  private var why: String {
    var text = isWeighted ? "highest \(value) (\(Format.score(choice.value)))" : "\(superlative) \(metric)"
    text +=
      tradeoff.bounds.isEmpty
      ? " of \(Format.plural(choice.trials, "trial"))"
      : " of the \(choice.admitted) of \(Format.plural(choice.trials, "trial")) shown to keep the "
        + "limit\(tradeoff.bounds.count == 1 ? "" : "s") with probability \(Format.share(tradeoff.confidence))"
    if choice.unmeasured > 0 { text += "; \(choice.unmeasured) not comparable" }
    return text
  }

  private var metric: String { Printable.line(objective.metric) }
  private var superlative: String { objective.direction == .maximize ? "highest" : "lowest" }
  private var isWeighted: Bool { !tradeoff.weights.isEmpty }

  private var value: String {
    let head = (objective.direction == .maximize ? "" : "-") + factor(tradeoff.scoreWeight) + metric
    return tradeoff.weights.sorted { $0.key < $1.key }.reduce(head) { text, term in
      let sign = objective.outcomes[term.key] == .maximize ? "+" : "-"
      return "\(text) \(sign) \(Format.amount(term.value)) \(Printable.line(term.key))"
    }
  }

  private func factor(_ weight: Double) -> String { weight == 1 ? "" : "\(Format.amount(weight)) " }

  private func lead(_ rival: Tradeoff.Rival, of name: String) -> String {
    let side = rival.lead >= 0 ? "ahead of" : "behind"
    let sign = rival.lead >= 0 ? 1.0 : -1.0
    var text = "\(side) \(name) by \(Format.difference(rival.lead * sign, between: choice.value))"
    if let interval = rival.leadInterval {
      let ends = [interval.lower * sign, interval.upper * sign].sorted()
      text += " (\(ends.map { Format.difference($0, between: choice.value) }.joined(separator: " to ")))"
    }
    return text
  }

  /// As `--json` prints it.
  func fields(study: String) -> [String: Value] {
    [
      "study": .string(study), "trial": .int(choice.trial), "value": .double(choice.value),
      "score": choice.score.asValue, "outcomes": .object(choice.outcomes.mapValues(\.asValue)),
      "score_weight": .double(tradeoff.scoreWeight),
      "weights": .object(tradeoff.weights.mapValues { .double($0) }), "confidence": .double(tradeoff.confidence),
      "limits": .array(
        zip(tradeoff.bounds, choice.probabilities).map { bound, probability in
          [
            "outcome": .string(bound.outcome), "subject": .string(bound.subject.rawValue),
            bound.isMost ? "at_most" : "at_least": .double(bound.limit), "probability": .double(probability),
          ]
        }),
      "next_best": choice.runnerUp.asValue, "without_limits": choice.unbounded.asValue, "trials": .int(choice.trials),
      "admitted": .int(choice.admitted), "unmeasured": .int(choice.unmeasured), "examples": .int(choice.examples),
      "why": .string(why),
    ]
  }
}

extension Optional where Wrapped == Tradeoff.Rival {
  fileprivate var asValue: Value {
    map { rival in
      [
        "trial": .int(rival.trial), "lead": .double(rival.lead),
        "lead_interval": rival.leadInterval.map { ["lower": .double($0.lower), "upper": .double($0.upper)] } ?? .null,
      ]
    } ?? .null
  }
}
