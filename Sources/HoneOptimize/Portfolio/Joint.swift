import Foundation
import HoneModel
import HoneTrace

/// Words by a language model and numbers by search, in one study.
///
/// OptoPrime changes the text and free code of the incumbent and leaves its numbers; a scrambled Sobol sequence moves the
/// numbers and leaves the incumbent's text. Proposals alternate by a fixed share; when one side has nothing to offer the
/// other takes its turns. Without text, or without a proposer model, it is Sobol search.
public struct Joint: Optimizer {
  public struct Settings: Hashable, Sendable {
    /// Part of the proposals that change text, from 0 to 1.
    public var textShare: Double
    /// How text is proposed; its `parameters` are narrowed to text and free code.
    public var text: OptoPrime.Settings

    public init(textShare: Double = 0.5, text: OptoPrime.Settings = OptoPrime.Settings()) {
      self.textShare = textShare
      self.text = text
    }
  }

  public struct State: Codable, Sendable, Equatable {
    var text: OptoPrime.State
    var numbers: SobolSearch.State
    /// Proposals of either side that were begun: whose turn it is.
    var begun = 0
  }

  public let settings: Settings
  public var name: String { "joint" }
  public var needsRollouts: Bool { true }

  private let numbers = SobolSearch()

  public init(_ settings: Settings = Settings()) { self.settings = settings }

  public func requestsPerAsk(_ space: Space) -> ClosedRange<Int> { words(space).requestsPerAsk(space) }

  public func start(_ problem: Problem) -> State {
    State(text: words(problem.space).start(problem), numbers: numbers.start(problem))
  }

  public func tell(_ event: Event, state: inout State) {
    state.text.tell(event)
    numbers.tell(event, state: &state.numbers)
    if case .began(_, let proposal) = event, ["optoprime", numbers.name].contains(proposal.origin) { state.begun += 1 }
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let words = words(context.problem.space)
    let hasWords = !(words.settings.parameters ?? []).isEmpty
    let hasNumbers = !context.problem.space.encodable.isEmpty
    guard hasWords, context.model != nil || !hasNumbers else {
      return try await numbers.ask(count, state: state.numbers, context: context)
    }
    let wanted = hasNumbers ? (0..<count).count { isTextTurn(state.begun + $0) } : count
    var answer = Answer()
    var context = context
    func add(_ more: Answer) {
      answer.attempts += more.attempts
      answer.proposals += more.proposals
      context.known.formUnion(more.proposals.map(\.assignment.key))
    }
    if wanted > 0 { add(try await words.ask(wanted, state: state.text, context: context)) }
    if answer.proposals.count < count {
      add(try await numbers.ask(count - answer.proposals.count, state: state.numbers, context: context))
    }
    // The numbers ran out: words take their turns, unless they have just failed to give what they were asked for.
    let textGaveAll = answer.proposals.count { $0.origin == words.name } == wanted
    if answer.proposals.count < count, textGaveAll {
      add(try await words.ask(count - answer.proposals.count, state: state.text, context: context))
    }
    return answer
  }

  /// Spreads the text turns evenly, the first one first.
  private func isTextTurn(_ turn: Int) -> Bool {
    let share = min(max(settings.textShare, 0), 1)
    return (Double(turn + 1) * share).rounded(.up) > (Double(turn) * share).rounded(.up)
  }

  /// OptoPrime on the text and free code only.
  private func words(_ space: Space) -> OptoPrime {
    var words = settings.text.wordsOnly(space)
    words.tries = words.tries ?? 1
    return OptoPrime(words)
  }
}
