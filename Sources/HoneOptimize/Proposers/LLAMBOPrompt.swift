import HoneModel
import HoneTrace

/// Builds LLAMBO's messages. The same problem, memory and arguments give the same bytes.
struct LLAMBOPrompt {
  let settings: LLAMBO.Settings
  let problem: Problem
  let memory: AttemptMemory

  struct Message {
    var messages: [ChatMessage]
    var schema: Value
    /// The reply's form as an example, for a repair as well.
    var format: String
    var logProbabilities: Int?
  }

  private var parameters: [ParameterSpec] { problem.space.encodable }

  func start(count: Int) -> Message {
    message("start", list(count), ["count": String(count)], boundary: "")
  }

  /// - Parameter target: nil: any better score.
  func candidates(count: Int, target: Double?, boundary: String) -> Message {
    let better = problem.objective.direction == .maximize ? "more" : "less"
    let best = memory.shown.last?.mean.map { "\(better) than \(Value.double($0).decimalJSON)" }
    let values = [
      "count": String(count), "history": history(memory.shown),
      "target": target.map { Value.double($0).decimalJSON } ?? best ?? "any height",
    ]
    return message("candidates", list(count), values, boundary: boundary)
  }

  /// - Parameter shown: results in the order they stand in the prompt.
  func predict(_ asked: [Value], shown: [AttemptMemory.Entry], classifies: Bool, boundary: String) -> Message {
    let lines = asked.enumerated().map { "\($0 + 1): \($1.decimalJSON)" }
    let values = [
      "count": String(asked.count), "configurations": lines.joined(separator: "\n"),
      "history": history(shown, classified: classifies ? goodScore : nil),
    ]
    let key = classifies ? "classes" : "predictions"
    // Without the count small models do not find the end of the list.
    let numbers: Value = [
      "type": "array", "items": classifies ? ["type": "integer", "enum": [0, 1]] : ["type": "number"],
      "minItems": .int(asked.count), "maxItems": .int(asked.count),
    ]
    let form = (
      schema: ProposalSchema.object([key: numbers]), format: "{\"\(key)\": [\(classifies ? "1, 0" : "a number"), ...]}"
    )
    var message = message(classifies ? "classify" : "predict", form, values, boundary: boundary)
    if classifies { message.logProbabilities = 5 }
    return message
  }

  /// The messages that follow a rejected reply.
  func repair(_ reply: String, _ rejections: [Rejection], format: String) -> [ChatMessage] {
    let reasons = rejections.map { "- \($0.description)" }.joined(separator: "\n")
    return [
      ChatMessage(.assistant, reply.isEmpty ? "(empty)" : String(reply.prefix(2_000))),
      ChatMessage(.user, settings.prompts.render("llambo-repair", ["reasons": reasons, "format": format])),
    ]
  }

  // MARK: Sections

  private func message(
    _ name: String, _ form: (schema: Value, format: String), _ values: [String: String], boundary: String
  ) -> Message {
    var sections = values
    sections["objective"] = objective
    sections["score"] = score
    sections["parameters"] = parameters.map(Self.line).joined(separator: "\n")
    sections["format"] = form.format
    sections["boundary"] = boundary
    return Message(
      messages: [
        ChatMessage(.system, settings.prompts.render("llambo-system", sections)),
        ChatMessage(.user, settings.prompts.render("llambo-\(name)", sections)),
      ], schema: form.schema, format: form.format)
  }

  private func list(_ count: Int) -> (schema: Value, format: String) {
    (
      ProposalSchema.list(of: parameters, atMost: count),
      "{\"configurations\": [\(ProposalSchema.members(of: parameters)), ...]}"
    )
  }

  private var objective: String {
    let purpose = problem.objective.purpose
    let card = settings.context == .full ? settings.card : ""
    let told = [settings.context == .none ? "" : purpose, card].filter { !$0.isEmpty }
    return told.isEmpty ? "(nothing is said about it)" : told.joined(separator: "\n")
  }

  private var score: String {
    let name = settings.context == .none ? "the score" : problem.objective.metric
    return "\(name); \(problem.objective.direction == .maximize ? "higher" : "lower") is better"
  }

  private static func line(_ parameter: ParameterSpec) -> String {
    let described = parameter.description.isEmpty ? "" : " (\(parameter.description))"
    let condition = parameter.condition.map { condition in
      let terms = condition.allowed.sorted { $0.key < $1.key }.map { name, values in
        "\(name) is \(values.map(\.decimalJSON).joined(separator: " or "))"
      }
      return ", used only when \(terms.joined(separator: " and "))"
    }
    return "- \(parameter.name)\(described): \(parameter.domain.constraint)\(condition ?? "")"
  }

  /// One result a line, score first; the first lines go when they take too much.
  private func history(_ entries: [AttemptMemory.Entry], classified good: Double? = nil) -> String {
    var lines: [String] = []
    var tokens = 0
    for entry in entries.reversed() where !entry.screened {
      guard let mean = entry.mean else { continue }
      let isGood = good.map { problem.objective.direction == .maximize ? mean >= $0 : mean <= $0 }
      let shown: Value = isGood.map { .int($0 ? 1 : 0) } ?? .double(mean)
      let key = isGood == nil ? "score" : "class"
      let line =
        "{\"\(key)\": \(shown.decimalJSON), \"configuration\": \(Self.configuration(entry.values, parameters).decimalJSON)}"
      tokens += Tokens.estimate(line)
      guard tokens <= settings.tokenCap else { break }
      lines.append(line)
    }
    return lines.isEmpty ? "(none)" : lines.reversed().joined(separator: "\n")
  }

  /// The values of numbers and choices, at full precision.
  static func configuration(_ values: Value, _ parameters: [ParameterSpec]) -> Value {
    let names = Set(parameters.map(\.name))
    return .object((values.object ?? [:]).filter { names.contains($0.key) })
  }

  /// The score that a quarter of the results reach.
  private var goodScore: Double? {
    let scores = memory.shown.filter { !$0.screened }.compactMap(\.mean)
    let sorted = scores.sorted { problem.objective.direction == .maximize ? $0 > $1 : $0 < $1 }
    return sorted.isEmpty ? nil : sorted[(sorted.count - 1) / 4]
  }
}
