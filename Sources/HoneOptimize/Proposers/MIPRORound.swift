import HoneModel
import HoneNumerics
import HoneTrace

/// One ask of MIPRO under way: what it has offered so far counts for the rest of it.
struct MIPRORound {
  let settings: MIPRO.Settings
  let name: String
  let context: AskContext
  let parent: AskContext.Parent?
  var state: MIPRO.State
  private(set) var answer = Answer()
  private var taken: Set<String>
  /// Instructions and demonstrations that may be changed.
  private let instructions: [ParameterSpec]
  private let shots: [ParameterSpec]
  /// Where the numbers of requests of the next instruction begin.
  private var asked = 0

  init(_ optimizer: MIPRO, _ state: MIPRO.State, _ context: AskContext) {
    settings = optimizer.settings
    name = optimizer.name
    self.state = state
    self.state.memory = state.memory.seen(in: context)
    self.context = context
    parent = context.parent ?? context.incumbent.map(AskContext.Parent.init)
    taken = context.known
    let space = context.problem.space
    let base = parent?.assignment ?? space.initial
    let allowed = settings.text.parameters
    instructions = settings.text.wordsOnly(space).changeable(space, base: base)
    shots = space.parameters.filter {
      $0.domain.holdsDemonstrations && base[$0.name] != nil && allowed?.contains($0.name) ?? true
    }
  }

  private var space: Space { context.problem.space }
  private var base: Assignment { parent?.assignment ?? space.initial }

  mutating func fail(with error: ModelError) {
    answer.attempts.append(ProposerTalk.failure(error, origin: name))
  }

  /// One more proposal, if there is any to be had.
  ///
  /// Where there is nothing but instructions each turn writes one, or tries one that was written. Else such turns alternate
  /// with turns of search, and of these those that try a new set of demonstrations with those that combine.
  mutating func propose(_ turn: Int) async throws(ModelError) {
    let others = !space.encodable.isEmpty || !shots.isEmpty
    let wantsWords = !instructions.isEmpty && (!others || turn.isMultiple(of: 2))
    if wantsWords {
      if tryOffer(of: instructions) { return }
      if try await write() { return }
    }
    if instructions.isEmpty || (turn / 2).isMultiple(of: 2) {
      bootstrap()
      if tryOffer(of: shots) { return }
    }
    if combine() { return }
    if !wantsWords, !instructions.isEmpty { _ = try await write() }
  }

  private mutating func add(_ assignment: Assignment, note: String) -> Bool {
    guard taken.insert(assignment.key).inserted else { return false }
    answer.proposals.append(Proposal(assignment, origin: name, parent: parent?.trial, note: String(note.prefix(300))))
    return true
  }

  private mutating func note(_ attempts: [Attempt]) {
    for attempt in attempts { MIPRO(settings).tell(.attempted(attempt), state: &state) }
    answer.attempts += attempts
  }

  // MARK: - What was offered and not tried

  /// The parent with one text in place that no trial had, the oldest first.
  private mutating func tryOffer(of parameters: [ParameterSpec]) -> Bool {
    let tried = MIPROPool(state, space)
    for offer in state.offers where parameters.contains(where: { $0.name == offer.parameter }) {
      guard !tried.wasTried(offer), base[offer.parameter] != nil else { continue }
      guard let changed = try? space.accept(base.values.merging([offer.parameter: .string(offer.text)]) { $1 }) else {
        continue
      }
      let isShots = space[offer.parameter]?.domain.holdsDemonstrations ?? false
      if add(changed, note: isShots ? "a new set of demonstrations" : "an instruction that was not tried yet") {
        return true
      }
    }
    return false
  }

  // MARK: - Instructions

  /// Writes an instruction, at the first ask several, and tries the first one.
  private mutating func write() async throws(ModelError) -> Bool {
    guard let parameter = instructions.min(by: { written($0) < written($1) }) else { return false }
    try await observe()
    var text = settings.text.wordsOnly(space)
    text.parameters = [parameter.name]
    var context = context
    context.known = taken
    var round = try ProposalRound(name, text, context, parent: parent)
    let isFirst = written(parameter) == 0 && answer.proposals.isEmpty
    let prompt = MIPROPrompt(settings, state, context, name)
    let start = asked
    let more = try await round.propose(isFirst ? settings.start : 1, isWhole: true) { round, request in
      prompt.messages(round, start + request)
    }
    asked += 100
    note(more.attempts)
    guard let first = more.proposals.first else { return false }
    return add(first.assignment, note: first.note)
  }

  /// Instructions of a parameter that requests have given.
  private func written(_ parameter: ParameterSpec) -> Int { state.offers.count { $0.parameter == parameter.name } }

  /// Reads some more examples and writes the notes on the data anew.
  private mutating func observe() async throws(ModelError) {
    guard let model = context.model, state.observed < settings.notes, !context.rollouts.isEmpty,
      answer.proposals.isEmpty
    else { return }
    let prompt = MIPROPrompt(settings, state, context, name)
    var talk = ProposerTalk(origin: name, model: model)
    let request = prompt.observation()
    _ = try await talk.ask(
      request, repairs: settings.text.repairs, repair: prompt.repair, read: MIPROPrompt.readNotes)
    note(talk.attempts.map { $0.marked(MIPRO.notesKey) })
  }

  // MARK: - Demonstrations

  /// Makes a set of demonstrations for each parameter of which all are tried.
  private mutating func bootstrap() {
    let pool = MIPROPool(state, space)
    for parameter in shots {
      let offers = state.offers.filter { $0.parameter == parameter.name }
      guard offers.count < settings.sets, offers.allSatisfy(pool.wasTried) else { continue }
      let maker = BootstrapFewShot(
        parameter: parameter, most: settings.demonstrations, labelled: settings.labelled)
      var random = context.random("\(name)/demonstrations/\(parameter.name)/\(offers.count)")
      let direction = context.problem.objective.direction
      let mean = context.incumbent.flatMap { $0.trial == parent?.trial ? $0.estimate.mean : nil }
      let threshold =
        settings.threshold
        ?? BootstrapFewShot.threshold(context.rollouts.compactMap(\.score), mean: mean, direction: direction)
      let shown = base[parameter.name].flatMap(Demonstrations.init(parameterValue:)) ?? []
      var found = maker.found(
        in: context.rollouts, threshold: threshold, direction: direction, shown: shown, labels: context.labels,
        random: &random)
      // Later sets draw on earlier ones too.
      if !offers.isEmpty { found.bootstrapped += pool.demonstrations(parameter.name) }
      guard let set = maker.set(offers.count, found, random: &random),
        !pool.values(parameter.name).contains(set.lines)
      else { continue }
      note([
        Attempt(
          origin: name, outcome: .applied, suggestion: .object([parameter.name: set.parameterValue]),
          reasoning: "\(set.list.count) demonstrations of training examples that went well or have a label")
      ])
    }
  }

  // MARK: - Search

  /// A combination of known texts and of numbers that the densities of good and of bad trials rank highest.
  private mutating func combine() -> Bool {
    let words = Set(instructions.map(\.name)).union(shots.map(\.name))
    let search = MIPROSearch(state, context, base: base, words: words, movable: settings.text.parameters)
    var random = context.random("\(name)/search/\(answer.proposals.count)")
    guard let assignment = search.next(taken: taken, random: &random) else { return false }
    return add(assignment, note: "instructions, demonstrations and numbers by the densities of good and bad trials")
  }
}
