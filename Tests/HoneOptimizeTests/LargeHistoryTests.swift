import Foundation
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace
import Testing

/// Long histories and many parameters: an answer in the domain, at a cost that a subset of the history bounds.
@Suite struct LargeHistoryTests {
  static let numerical = OptimizerCatalog.names.filter {
    ![
      "alphaopt", "evoprompt", "forest", "gepa", "joint", "llambo", "mipro", "opro", "optoprime", "portfolio",
      "textgrad",
    ].contains($0)
  }

  /// A study of another optimizer that this one takes over: some trials failed, one in a hundred pending.
  private static func events(_ space: Space, _ count: Int) throws -> [Event] {
    var random = RandomStream(seed: 4, name: "history")
    var events: [Event] = []
    for trial in 0..<count {
      let point = space.encodable.map { _ in random.uniform() }
      let assignment = try space.decode(point, base: space.initial)
      events.append(.began(trial: trial, Proposal(assignment, origin: "elsewhere")))
      if trial % 100 == 99 { continue }
      if trial % 50 == 49 {
        events.append(.failed(trial: trial, reason: "made to fail"))
      } else {
        let estimate = Estimate(mean: point.reduce(0) { $0 + ($1 - 0.3) * ($1 - 0.3) }, deviation: 0, count: 1)
        events.append(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
      }
    }
    return events
  }

  private func check(_ name: String, _ space: Space, _ events: [Event], count: Int) async throws {
    let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: 9)
    var driver = OptimizerDriver(try OptimizerCatalog.make(name: name, space: space), problem: problem, events: events)
    var known = Self.keys(events)
    let answer = try await driver.ask(count, context: AskContext(problem: problem, round: 77, known: known))
    #expect(answer.proposals.count == count && answer.attempts.isEmpty, "\(name)")
    for proposal in answer.proposals {
      #expect(try space.accept(proposal.assignment.values) == proposal.assignment)
      #expect(known.insert(proposal.assignment.key).inserted)
      driver.tell(.began(trial: known.count, proposal))
    }
  }

  @Test(arguments: numerical) func twoHundredParameters(_ name: String) async throws {
    let space = Space(
      (0..<200).map { index in
        switch index % 4 {
        case 0: ParameterSpec(name: "p\(index)", domain: .categorical(["a", "b", "c"]), initial: "a")
        case 1: ParameterSpec(name: "p\(index)", domain: .int(IntDomain(0...9)), initial: 0)
        default: ParameterSpec(name: "p\(index)", domain: .float(FloatDomain(0...1)), initial: 0.5)
        }
      })
    try await check(name, space, Self.events(space, 30), count: 1)
  }

  private static func keys(_ events: [Event]) -> Set<String> {
    var keys: Set<String> = []
    for case .began(_, let proposal) in events { keys.insert(proposal.assignment.key) }
    return keys
  }

  private static let square = Space(
    ["x", "y"].map { ParameterSpec(name: $0, domain: .float(FloatDomain(0...1)), initial: 0.5) })
  private static let tenThousand = Result { try events(square, 10_000) }

  @Test(arguments: numerical) func tenThousandTrials(_ name: String) async throws {
    let events = try Self.tenThousand.get()
    #expect(Self.keys(events).count == 10_000)
    try await check(name, Self.square, events, count: 1)
  }
}
