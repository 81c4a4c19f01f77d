import Foundation
import HoneModel
import HoneTrace

/// An optimizer of any kind with its state, as a study drives it: rebuilt from the stored events, told new ones, asked.
public struct OptimizerDriver: Sendable {
  public let problem: Problem
  private var driven: any Driven

  /// - Parameter events: all that was told before, in order.
  public init(_ optimizer: any Optimizer, problem: Problem, events: [Event] = []) {
    self.problem = problem
    driven = Self.drive(optimizer, problem)
    for event in events { driven.tell(event) }
  }

  private static func drive<O: Optimizer>(_ optimizer: O, _ problem: Problem) -> any Driven {
    Pair(optimizer: optimizer, state: optimizer.start(problem))
  }

  public var name: String { driven.name }
  public var needsRollouts: Bool { driven.needsRollouts }
  public var neededOutcomes: [String] { driven.neededOutcomes }

  /// Why it searches as it does; nil for an optimizer that has nothing to choose.
  public func reason(_ progress: SearchProgress) -> String? { driven.reason(problem, progress) }

  /// The trial that the next ask is to change; nil: the incumbent.
  public func parent(_ context: AskContext) -> Int? { driven.parent(context) }

  /// Forgets everything and learns these events.
  public mutating func rebuild(from events: [Event]) {
    driven.restart(problem)
    for event in events { driven.tell(event) }
  }

  public mutating func tell(_ event: Event) { driven.tell(event) }

  /// The optimizer's state as canonical JSON: equal states have equal bytes.
  public var state: String { driven.state }

  /// New proposals; what an optimizer offers that is not valid, not new or offered twice is turned into an attempt, so that
  /// nothing out of domain and no known assignment is ever evaluated, whoever wrote the optimizer.
  public func ask(_ count: Int, context: AskContext) async throws(ModelError) -> Answer {
    guard count > 0 else { return Answer() }
    let answer = try await driven.ask(count, context: context)
    var checked = Answer([], attempts: answer.attempts)
    var taken = context.known
    for var proposal in answer.proposals.prefix(count) {
      do {
        proposal.assignment = try problem.space.accept(proposal.assignment.values)
        guard taken.insert(proposal.assignment.key).inserted else {
          throw Rejection(.duplicate, "this assignment is known")
        }
        checked.proposals.append(proposal)
      } catch {
        let rejection = error as? Rejection ?? Rejection(.malformed, "\(error)")
        checked.attempts.append(
          Attempt(
            origin: name, outcome: rejection.kind == .duplicate ? .duplicate : .rejected, rejections: [rejection],
            suggestion: .object(proposal.assignment.values), reasoning: proposal.note))
      }
    }
    return checked
  }
}

/// The driver's view of one optimizer with its own state type.
private protocol Driven: Sendable {
  var name: String { get }
  var needsRollouts: Bool { get }
  var neededOutcomes: [String] { get }
  var state: String { get }
  func reason(_ problem: Problem, _ progress: SearchProgress) -> String?
  mutating func restart(_ problem: Problem)
  mutating func tell(_ event: Event)
  func parent(_ context: AskContext) -> Int?
  func ask(_ count: Int, context: AskContext) async throws(ModelError) -> Answer
}

private struct Pair<O: Optimizer>: Driven {
  let optimizer: O
  var current: O.State

  init(optimizer: O, state: O.State) {
    self.optimizer = optimizer
    current = state
  }

  var name: String { optimizer.name }
  var needsRollouts: Bool { optimizer.needsRollouts }
  var neededOutcomes: [String] { optimizer.neededOutcomes }
  var state: String {
    guard let data = try? JSONEncoder().encode(current) else { return "" }
    return (try? Value.parse(json: Array(data)).canonicalJSON) ?? ""
  }
  func reason(_ problem: Problem, _ progress: SearchProgress) -> String? {
    optimizer.reason(for: problem, progress: progress)
  }
  mutating func restart(_ problem: Problem) { current = optimizer.start(problem) }
  mutating func tell(_ event: Event) { optimizer.tell(event, state: &current) }
  func parent(_ context: AskContext) -> Int? { optimizer.parent(current, context) }
  func ask(_ count: Int, context: AskContext) async throws(ModelError) -> Answer {
    try await optimizer.ask(count, state: current, context: context)
  }
}
