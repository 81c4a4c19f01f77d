import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTasks
import HoneTrace

/// What a study would need and what its budget buys, as `check` shows it.
struct CheckPlan: Sendable {
  /// Assignments there are; nil: no end of them.
  var assignments: Int?
  /// Whether each rollout asks a model.
  var asksModel: Bool
  var budget: Budget
  var estimate: CostEstimate
  var decidability: Decidability
  /// Every trial is measured whole.
  var isWhole: Bool
  /// The task has rows.
  var hasData: Bool

  init(task: TaskFile, data: DataSplits) {
    assignments = task.space.cardinality
    budget = task.budget
    estimate = task.estimate(data)
    decidability = task.decidability(data)
    isWhole = task.optimizer.scheduler.map { $0.name == SchedulerCatalog.defaultName } ?? true
    asksModel = estimate.requestsPerRollout > 0
    hasData = task.data != nil
  }

  /// Rollouts of a trial that is not screened out, the training examples shown to proposers included.
  private var rolloutsPerTrial: Int { estimate.rolloutsPerTrial + estimate.trainRolloutsPerAsk }

  /// Rollouts of all trials that the caps on trials and rollouts let be; nil when there is no end of them.
  private var rollouts: Int? {
    [estimate.trials.flatMap { estimate.cost(trials: $0)?.rollouts }, budget.rollouts].compactMap(\.self).min()
  }

  struct Line { var word: String, text: String, isWarning = false }

  var lines: [Line] {
    var lines = [
      Line(
        word: "Space", text: assignments.map { "\(Format.count($0)) assignments" } ?? "no end of assignments"),
      caps, Line(word: "Plan", text: plan),
    ]
    if let bought { lines.append(Line(word: "Buys", text: bought)) }
    lines += notes
    let (validation, test) = (decidability.smallestValidationGain, decidability.smallestTestGain)
    if !hasData {
      lines.append(Line(word: "Can show", text: Format.noRows))
    } else if let gains = Format.gains(validation: validation, test: test) {
      lines.append(Line(word: "Can show", text: gains))
    }
    return lines
  }

  private var caps: Line {
    var caps: [String] = []
    if let value = budget.trials { caps.append(Format.plural(value, "trial")) }
    if let value = budget.rollouts { caps.append(Format.plural(value, "rollout")) }
    if let value = budget.requests { caps.append(Format.plural(value, "request")) }
    if let value = budget.tokens { caps.append(Format.plural(value, "token")) }
    if let value = budget.money { caps.append("\(Format.number(value)) of money") }
    if let value = budget.oracleCalls { caps.append(Format.plural(value, "oracle call")) }
    if let value = budget.seconds { caps.append(Format.duration(value)) }
    guard caps.isEmpty else { return Line(word: "Budget", text: "at most " + caps.joined(separator: ", ")) }
    return Line(
      word: "Budget", text: "none: the study ends when its space does, or when it is stopped", isWarning: true)
  }

  private var plan: String {
    var text =
      "\(Format.plural(rolloutsPerTrial, "rollout")) a trial at most, \(Format.count(estimate.testRollouts)) for the sealed test"
    if let rollouts { text += "; \(Format.count(rollouts)) in all at most" }
    let each = estimate.requestsPerRollout
    if asksModel { text += each == 1 ? ", each one request" : ", each \(Format.count(each)) requests" }
    let (usual, most) = (estimate.requestsPerAsk.lowerBound, estimate.requestsPerAsk.upperBound)
    if most > 0 {
      let range = usual == most ? Format.plural(most, "request") : "\(usual) to \(Format.plural(most, "request"))"
      text += "; the proposer takes \(range) for a trial"
    }
    return text
  }

  /// `room for 9 trials measured whole and the sealed test: 1,022 rollouts, about 1,030 requests, about 95,000 tokens`.
  private var bought: String? {
    guard let bought = decidability.bought, budget != Budget() else { return nil }
    let cost = bought.cost
    var parts = [Format.plural(cost.rollouts, "rollout")]
    if cost.requests > 0 { parts.append("about " + Format.plural(cost.requests, "request")) }
    if cost.tokens > 0 { parts.append("about " + Format.plural(cost.tokens, "token")) }
    if let money = cost.money, money > 0 { parts.append("about \(Format.amount(money)) of money") }
    let trials = "\(Format.plural(bought.trials, "trial")) measured whole"
    return (isWhole ? "room for " : "as much as ") + trials
      + (estimate.testRollouts > 0 ? " and the sealed test: " : ": ") + parts.joined(separator: ", ")
  }

  /// What the estimate cannot say, and what it says of the trials that were asked for.
  private var notes: [Line] {
    var notes: [Line] = []
    if isWhole, let trials = budget.trials, let most = estimate.trials, let bought = decidability.bought?.trials,
      bought > 0, bought < most
    {
      notes.append(
        Line(
          word: "Note", text: "the other caps end the study before its \(Format.plural(trials, "trial")) are run",
          isWarning: true))
    }
    if let cap = budget.seconds {
      notes.append(
        Line(word: "Time", text: "not known before it runs; the cap of \(Format.duration(cap)) ends it"))
    }
    return notes
  }

  var asValue: Value {
    [
      "bought": decidability.bought.map { $0.cost.asValue(trials: $0.trials) } ?? .null,
      "least": decidability.least.asValue(trials: nil),
      "smallest_validation_gain": decidability.smallestValidationGain.asValue,
      "smallest_test_gain": decidability.smallestTestGain.asValue, "refusals": decidability.asValue,
      "rollouts_per_trial": .int(rolloutsPerTrial), "test_rollouts": .int(estimate.testRollouts),
      "requests_per_ask": .array(
        [estimate.requestsPerAsk.lowerBound, estimate.requestsPerAsk.upperBound].map { .int($0) }),
      "assignments": assignments.asValue,
      "trials": estimate.trials.asValue, "rollouts": rollouts.asValue, "asks_model": .bool(asksModel),
    ]
  }
}

extension CostEstimate.Cost {
  fileprivate func asValue(trials: Int?) -> Value {
    var members: [String: Value] = [
      "rollouts": .int(rollouts), "requests": .int(requests), "tokens": .int(tokens), "money": money.asValue,
    ]
    members["trials"] = trials.map { .int($0) }
    return .object(members)
  }
}

extension Decidability {
  /// Lets a study pass that can decide something; forced, others too, with a warning.
  ///
  /// - Parameter next: of `check`, the database for the line that says what to run next: as it was asked for, or with the
  ///   smallest budget that passes.
  /// - Throws: `Failure` 65.
  func gate(_ options: TaskOptions, _ console: Console, next: Setting<String>? = nil) throws(Failure) {
    func show(_ options: TaskOptions) {
      guard let next, !console.json else { return }
      console.status("Next", options.line("tune", next), .info, wraps: false)
    }
    guard !refusals.isEmpty, !options.force else {
      for refusal in refusals { console.warning(refusal.description) }
      return show(options)
    }
    let raised = raised(options)
    if let raised { show(raised) }
    let hints = [
      refusals.contains { $0.isOfData } ? "add rows, or give that split a larger part" : nil,
      enough.isEmpty ? nil : "raise the budget: " + enough.joined(separator: " "),
      refusals.contains { $0.needed.isInfinite } ? "give it one: price: { input, output } beside its name" : nil,
    ]
    throw Failure(
      .badInput, refusals.map(\.description).joined(separator: "; "),
      hint: hints.compactMap(\.self).joined(separator: "; ") + "; --force insists")
  }

  /// The options that have room: `--requests 464`.
  private var enough: [String] {
    refusals.filter { !$0.isOfData && $0.needed.isFinite }.map {
      "--\($0.subject.rawValue) \(Format.number($0.needed))"
    }
  }

  /// The options with the smallest budget that passes; nil where no budget does.
  private func raised(_ options: TaskOptions) -> TaskOptions? {
    var options = options
    for refusal in refusals {
      switch refusal.subject {
      case .trials: options.trials = Int(refusal.needed)
      case .rollouts: options.rollouts = Int(refusal.needed)
      case .requests: options.requests = Int(refusal.needed)
      case .tokens: options.tokens = Int(refusal.needed)
      case .money where refusal.needed.isInfinite: return nil
      case .money: options.money = refusal.needed
      case .validation, .test: return nil
      }
    }
    return options
  }

  var asValue: Value {
    .array(
      refusals.map { refusal in
        // Money alone has a fraction.
        func number(_ value: Double) -> Value {
          value.isInfinite ? .null : refusal.subject == .money ? .double(value) : .int(Int(value))
        }
        return [
          "of": .string(refusal.subject.rawValue), "given": number(refusal.given), "needed": number(refusal.needed),
          "message": .string(refusal.description),
        ]
      })
  }
}
