import HoneModel
import HoneNumerics
import HoneTrace

/// Uniform random search over the unit cube of the numeric parameters (Bergstra and Bengio, JMLR 13, 2012). Text and free
/// code keep the incumbent's value.
public struct RandomSearch: Optimizer {
  public struct State: Codable, Sendable, Equatable {}

  public var name: String { "random" }
  public var needsRollouts: Bool { false }

  public init() {}

  public func start(_ problem: Problem) -> State { State() }

  /// Nothing is learned: the study's round names the random stream.
  public func tell(_ event: Event, state: inout State) {}

  public func ask(_ count: Int, state: State, context: AskContext) async throws(ModelError) -> Answer {
    let search = NumericSearch(context)
    var points = context.random(name)
    var rest = points.child("rest")
    let dimensions = search.dimensions
    let assignments = search.assignments(count, random: &rest) { (0..<dimensions).map { _ in points.uniform() } }
    return Answer(assignments.map { Proposal($0, origin: name, parent: search.parent, note: "uniform random point") })
  }
}
