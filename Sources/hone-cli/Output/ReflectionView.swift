import HoneModel
import HoneOptimize
import HoneTrace

/// How a trial came about: what its proposer was shown, what it answered, what was refused and why.
struct ReflectionView {
  let reflection: Reflection
  /// Who the trial's values are from.
  let origin: String
  let console: Console

  /// Lines of what was shown that stand without `--prompt`.
  private static let page = 400

  func print() {
    guard !reflection.attempts.isEmpty else { return }
    for attempt in reflection.attempts { print(attempt) }
    let shown = reflection.shown.joined(separator: "\n\n").split(separator: "\n", omittingEmptySubsequences: false)
    let lines = Self.folded(shown)
    guard !lines.isEmpty else { return }
    let prompts = reflection.calls.reduce(0) { $0 + $1.usage.promptTokens }
    let requests = Format.plural(reflection.calls.count, "request")
    console.result(
      "Shown", "to the proposer, in \(requests) of \(Format.plural(prompts, "prompt token")) together:", .info)
    let columns = console.dataTerminal.isInteractive ? console.dataTerminal.columns - Console.statusColumns - 3 : 400
    for line in lines.prefix(Self.page) { console.continued(Printable.cut(Printable.clean(line), to: columns)) }
    guard lines.count > Self.page else { return }
    console.result(
      "More", "\(Format.plural(lines.count - Self.page, "line")) of what it was shown; --prompt prints all", .info)
  }

  /// Lines of several examples that say the same stand once: `[1-16] temperature = 0.1`.
  static func folded(_ lines: [Substring]) -> [String] {
    var folded: [(first: Int, last: Int, text: Substring)] = []
    for line in lines {
      guard let match = line.wholeMatch(of: #/\[(\d{1,9})\] (.*)/#), let number = Int(match.1) else {
        folded.append((0, 0, line))
        continue
      }
      if let old = folded.last, old.first > 0, old.last + 1 == number, old.text == match.2 {
        folded[folded.count - 1].last = number
      } else {
        folded.append((number, number, match.2))
      }
    }
    return folded.map { first, last, text in
      first == 0 ? String(text) : "[\(first)\(last > first ? "-\(last)" : "")] \(text)"
    }
  }

  /// Every request of the round with its reply, nothing cut.
  func printCalls() {
    if reflection.calls.isEmpty {
      console.status("Empty", "no request to a proposer is stored for this trial", .warn)
    }
    for (number, call) in reflection.calls.enumerated() {
      console.result(
        "Request",
        "\(number + 1) of \(reflection.calls.count)  \(call.key.prefix(12))  \(Printable.line(call.alias))  "
          + "\(Format.plural(call.usage.totalTokens, "token"))", .strong)
      for message in call.messages { console.quote(message.role, message.text) }
      console.quote("reply", call.replyText)
    }
  }

  private func print(_ attempt: Attempt) {
    let isUsable = attempt.outcome == .applied
    let isUsed = isUsable && attempt.origin == origin
    let word = isUsed ? "Applied" : isUsable ? "Read" : attempt.outcome == .fallback ? "Fallback" : "Refused"
    var text = Printable.line(attempt.origin)
    if !isUsable, attempt.outcome != .fallback { text += ", \(attempt.outcome.words)" }
    if isUsable, !isUsed { text += ", and the values of \(Printable.line(origin)) were taken" }
    let reasons = attempt.rejections.map { Printable.line($0.description) }
    if !reasons.isEmpty { text += ": " + reasons.joined(separator: "; ") }
    console.result(word, text, isUsed ? .good : isUsable ? .info : .warn)
    if !attempt.reasoning.isEmpty { console.continued(Printable.clean(attempt.reasoning)) }
  }

  /// As `--json` prints it.
  var fields: [String: Value] {
    [
      "attempts": .array(
        reflection.attempts.map { attempt in
          [
            "origin": .string(attempt.origin), "outcome": .string(attempt.outcome.rawValue),
            "reasoning": .string(attempt.reasoning), "suggestion": attempt.suggestion,
            "rejections": .array(
              attempt.rejections.map {
                ["kind": .string($0.kind.rawValue), "parameter": $0.parameter.asValue, "reason": .string($0.reason)]
              }), "calls": .array(attempt.callKeys.map { .string($0) }),
          ]
        }), "shown": .array(reflection.shown.map { .string($0) }),
    ]
  }
}

extension Console {
  /// What somebody said, as it stands: the first line behind the role, the others below it.
  func quote(_ role: String, _ text: String) {
    let lines = Printable.clean(text).split(separator: "\n", omittingEmptySubsequences: false)
    result(Printable.line(role), String(lines.first ?? ""), role == "reply" ? .info : .faint)
    for line in lines.dropFirst() { data(String(repeating: " ", count: Self.statusColumns + 1) + line) }
  }
}

extension Attempt.Outcome {
  fileprivate var words: String {
    switch self {
    case .applied, .rejected, .duplicate, .truncated, .malformed, .terminated, .fallback: rawValue
    case .modelFailed: "the model failed"
    }
  }
}
