import Foundation
import HoneModel
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct EvoPromptTests {
  private static func told(_ scores: [(String, Double)]) -> [Event] {
    scores.enumerated().flatMap { number, entry -> [Event] in
      let assignment = Assignment(["instruction": .string(entry.0), "demonstrations": 0, "temperature": 0.7])
      let estimate = Estimate(mean: entry.1, deviation: 0.1, count: 16)
      return [
        .began(trial: number, Proposal(assignment, origin: number == 0 ? "initial" : "evoprompt")),
        .completed(trial: number, estimate, screened: false, outcomes: [:]),
      ]
    }
  }

  /// The prompts of so many asks, one after another.
  private static func prompts(_ algorithm: EvoPrompt.Algorithm, _ scores: [(String, Double)], rounds: Int = 1)
    async throws -> [String]
  {
    let model = ScriptedModel([Triage.reply(instruction: "Child.")])
    let optimizer = EvoPrompt(EvoPrompt.Settings(algorithm: algorithm, population: 4))
    let driver = OptimizerDriver(optimizer, problem: Triage.problem, events: told(scores))
    for round in 0..<rounds {
      let answer = try await driver.ask(1, context: Triage.context(round: round, model: model))
      #expect(answer.proposals.first?.assignment["instruction"] == "Child.")
    }
    return model.requests.map { $0.messages[1].content }
  }

  @Test(arguments: EvoPrompt.Algorithm.allCases)
  func aPopulationOfOneIsVaried(_ algorithm: EvoPrompt.Algorithm) async throws {
    let prompts = try await Self.prompts(algorithm, [("Only.", 0.4)])
    #expect(prompts[0].contains("#Parent\ninstruction = \"Only.\"") && prompts[0].contains("variation of the parent"))
  }

  @Test func parentsOfTheGeneticAlgorithmAreDrawnByScore() async throws {
    let scores = [("Bad.", 0.1), ("Good.", 0.9), ("Fair.", 0.5), ("Poor.", 0.3), ("Dropped.", 0.05)]
    let prompts = try await Self.prompts(.genetic, scores, rounds: 200)
    func count(_ text: String) -> Int { prompts.count { $0.contains("\"\(text)\"") } }
    #expect(count("Dropped.") == 0)
    #expect(count("Good.") > count("Fair.") && count("Fair.") > count("Poor.") && count("Poor.") > 0)
    // Two different ones each time.
    #expect(count("Good.") + count("Fair.") + count("Poor.") + count("Bad.") == 400)
  }

  @Test func differentialEvolutionTakesTheBestAndABaseInTurn() async throws {
    let scores = [("A.", 0.1), ("B.", 0.9), ("C.", 0.5), ("D.", 0.3)]
    let prompt = try await Self.prompts(.differential, scores)[0]
    #expect(prompt.contains("#Best\ninstruction = \"B.\""))
    // Three children were begun: the fourth best is the base.
    #expect(prompt.contains("#Base\ninstruction = \"A.\""), "\(prompt)")
    let parents = prompt.components(separatedBy: "#Best")[0]
    #expect(!parents.contains("\"A.\""))
  }

  @Test(arguments: [1e308, -1e308, 1e-308, 0])
  func scoresOfAnySizeAreDrawnFrom(_ size: Double) async throws {
    let prompts = try await Self.prompts(.genetic, [("A.", size), ("B.", -size), ("C.", size / 2)], rounds: 30)
    #expect(prompts.allSatisfy { $0.contains("#Parent 1") })
  }
}
