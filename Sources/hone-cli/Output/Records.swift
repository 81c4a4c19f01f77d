import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// The stored records as `--json` prints them. Documentation/Formats/cli-json.md describes every field.
extension StudySummary {
  var fields: [String: Value] {
    [
      "study": .string(name), "metric": .string(objective.metric), "direction": .string(objective.direction.rawValue),
      "outcomes": objective.outcomesAsValue, "trials": .int(trials), "complete": .int(complete), "failed": .int(failed),
      "running": .int(running),
      "best": best.asValue, "best_trial": bestTrial.asValue, "spend": spend.asValue, "seconds": .double(seconds),
    ]
  }
}

extension TrialRecord {
  func fields(study: String) -> [String: Value] {
    [
      "study": .string(study), "trial": .int(number), "state": .string(state.rawValue),
      "assignment": .object(proposal.assignment.values), "origin": .string(proposal.origin),
      "parent": proposal.parent.asValue, "note": .string(proposal.note), "score": (estimate?.mean).asValue,
      "deviation": (estimate?.deviation).asValue, "rollouts": .int(estimate?.count ?? 0), "screened": .bool(screened),
      "outcomes": .object(outcomes.mapValues { .double($0) }), "reason": .string(reason),
    ]
  }
}

extension RolloutRecord {
  func fields(study: String) -> [String: Value] {
    [
      "study": .string(study), "trial": .int(trial), "split": .string(split.rawValue), "example": .string(example),
      "repeat": .int(`repeat`), "score": score.asValue, "output": output, "feedback": .string(feedback),
      "outcomes": .object(outcomes.mapValues { .double($0) }),
      "failure": failure.map { ["kind": .string($0.kind.rawValue), "message": .string($0.message)] } ?? .null,
      "spend": spend.asValue, "calls": .array(callKeys.map { .string($0) }), "seconds": .double(seconds),
    ]
  }
}

extension CallRecord {
  func fields(study: String) -> [String: Value] {
    [
      "study": .string(study), "key": .string(key), "alias": .string(alias), "path": .string(path),
      "role": .string(role), "repeat": .int(`repeat`), "sample": .int(sample), "status": .int(status),
      "request": request, "response": response, "prompt_tokens": .int(usage.promptTokens),
      "completion_tokens": .int(usage.completionTokens), "cost": usage.cost.asValue,
      "estimated": .bool(usage.estimated), "seconds": .double(seconds), "attempts": .int(attempts),
    ]
  }
}

extension Trace.Node {
  func fields(study: String, trial: Int, example: String, step: Int, feedback: [String]) -> [String: Value] {
    [
      "study": .string(study), "trial": .int(trial), "example": .string(example), "step": .int(step),
      "kind": .string(kind.rawValue), "name": .string(name), "inputs": .array(inputs.map { .int($0) }), "value": value,
      "doc": doc.asValue, "parent": parent.asValue, "feedback": .array(feedback.map { .string($0) }),
    ]
  }
}

extension Spend {
  var asValue: Value {
    [
      "requests": .int(requests), "prompt_tokens": .int(promptTokens), "completion_tokens": .int(completionTokens),
      "tokens": .int(tokens), "money": .double(money), "estimated_tokens": .int(estimatedTokens),
    ]
  }
}

extension Optional where Wrapped == Double { var asValue: Value { map { .double($0) } ?? .null } }
extension Optional where Wrapped == Int { var asValue: Value { map { .int($0) } ?? .null } }
extension Optional where Wrapped == String { var asValue: Value { map { .string($0) } ?? .null } }
