import HoneModel
import HoneNumerics
import HoneTrace

/// MIPRO's requests (section 4.1): notes on the data, and an instruction grounded in them, in the program, in earlier
/// instructions and their scores, and in answers that were good and that were not.
struct MIPROPrompt {
  let settings: MIPRO.Settings
  let state: MIPRO.State
  let context: AskContext
  let name: String

  /// Examples in a request for notes, good answers in one for an instruction, and words of the notes.
  static let batch = 10
  static let good = 3
  static let words = 250

  init(_ settings: MIPRO.Settings, _ state: MIPRO.State, _ context: AskContext, _ name: String) {
    self.settings = settings
    self.state = state
    self.context = context
    self.name = name
  }

  private var prompts: PromptLibrary { settings.text.prompts }

  private func messages(_ template: String, _ sections: [String: String], _ request: Int) -> [ChatMessage] {
    var sections = PromptSections.filled(sections)
    sections["boundary"] = PromptSections.boundary(context, "\(name)/\(template)", request, apartFrom: sections)
    return [
      ChatMessage(.system, prompts.render("mipro-system", sections)),
      ChatMessage(.user, prompts.render("mipro-\(template)", sections)),
    ]
  }

  // MARK: - Notes on the data

  private static let form = "{\"notes\": \"what the data are like\"}"

  func observation() -> ChatRequest {
    let shown = Array(context.rollouts.prefix(Self.batch))
    let messages = messages(
      "observe",
      [
        "objective": PromptSections.objective(context), "notes": state.notes,
        "examples": PromptSections.examples(shown, tokenCap: settings.text.tokenCap * 2 / 3),
        "length": String(Self.words), "format": Self.form,
      ], state.observed)
    let temperatures = settings.text.temperatures
    return ChatRequest(
      messages, temperature: temperatures.isEmpty ? 1 : temperatures[context.round % temperatures.count],
      maxTokens: settings.text.maxTokens,
      format: .jsonSchema(name: "notes", schema: ProposalSchema.object(["notes": ["type": "string"]])))
  }

  func repair(_ reply: String, _ rejections: [Rejection]) -> [ChatMessage] {
    ProposerTalk.repair(reply, rejections) { reasons in
      prompts.render("mipro-repair", ["reasons": reasons, "format": Self.form])
    }
  }

  static func readNotes(_ reply: ChatReply) -> (attempt: Attempt, found: String?) {
    func refused(_ outcome: Attempt.Outcome, _ kind: Rejection.Kind, _ reason: String) -> (Attempt, String?) {
      (Attempt(origin: "", outcome: outcome, rejections: [Rejection(kind, reason)]), nil)
    }
    guard reply.finish != .length else { return refused(.truncated, .truncated, "the answer was cut off; write less") }
    let objects = (try? LooseJSON.objects(in: reply.text)) ?? []
    guard let notes = objects.lazy.compactMap({ $0["notes"]?.string }).first else {
      return refused(.malformed, .malformed, "the answer holds no JSON object with the text \"notes\"")
    }
    guard notes.contains(where: { !$0.isWhitespace }) else {
      return refused(.rejected, .empty, "\"notes\" is empty")
    }
    // As long as so many words may be.
    let kept = String(notes.prefix(words * 12))
    return (Attempt(origin: "", outcome: .applied, suggestion: [MIPRO.notesKey: ["text": .string(kept)]]), kept)
  }

  // MARK: - An instruction

  func messages(_ round: ProposalRound, _ request: Int) -> [ChatMessage] {
    let cap = settings.text.tokenCap
    let direction = context.problem.objective.direction
    let mean = context.incumbent?.estimate.mean
    let threshold =
      settings.threshold
      ?? BootstrapFewShot.threshold(context.rollouts.compactMap(\.score), mean: mean, direction: direction)
    func isGood(_ rollout: RolloutRecord) -> Bool {
      guard let score = rollout.score, let threshold else { return false }
      return direction == .maximize ? score >= threshold : score <= threshold
    }
    let good = Array(context.rollouts.filter(isGood).prefix(Self.good))
    return messages(
      "propose",
      [
        "objective": PromptSections.objective(context), "score": PromptSections.score(context),
        "constraints": PromptSections.constraints(round.parameters), "notes": state.notes, "program": program,
        "attempts": PromptSections.attempts(state.memory, round.parameters, tokenCap: cap / 4),
        "successes": PromptSections.examples(good, tokenCap: cap / 6),
        "failures": PromptSections.examples(context.rollouts.filter { !isGood($0) }, tokenCap: cap / 3),
        "values": PromptSections.values(round.parameters, of: round.base), "names": round.names,
        "format": round.format, "tip": tip(request),
      ], request)
  }

  /// What each step does and is given, as a rollout recorded it; no model is asked what the program is.
  private var program: String {
    guard let trace = context.rollouts.lazy.compactMap(\.trace).first else { return "" }
    var lines: [String] = []
    var seen: Set<String> = []
    for (index, node) in trace.nodes.enumerated() where node.kind == .step && !node.isPreparation {
      guard seen.insert(node.name).inserted else { continue }
      let given = trace.sources(of: index).map { source in
        trace.nodes[source].kind == .parameter ? "$\(trace.nodes[source].name)" : trace.nodes[source].name
      }
      lines.append("\(node.name)(\(given.joined(separator: ", "))): \(node.doc ?? "a step")")
    }
    return lines.prefix(40).joined(separator: "\n")
  }

  /// One of the lines of the template of tips, by chance.
  private func tip(_ request: Int) -> String {
    var random = context.random("\(name)/tip/\(context.known.count)/\(request)")
    let tips = (prompts["mipro-tips"] ?? "").split(separator: "\n").map(String.init)
    return tips.randomElement(using: &random) ?? ""
  }
}
