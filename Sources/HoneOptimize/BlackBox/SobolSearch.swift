import HoneModel
import HoneNumerics
import HoneTrace

/// Search along a scrambled Sobol sequence over the numeric parameters: as random search, but the points so far always
/// cover the space evenly. Text and free code keep the incumbent's value.
public struct SobolSearch: Optimizer {
  public struct State: Codable, Sendable, Equatable {
    /// How many of its points were begun: where in the sequence the next one is looked for.
    public var position = 0
  }

  public var name: String { "sobol" }
  public var needsRollouts: Bool { false }

  public init() {}

  public func start(_ problem: Problem) -> State { State() }

  public func tell(_ event: Event, state: inout State) {
    if case .began(_, let proposal) = event, proposal.origin == name { state.position += 1 }
  }

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let search = NumericSearch(context)
    let sobol = Sobol(dimensions: search.dimensions, seed: context.problem.seed)
    var index = state.position
    var rest = context.random(name)
    let assignments = search.assignments(count, random: &rest) {
      defer { index += 1 }
      return sobol.point(index)
    }
    return Answer(assignments.map { Proposal($0, origin: name, parent: search.parent, note: "scrambled Sobol point") })
  }
}
