import ArgumentParser
import Hone
import HoneOptimize
import HoneStore
import HoneTrace

/// `tokens=400`: an outcome and a number.
struct OutcomeValue: ExpressibleByArgument, Hashable, Sendable {
  var outcome: String
  var number: Double

  init?(argument: String) {
    // The last sign parts them: an outcome's name may hold others.
    guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex,
      let number = Double(argument[argument.index(after: sign)...]), number.isFinite
    else { return nil }
    (outcome, self.number) = (String(argument[..<sign]), number)
  }
}

/// How `hone best` weighs score and outcomes; with none of these it shows the study's winner.
struct TradeoffOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Keep the mean of an outcome at or below this.", valueName: "outcome=limit"))
  var atMost: [OutcomeValue] = []

  @Option(help: ArgumentHelp("Keep the mean of an outcome at or above this.", valueName: "outcome=limit"))
  var atLeast: [OutcomeValue] = []

  @Option(help: ArgumentHelp("The probability with which each limit must hold (default: 0.95).", valueName: "p"))
  var confidence: Double?

  @Flag(help: "The limits are for each single call, not for the mean.") var perCall = false

  @Option(help: ArgumentHelp("What one unit of an outcome costs in units of the score.", valueName: "outcome=price"))
  var weight: [OutcomeValue] = []

  @Option(
    help: ArgumentHelp(
      "AutoRAG-HP's reward: w x score - (1 - w) x outcome / the largest one seen.", valueName: "outcome=w"))
  var balance: OutcomeValue?

  func validate() throws {
    if let confidence, !(confidence > 0 && confidence < 1) {
      throw ValidationError("--confidence must be between 0 and 1, not \(confidence)")
    }
    if atMost.isEmpty, atLeast.isEmpty, confidence != nil || perCall {
      throw ValidationError("--confidence and --per-call are about limits: add --at-most or --at-least")
    }
    if let price = weight.first(where: { $0.number < 0 }) {
      throw ValidationError("--weight must be 0 or more, not \(price.number)")
    }
    let names = weight.map(\.outcome)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw ValidationError("--weight names \(twice) twice")
    }
    if let balance {
      guard weight.isEmpty else { throw ValidationError("--weight and --balance exclude each other") }
      guard (0...1).contains(balance.number) else {
        throw ValidationError("--balance must be from 0 to 1, not \(balance.number)")
      }
    }
  }

  var isEmpty: Bool { atMost.isEmpty && atLeast.isEmpty && weight.isEmpty && balance == nil }

  func tradeoff(_ table: OutcomeTable) -> Tradeoff {
    var tradeoff =
      balance.map { Tradeoff.balance($0.number, against: $0.outcome, in: table) }
      ?? Tradeoff(weights: Dictionary(weight.map { ($0.outcome, $0.number) }, uniquingKeysWith: { $1 }))
    let subject: Tradeoff.Bound.Subject = perCall ? .call : .mean
    tradeoff.bounds =
      atMost.map { Tradeoff.Bound($0.outcome, atMost: $0.number, of: subject) }
      + atLeast.map { Tradeoff.Bound($0.outcome, atLeast: $0.number, of: subject) }
    if let confidence { tradeoff.confidence = confidence }
    return tradeoff
  }

  /// The trial that these options choose, from what is stored alone.
  /// - Throws: `Failure` 66 when no trial was measured with the outcomes, 1 when none is shown to keep the limits.
  func choose(_ reader: StudyReader, _ definition: StudyDefinition) async throws -> (Tradeoff, Tradeoff.Choice) {
    let table = try await Study(store: reader.store, name: definition.name).outcomes()
    let tradeoff = tradeoff(table)
    do throws(Tradeoff.Refusal) {
      return (
        tradeoff,
        try tradeoff.choose(
          from: table, objective: definition.problem.objective, constraints: definition.constraints,
          confidence: definition.confidence)
      )
    } catch {
      throw Failure(error, study: definition.name, tradeoff)
    }
  }
}

extension Failure {
  fileprivate init(_ refusal: Tradeoff.Refusal, study: String, _ tradeoff: Tradeoff) {
    switch refusal {
    case .unmeasured(let wanted, let known):
      let named = wanted.isEmpty ? "a score" : wanted.joined(separator: " and ")
      self.init(
        .missing, "\(study): no trial is measured whole with \(named)",
        hint: known.isEmpty ? "its rollouts have no outcomes" : "its rollouts have \(known.joined(separator: ", "))")
    case .constrained:
      self.init(
        .no, "\(study): no trial keeps the study's own score.constraints", hint: "hone show \(study) --front")
    case .outOfBounds(let closest, let bound, let mean, let probability):
      let chance =
        probability.map { "with probability \(Format.share($0))" } ?? "with a probability one row cannot tell"
      self.init(
        .no, "\(study): no trial is shown to keep \(bound.text) with probability \(Format.share(tradeoff.confidence))",
        hint: "nearest is trial \(closest), which keeps it \(chance) (mean \(Format.amount(mean))); "
          + "allow more, or lower --confidence")
    }
  }
}

extension Tradeoff.Bound {
  /// `mean tokens <= 400`.
  var text: String {
    "\(subject == .mean ? "mean" : "each call's") \(Printable.line(outcome)) \(isMost ? "<=" : ">=") \(Format.amount(limit))"
  }
}
