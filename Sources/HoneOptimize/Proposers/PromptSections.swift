import HoneNumerics
import HoneTrace

/// Sections that the prompts of several proposers share. The same arguments give the same bytes.
enum PromptSections {
  /// A word that marks where recorded data begins and ends, and that stands nowhere in it.
  static func boundary(_ context: AskContext, _ name: String, _ request: Int, apartFrom sections: [String: String])
    -> String
  {
    var random = context.random("\(name)/boundary/\(context.known.count)/\(request)")
    while true {
      let word = String(random.next() | 1 << 63, radix: 16)
      if !sections.values.contains(where: { $0.contains(word) }) { return word }
    }
  }

  static func objective(_ context: AskContext) -> String {
    let purpose = context.problem.objective.purpose
    return purpose.isEmpty ? "Improve the workflow's outputs as the feedback asks." : purpose
  }

  static func score(_ context: AskContext) -> String {
    let objective = context.problem.objective
    let direction = "\(objective.direction == .maximize ? "higher" : "lower") is better"
    let now = context.incumbent.map { ", \(rounded($0.estimate.mean).canonicalJSON) now" } ?? ""
    return "\(objective.metric)\(now); \(direction)"
  }

  /// What each value must be, a parameter a line.
  static func constraints(_ parameters: [ParameterSpec]) -> String {
    parameters.map { parameter in
      let described = parameter.description.isEmpty ? "" : " (\(parameter.description))"
      return "\(parameter.name)\(described): \(parameter.domain.constraint)"
    }.joined(separator: "\n")
  }

  /// Whole values, a JSON object a parameter.
  static func values(_ parameters: [ParameterSpec], of assignment: Assignment) -> String {
    parameters.map { "\($0.name) = \((assignment[$0.name] ?? .null).canonicalJSON)" }.joined(separator: "\n")
  }

  /// Past trials, one JSON object a line, the best last; the first lines go when they take too much.
  static func attempts(_ memory: AttemptMemory, _ parameters: [ParameterSpec], tokenCap: Int) -> String {
    let names = Set(parameters.map(\.name))
    var lines: [String] = []
    var tokens = 0
    for entry in memory.shown.reversed() {
      let line = line(entry, names)
      tokens += Tokens.estimate(line)
      guard tokens <= tokenCap else { break }
      lines.append(line)
    }
    return lines.reversed().joined(separator: "\n")
  }

  private static func line(_ entry: AttemptMemory.Entry, _ names: Set<String>) -> String {
    let values = (entry.values.object ?? [:]).filter { names.contains($0.key) }.mapValues { value in
      value.string.map { Value.string($0.count > 600 ? "\($0.prefix(600)) ..." : $0) } ?? value
    }
    var line: [String: Value] = ["values": .object(values)]
    if let mean = entry.mean { line["score"] = rounded(mean) }
    if entry.screened { line["note"] = "dropped after the first examples" }
    if let failure = entry.failure { line["failed"] = .string(failure) }
    return Value.object(line).canonicalJSON
  }

  static func rounded(_ value: Double) -> Value { .double((value * 1_000).rounded() / 1_000) }

  /// Rollouts as inputs, output and feedback, one JSON value a line; as many as fit, at least one.
  ///
  /// - Parameter cap: characters of one value; a longer one is cut, and says so.
  static func examples(_ rollouts: [RolloutRecord], tokenCap: Int, cap: Int = 2_000) -> String {
    var blocks: [String] = []
    var tokens = 0
    for (index, rollout) in rollouts.enumerated() {
      let block = example(rollout, index + 1, cap)
      tokens += Tokens.estimate(block)
      guard blocks.isEmpty || tokens <= tokenCap else { break }
      blocks.append(block)
    }
    return blocks.joined(separator: "\n\n")
  }

  private static func example(_ rollout: RolloutRecord, _ number: Int, _ cap: Int) -> String {
    func cut(_ value: Value) -> String {
      let text = value.canonicalJSON
      return text.count > cap ? "\(text.prefix(cap)) ... (cut)" : text
    }
    var lines = ["##Example \(number)"]
    for node in rollout.trace?.nodes ?? [] where node.kind == .input {
      lines.append("input \(node.name) = \(cut(node.value))")
    }
    lines.append(
      rollout.failure.map { "failed: \(cut(.string($0.message)))" } ?? "output = \(cut(rollout.output))")
    if let score = rollout.score { lines.append("score = \(rounded(score).canonicalJSON)") }
    if !rollout.feedback.isEmpty { lines.append("feedback: \(cut(.string(rollout.feedback)))") }
    return lines.joined(separator: "\n")
  }

  /// A text of a model's without line breaks and control characters, cut where it is too long.
  static func onOneLine(_ text: String, longest: Int) -> String {
    let plain = text.prefix(4 * longest).unicodeScalars.map { scalar -> Character in
      [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
        ? " " : Character(scalar)
    }
    return String(String(plain).split(separator: " ").joined(separator: " ").prefix(longest))
  }

  /// Empty sections say so; none ends with a line break.
  static func filled(_ sections: [String: String]) -> [String: String] {
    sections.mapValues { section in
      let lines = section.last == "\n" ? String(section.dropLast()) : section
      return lines.isEmpty ? "(none)" : lines
    }
  }
}
