import HoneModel
import HoneTrace

/// Turns a proposer's reply into a valid new assignment or a typed rejection. Nothing out of domain, unchanged or already
/// known passes.
struct ProposalJudge {
  let space: Space
  /// The parameters that may be changed.
  let changeable: Set<String>
  /// What the other parameters keep.
  let base: Assignment

  struct Verdict: Equatable {
    var attempt: Attempt
    /// Set when the reply is applied.
    var assignment: Assignment?
  }

  /// - Parameter taken: keys of the known assignments.
  func judge(_ reply: ChatReply, taken: Set<String>) -> Verdict {
    guard reply.finish != .length else {
      return refused(
        .truncated,
        Rejection(.truncated, "the answer was cut off after \(reply.usage.completionTokens) tokens; write less"))
    }
    let parsed: ProposalReply
    do {
      parsed = try ProposalReply(reply.text, names: Set(space.parameters.map(\.name)))
    } catch {
      return refused(error.kind == .ambiguous ? .rejected : .malformed, error)
    }
    var verdict = judge(parsed, taken: taken)
    verdict.attempt.suggestion = .object(parsed.suggestion)
    verdict.attempt.reasoning = parsed.reasoning
    return verdict
  }

  func judge(_ reply: ProposalReply, taken: Set<String>) -> Verdict {
    if reply.suggestion.isEmpty {
      return reply.terminate
        ? Verdict(attempt: Attempt(origin: "", outcome: .terminated))
        : refused(.rejected, Rejection(.empty, "\"suggestion\" names no parameter"))
    }
    let rejections = rejections(of: reply.suggestion)
    guard rejections.isEmpty else {
      return Verdict(attempt: Attempt(origin: "", outcome: .rejected, rejections: rejections))
    }
    let assignment: Assignment
    do {
      let values = base.values.merging(reply.suggestion.filter { changeable.contains($0.key) }) { $1 }
      assignment = try space.accept(values, defaults: base)
    } catch {
      return refused(.rejected, error)
    }
    if assignment.key == base.key {
      // A model that stops repeats the values it was shown.
      return reply.terminate
        ? Verdict(attempt: Attempt(origin: "", outcome: .terminated))
        : refused(.duplicate, Rejection(.unchanged, "these are the values the parameters have now; change them"))
    }
    guard !taken.contains(assignment.key) else {
      return refused(.duplicate, Rejection(.duplicate, "exactly these values were tried before; write different ones"))
    }
    return Verdict(attempt: Attempt(origin: "", outcome: .applied), assignment: assignment)
  }

  /// What is wrong with each value, by name.
  private func rejections(of suggestion: [String: Value]) -> [Rejection] {
    var rejections: [Rejection] = []
    for (name, value) in suggestion.sorted(by: { $0.key < $1.key }) {
      guard let parameter = space[name] else {
        let near = Nearest.name(to: name, among: changeable.sorted()).map { "; did you mean \"\($0)\"?" } ?? ""
        rejections.append(
          Rejection(.unknownParameter, parameter: String(name.prefix(80)), "there is no parameter of this name\(near)"))
        continue
      }
      do {
        let accepted = try parameter.domain.accept(value)
        guard !changeable.contains(name), let now = base[name], now != accepted else { continue }
        rejections.append(Rejection(.inactive, parameter: name, "this parameter is fixed and cannot be changed"))
      } catch {
        // An inactive parameter's value counts for nothing, whatever it is.
        guard changeable.contains(name) || base[name] != nil else { continue }
        rejections.append(Rejection(error.kind, parameter: name, error.reason))
      }
      if rejections.count >= 20 { break }
    }
    return rejections
  }

  private func refused(_ outcome: Attempt.Outcome, _ rejection: Rejection) -> Verdict {
    Verdict(attempt: Attempt(origin: "", outcome: outcome, rejections: [rejection]))
  }
}
