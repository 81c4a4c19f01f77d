import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

/// What proposers say they ask is what they ask: `hone check` counts with it.
struct RequestsPerAskTests {
  private static let spaces = [
    Triage.space, Space(Triage.space.parameters.filter { !$0.domain.isEncodable }),
    Space(Triage.space.parameters.filter(\.domain.isEncodable)),
  ]

  /// Requests of each of ten asks for one proposal; a proposal's score is drawn from its round.
  private func requests(
    _ optimizer: any Optimizer, _ space: Space, _ reply: @escaping @Sendable (ChatRequest) -> String
  ) async throws -> [Int] {
    let problem = Problem(space: space, objective: Triage.problem.objective, seed: 5)
    var driver = OptimizerDriver(optimizer, problem: problem)
    var known: Set<String> = []
    var trials = 0
    func tell(_ answer: Answer) {
      for attempt in answer.attempts { driver.tell(.attempted(attempt)) }
      for proposal in answer.proposals {
        driver.tell(.began(trial: trials, proposal))
        let estimate = Estimate(mean: Double(trials * 7 % 11) / 11, deviation: 0.2, count: 16)
        driver.tell(.completed(trial: trials, estimate, screened: false, outcomes: [:]))
        known.insert(proposal.assignment.key)
        trials += 1
      }
    }
    tell(Answer([Proposal(space.initial, origin: "initial")]))
    var counts: [Int] = []
    for round in 1...10 {
      let model = ScriptedModel(reply)
      tell(try await driver.ask(1, context: Triage.context(round: round, known: known, model: model, problem: problem)))
      counts.append(model.requests.count)
    }
    return counts
  }

  @Test(arguments: OptimizerCatalog.names) func noAskTakesMoreThanItsBound(_ name: String) async throws {
    for space in Self.spaces {
      let settings: Value = name == "gp-constrained" ? ["constraints": ["tokens": ["at_most": 5]]] : .null
      let optimizer = try OptimizerCatalog.make(name: name, settings: settings, space: space)
      let bound = optimizer.requestsPerAsk(space)
      for reply in ["I cannot help with that.", "", "{}", Triage.reply(instruction: "Classify this message.")] {
        let counts = try await requests(optimizer, space) { _ in reply }
        #expect(counts.allSatisfy { $0 <= bound.upperBound }, "\(name): \(counts), at most \(bound)")
        // Where nothing else is asked for, replies in vain take all there is.
        if ["optoprime", "opro", "gepa", "evoprompt"].contains(name), bound.upperBound > 0 {
          #expect(counts.max() == bound.upperBound, "\(name): \(counts), at most \(bound)")
        }
      }
    }
  }

  /// What a portfolio says of a member is what the member asks.
  @Test(arguments: Portfolio.members) func noMemberTakesMoreThanItsBound(_ name: String) async throws {
    for space in Self.spaces {
      let optimizer = try OptimizerCatalog.make(name: "portfolio", settings: ["members": [.string(name)]], space: space)
      let bound = optimizer.requestsPerAsk(space)
      for reply in ["", Triage.reply(instruction: "Classify this message.")] {
        let counts = try await requests(optimizer, space) { _ in reply }
        #expect(counts.allSatisfy { $0 <= bound.upperBound }, "\(name): \(counts), at most \(bound)")
      }
    }
  }

  @Test(arguments: ["optoprime", "opro", "gepa", "evoprompt"])
  func aUsableReplyIsOneRequest(_ name: String) async throws {
    let optimizer = try OptimizerCatalog.make(name: name, space: Triage.space)
    #expect(optimizer.requestsPerAsk(Triage.space).lowerBound == 1)
    let counts = try await requests(optimizer, Triage.space) {
      Triage.reply(instruction: "Say the intent, variant \($0.messages[1].content.hashed).")
    }
    #expect(counts.allSatisfy { $0 == 1 }, "\(counts)")
  }

  @Test func whoHasNothingToChangeAsksNothing() throws {
    let numbers = Self.spaces[2]
    for name in OptimizerCatalog.names where !["llambo", "optoprime", "opro", "forest", "alphaopt"].contains(name) {
      let settings: Value = name == "gp-constrained" ? ["constraints": ["tokens": ["at_most": 5]]] : .null
      let optimizer = try OptimizerCatalog.make(name: name, settings: settings, space: numbers)
      #expect(optimizer.requestsPerAsk(numbers).upperBound == (name == "portfolio" ? 3 : 0), "\(name)")
    }
  }
}
