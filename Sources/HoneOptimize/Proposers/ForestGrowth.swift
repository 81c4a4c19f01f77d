import HoneModel
import HoneNumerics
import HoneTrace

/// One ask of the forest under way: seeds, directions and what is found in them.
struct ForestGrowth {
  let settings: Forest.Settings
  let origin: String
  let state: Forest.State
  /// The known assignments grow with the proposals.
  private(set) var context: AskContext
  let parent: AskContext.Parent?
  private(set) var answer = Answer()
  /// Directions that this ask may still go in; nil until the node was looked at.
  private var open: [(place: Int, text: String)]?
  private var turns = 0

  init(
    settings: Forest.Settings, origin: String, state: Forest.State, context: AskContext, parent: AskContext.Parent?
  ) {
    self.settings = settings
    self.origin = origin
    self.state = state
    self.context = context
    self.parent = parent
  }

  // MARK: - Foresting

  /// A root of a further tree; false when none came.
  mutating func seed() async throws(ModelError) -> Bool {
    let roots = state.trials.filter { $0.parent == nil }.map(\.number)
    let values = (context.table?.rows ?? []).filter { roots.contains($0.trial) }.map(\.assignment)
    let shown = (values.isEmpty ? [context.problem.space.initial] : values) + answer.proposals.map(\.assignment)
    let (trees, most) = (settings.trees, settings.text.tokenCap / 4)
    return try await propose(.seed, from: nil) { round in
      var seeds: [String] = []
      var tokens = 0
      for values in shown.suffix(trees).reversed() {
        let text = PromptSections.values(round.parameters, of: values)
        tokens += Tokens.estimate(text)
        guard seeds.isEmpty || tokens <= most else { break }
        seeds.insert(text, at: 0)
      }
      return ["seeds": seeds.joined(separator: "\n\n")]
    }
  }

  // MARK: - Scattering

  /// A child of the parent in the next direction; false when none came.
  mutating func expand() async throws(ModelError) -> Bool {
    guard let parent else {
      // Nothing has a score: there is no node to begin at.
      return try await seed()
    }
    if open == nil {
      let texts = state.directions(of: parent.trial)
      open = state.unexplored(of: parent.trial).map { ($0, texts[$0]) }
      if open?.isEmpty ?? true, !state.isScatteredInVain(parent.trial) {
        open = try await scatter(parent, after: texts)
      }
    }
    let next = open?.isEmpty ?? true ? nil : open?.removeFirst()
    let purpose = Forest.Purpose.expand(parent: parent.trial, direction: next?.place)
    let (direction, scouting) = (next?.text, scouting)
    return try await propose(purpose, from: parent, direction: direction) { round in
      [
        "direction": direction.map { Value.string($0).canonicalJSON } ?? "", "scouting": scouting,
        "values": PromptSections.values(round.parameters, of: round.base),
      ]
    }
  }

  /// One request for directions and, after a rejected reply, another; none when no reply could be used.
  private mutating func scatter(_ parent: AskContext.Parent, after known: [String]) async throws(ModelError)
    -> [(place: Int, text: String)]
  {
    guard let model = context.model else { return [] }
    let round = try ProposalRound(origin, settings.text, context, parent: parent)
    let form = #"{"reasoning": "what the examples show", "directions": ["a direction", "another direction"]}"#
    let sections = sections(
      round, "scatter",
      [
        "values": PromptSections.values(round.parameters, of: round.base), "scouting": scouting,
        "count": "\(settings.directions)", "format": form,
      ])
    let schema: Value = [
      "reasoning": ["type": "string"], "directions": ["type": "array", "items": ["type": "string"]],
    ]
    let request = ChatRequest(
      messages("scatter", sections), temperature: settings.text.temperatures.first ?? 1,
      maxTokens: settings.text.maxTokens,
      format: .jsonSchema(name: "directions", schema: ProposalSchema.object(schema.object ?? [:])))
    var talk = ProposerTalk(origin: origin, model: model)
    let most = settings.directions
    let found = try await talk.ask(request, repairs: settings.text.repairs) { reply, rejections in
      ProposerTalk.repair(reply, rejections, form: form)
    } read: { reply in
      ForestDirections.read(reply, most: most, known: known)
    }
    let purpose = Forest.Purpose.scatter(parent: parent.trial)
    answer.attempts += talk.attempts.map { $0.marked(purpose.text) }
    return (found ?? []).enumerated().map { (known.count + $0, $1) }
  }

  // MARK: - Scouting

  /// What directions did, one JSON object a line, the best last: of all that are known those that moved the score most, on the
  /// examples that a trial and its parent have both.
  var scouting: String {
    let estimates = Dictionary(
      state.trials.compactMap { trial in trial.estimate.map { (trial.number, $0) } }, uniquingKeysWith: { $1 })
    var found: [(trial: Forest.State.Trial, direction: String, change: Double, error: Double)] = []
    for trial in state.trials {
      guard let parent = trial.parent, let place = trial.direction, let now = trial.estimate,
        let old = estimates[parent]
      else { continue }
      let directions = state.directions(of: parent)
      guard directions.indices.contains(place) else { continue }
      let change = context.table?.difference((trial.number, now.mean), (parent, old.mean))
      found.append((trial, directions[place], change?.mean ?? now.mean - old.mean, Self.error(change, now, old)))
    }
    let sign = state.isMaximized ? 1.0 : -1.0
    var tokens = 0
    var lines: [(change: Double, line: String)] = []
    // The newer of equals.
    let order = found.enumerated().sorted { a, b in
      let (x, y) = (abs(a.element.change), abs(b.element.change))
      return x == y ? a.offset > b.offset : x > y
    }.map(\.element)
    for scouted in order.prefix(settings.text.memoryBest + settings.text.memoryNewest) {
      var line: [String: Value] = [
        "direction": .string(scouted.direction), "parent": .int(scouted.trial.parent ?? 0),
      ]
      if scouted.change.isFinite { line["change"] = PromptSections.rounded(scouted.change) }
      if scouted.error.isFinite { line["error"] = PromptSections.rounded(scouted.error) }
      let text = Value.object(line).canonicalJSON
      tokens += Tokens.estimate(text)
      guard tokens <= settings.text.tokenCap / 4 else { break }
      lines.append((sign * scouted.change, text))
    }
    let shown = lines.enumerated().sorted { a, b in
      a.element.change == b.element.change ? a.offset < b.offset : a.element.change < b.element.change
    }
    return shown.map(\.element.line).joined(separator: "\n")
  }

  /// Standard error of a difference: of that of pairs, else of two means.
  private static func error(_ pairs: Estimate?, _ a: Estimate, _ b: Estimate) -> Double {
    if let pairs { return pairs.deviation / Double(pairs.count).squareRoot() }
    let (x, y) = (a.deviation / Double(a.count).squareRoot(), b.deviation / Double(b.count).squareRoot())
    return (x * x + y * y).squareRoot()
  }

  // MARK: - A proposal

  private mutating func propose(
    _ purpose: Forest.Purpose, from parent: AskContext.Parent?, direction: String? = nil,
    sections more: (ProposalRound) -> [String: String]
  ) async throws(ModelError) -> Bool {
    turns += 1
    var round = try ProposalRound(origin, settings.text, context, parent: parent)
    let template = purpose == .seed ? "seed" : "expand"
    let turn = turns
    let found = try await round.propose(1) { round, request in
      messages(template, sections(round, "\(template)/\(turn)", more(round), request))
    }
    answer.attempts += found.attempts.map { $0.marked(purpose.text) }
    let isFallback = found.attempts.last?.outcome == .fallback
    for var proposal in found.proposals {
      if isFallback {
        // Numbers were moved: that says nothing about the direction.
        proposal.note = "\(Self.undirected(purpose).text): \(proposal.note)"
      } else {
        let towards = direction.map { " (\($0.prefix(120)))" } ?? ""
        proposal.note = "\(purpose.text)\(towards): \(proposal.note)"
      }
      proposal.note = String(proposal.note.prefix(300))
      context.known.insert(proposal.assignment.key)
      answer.proposals.append(proposal)
    }
    return !found.proposals.isEmpty
  }

  private static func undirected(_ purpose: Forest.Purpose) -> Forest.Purpose {
    if case .expand(let parent, _) = purpose { .expand(parent: parent, direction: nil) } else { purpose }
  }

  private func sections(_ round: ProposalRound, _ place: String, _ more: [String: String], _ request: Int = 0)
    -> [String: String]
  {
    var sections = PromptSections.filled(
      [
        "objective": PromptSections.objective(context), "score": PromptSections.score(context),
        "constraints": PromptSections.constraints(round.parameters),
        "examples": PromptSections.examples(context.rollouts, tokenCap: settings.text.tokenCap / 2),
        "names": round.names, "format": round.format,
      ].merging(more) { $1 })
    sections["boundary"] = PromptSections.boundary(context, "\(origin)/\(place)", request, apartFrom: sections)
    return sections
  }

  private func messages(_ template: String, _ sections: [String: String]) -> [ChatMessage] {
    let prompts = settings.text.prompts
    return [
      ChatMessage(.system, prompts.render("forest-system", sections)),
      ChatMessage(.user, prompts.render("forest-\(template)", sections)),
    ]
  }
}

/// Reads directions from a reply.
enum ForestDirections {
  /// The longest direction, in characters.
  static let longest = 300

  /// New directions, each once whatever its case and spaces; a longer one is cut.
  static func read(_ reply: ChatReply, most: Int, known: [String]) -> (attempt: Attempt, found: [String]?) {
    func refused(_ outcome: Attempt.Outcome, _ kind: Rejection.Kind, _ reason: String) -> (Attempt, [String]?) {
      (Attempt(origin: "", outcome: outcome, rejections: [Rejection(kind, reason)]), nil)
    }
    guard reply.finish != .length else { return refused(.truncated, .truncated, "the answer was cut off; write less") }
    let objects = (try? LooseJSON.objects(in: reply.text)) ?? []
    guard let object = objects.first(where: { $0["directions"]?.array != nil }),
      let told = object["directions"]?.array
    else {
      return refused(.malformed, .malformed, "the answer holds no JSON object with a list \"directions\"")
    }
    var seen = Set(known.map(key))
    let directions = told.compactMap(\.string).map { PromptSections.onOneLine($0, longest: longest) }.filter {
      !$0.isEmpty && seen.insert(key($0)).inserted
    }
    let found = Array(directions.prefix(most))
    guard !found.isEmpty else {
      return refused(.rejected, .empty, "\"directions\" must hold texts that differ from the directions given before")
    }
    let attempt = Attempt(
      origin: "", outcome: .applied, suggestion: ["directions": .array(found.map(Value.string))],
      reasoning: object["reasoning"]?.string ?? "")
    return (attempt, found)
  }

  private static func key(_ direction: String) -> String {
    String(direction.lowercased().filter { $0.isLetter || $0.isNumber })
  }
}
