import HoneModel
import HoneNumerics
import HoneTrace

/// One ask of AlphaOPT under way: insights from what went wrong, then values that take some of them up.
struct AlphaOPTRound {
  let settings: AlphaOPT.Settings
  let origin: String
  let state: AlphaOPT.State
  /// The known assignments grow with the proposals.
  private(set) var context: AskContext
  let parent: AskContext.Parent?
  private(set) var answer = Answer()
  /// With what this ask learned.
  private(set) var library: ExperienceLibrary
  private let inUse: Set<Int>
  private let records: [Int: (gained: Int, lost: Int)]
  private var taken: Set<Int> = []
  private var turns = 0

  init(
    settings: AlphaOPT.Settings, origin: String, state: AlphaOPT.State, context: AskContext, parent: AskContext.Parent?
  ) {
    self.settings = settings
    self.origin = origin
    self.state = state
    self.context = context
    self.parent = parent
    library = state.library
    inUse = state.inUse(by: parent?.trial)
    records = state.records(context.table)
  }

  // MARK: - Learning

  /// The rollouts, those that went wrong first, the worst of them first.
  private var worstFirst: [RolloutRecord] {
    let sign = state.isMaximized ? 1.0 : -1.0
    return context.rollouts.enumerated().sorted { a, b in
      let (x, y) = (a.element.score.map { sign * $0 } ?? -.infinity, b.element.score.map { sign * $0 } ?? -.infinity)
      return x == y ? a.offset < b.offset : x < y
    }.map(\.element)
  }

  /// Asks why examples went wrong; nothing where there are none.
  mutating func learn() async throws(ModelError) {
    guard let model = context.model, let parent, !context.rollouts.isEmpty else { return }
    let rollouts = worstFirst
    library.see(rollouts.compactMap(\.score))
    let (seen, isMaximized) = (library, state.isMaximized)
    let examples = PromptSections.examples(rollouts, tokenCap: settings.text.tokenCap / 2)
    // Values stand on one line each, so these are headings alone.
    let count = examples.split(separator: "\n").count { $0.hasPrefix("##Example ") }
    let shown = rollouts.prefix(count).map { ($0.example, seen.isWrong($0.score, isMaximized: isMaximized)) }
    guard shown.contains(where: \.1) else { return }
    let round = try ProposalRound(origin, settings.text, context, parent: parent)
    let listed = listed
    let reader = AlphaOPTReply(
      trial: parent.trial, scores: rollouts.compactMap(\.score), examples: shown.map { ($0.0, isWrong: $0.1) },
      listed: Set(listed.map(\.id)), inUse: inUse, most: settings.insights)
    let sections = sections(
      round, "learn",
      [
        "examples": examples, "library": listed.map(\.line).joined(separator: "\n"), "count": "\(settings.insights)",
        "values": PromptSections.values(round.parameters, of: round.base), "format": AlphaOPTReply.form,
      ], 0)
    let request = ChatRequest(
      messages("learn", sections), temperature: settings.text.temperatures.first ?? 1,
      maxTokens: settings.text.maxTokens, format: .jsonSchema(name: "insights", schema: AlphaOPTReply.schema))
    var talk = ProposerTalk(origin: origin, model: model)
    let learned = try await talk.ask(request, repairs: settings.text.repairs) { reply, rejections in
      ProposerTalk.repair(reply, rejections, form: AlphaOPTReply.form)
    } read: { reply in
      reader.read(reply)
    }
    answer.attempts += talk.attempts.map { $0.marked("\(AlphaOPT.learning) \(parent.trial)") }
    if let learned { library.learn(learned) }
  }

  /// Insights that the model is told of, as far as a quarter of the prompt goes: those in use and those that may come into
  /// use, the best first.
  private var listed: [(id: Int, line: String)] {
    var tokens = 0
    var listed: [(id: Int, line: String)] = []
    for insight in ranked where !isRefuted(insight) {
      let value: Value = [
        "insight": .int(insight.id), "condition": .string(insight.condition),
        "explanation": .string(insight.explanation), "in the values": .bool(inUse.contains(insight.id)),
      ]
      let line = value.canonicalJSON
      tokens += Tokens.estimate(line)
      guard tokens <= settings.text.tokenCap / 4 else { break }
      listed.append((insight.id, line))
    }
    return listed
  }

  // MARK: - Choosing

  private func record(_ insight: Insight) -> (gained: Int, lost: Int) {
    let own = records[insight.id] ?? (0, 0)
    return (own.gained + insight.gained, own.lost + insight.lost)
  }

  /// Two trials behind, or no help to the examples that meet its condition.
  private func isRefuted(_ insight: Insight) -> Bool {
    let record = record(insight)
    return record.lost >= record.gained + AlphaOPT.patience || insight.failsExamples
  }

  /// Examples of the parent that it would help times the mean of a uniform prior's posterior of gaining.
  private func worth(_ insight: Insight) -> Double {
    let mark = "\(parent?.trial ?? 0)/"
    let examples = insight.ledger.unretrieved.count { $0.hasPrefix(mark) }
    let support = max(examples, insight.source == parent?.trial && parent != nil ? 1 : 0)
    let record = record(insight)
    return Double(support) * Double(record.gained + 1) / Double(record.gained + record.lost + 2)
  }

  /// The best first; of equals that with the better record, then the older one.
  private var ranked: [Insight] {
    func standing(_ insight: Insight) -> Double {
      let record = record(insight)
      return Double(record.gained + 1) / Double(record.gained + record.lost + 2)
    }
    let keys = library.insights.map { (insight: $0, worth: worth($0), standing: standing($0)) }
    return keys.enumerated().sorted { a, b in
      if a.element.worth != b.element.worth { return a.element.worth > b.element.worth }
      if a.element.standing != b.element.standing { return a.element.standing > b.element.standing }
      return a.offset < b.offset
    }.map(\.element.insight)
  }

  /// Insights for the next proposal: such as would help examples of the parent, and where there are none one that gained
  /// elsewhere.
  private func chosen() -> [Insight] {
    let open = ranked.filter { !isRefuted($0) && !inUse.contains($0.id) && !taken.contains($0.id) }
    let helping = open.filter { worth($0) > 0 }.prefix(settings.applied)
    guard helping.isEmpty else { return Array(helping) }
    return Array(open.filter { record($0).gained > record($0).lost }.prefix(1))
  }

  // MARK: - Applying

  /// Values that take up the insights chosen, or what the examples say where there are none; false when none came.
  mutating func apply() async throws(ModelError) -> Bool {
    turns += 1
    let insights = chosen()
    let refuted = library.insights.filter(isRefuted).suffix(5)
    let note = AlphaOPT.note(insights.map(\.id))
    var round = try ProposalRound(origin, settings.text, context, parent: parent)
    let examples = PromptSections.examples(worstFirst, tokenCap: settings.text.tokenCap / 3)
    let (told, untold) = (lines(insights), lines(Array(refuted)))
    let turn = turns
    let found = try await round.propose(1) { round, request in
      messages(
        "apply",
        sections(
          round, "apply/\(turn)",
          [
            "examples": examples, "values": PromptSections.values(round.parameters, of: round.base),
            "insights": told, "refuted": untold,
          ], request))
    }
    answer.attempts += found.attempts.map { $0.marked(note) }
    let isFallback = found.attempts.last?.outcome == .fallback
    for var proposal in found.proposals {
      // Numbers that moved in place of a reply took nothing up.
      proposal.note = String("\(isFallback ? AlphaOPT.note([]) : note): \(proposal.note)".prefix(300))
      context.known.insert(proposal.assignment.key)
      answer.proposals.append(proposal)
      taken.formUnion(insights.map(\.id))
    }
    return !found.proposals.isEmpty
  }

  /// One JSON object a line, as far as a quarter of the prompt goes.
  private func lines(_ insights: [Insight]) -> String {
    var tokens = 0
    var lines: [String] = []
    for insight in insights {
      let record = record(insight)
      let value: Value = [
        "condition": .string(insight.condition), "explanation": .string(insight.explanation),
        "wrong": .string(insight.wrong), "right": .string(insight.right), "held": .int(record.gained),
        "failed": .int(record.lost),
      ]
      let line = value.canonicalJSON
      tokens += Tokens.estimate(line)
      guard lines.isEmpty || tokens <= settings.text.tokenCap / 4 else { break }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }

  private func sections(_ round: ProposalRound, _ place: String, _ more: [String: String], _ request: Int)
    -> [String: String]
  {
    var sections = PromptSections.filled(
      [
        "objective": PromptSections.objective(context), "score": PromptSections.score(context),
        "constraints": PromptSections.constraints(round.parameters), "names": round.names, "format": round.format,
      ].merging(more) { $1 })
    sections["boundary"] = PromptSections.boundary(context, "\(origin)/\(place)", request, apartFrom: sections)
    return sections
  }

  private func messages(_ template: String, _ sections: [String: String]) -> [ChatMessage] {
    let prompts = settings.text.prompts
    return [
      ChatMessage(.system, prompts.render("alphaopt-system", sections)),
      ChatMessage(.user, prompts.render("alphaopt-\(template)", sections)),
    ]
  }
}
