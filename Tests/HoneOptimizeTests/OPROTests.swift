import Foundation
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct OPROTests {
  private func told(_ scores: [(String, Double)]) -> [Event] {
    scores.enumerated().flatMap { number, entry -> [Event] in
      let assignment = Assignment(["instruction": .string(entry.0), "demonstrations": 0, "temperature": 0.7])
      return [
        .began(trial: number, Proposal(assignment, origin: "opro")),
        .completed(
          trial: number, Estimate(mean: entry.1, deviation: 0.1, count: 16), screened: false, outcomes: [:]),
      ]
    }
  }

  private func ask(_ replies: [String], _ events: [Event] = []) async throws -> (
    answer: Answer, requests: [ChatRequest]
  ) {
    let model = ScriptedModel(replies)
    let driver = OptimizerDriver(OPRO(), problem: Triage.problem, events: events)
    return (try await driver.ask(1, context: Triage.context(model: model)), model.requests)
  }

  @Test func attemptsStandInTheOrderOfTheirScores() async throws {
    let events = told([("B", 0.5), ("A", 0.25), ("C", 0.75)] + (0..<30).map { ("low \($0)", 0.01) })
    let (answer, requests) = try await ask([Triage.reply(instruction: "D")], events)
    #expect(answer.proposals.first?.assignment["instruction"] == "D" && answer.proposals.first?.origin == "opro")
    let prompt = requests[0].messages[1].content
    let places = ["\"A\"", "\"B\"", "\"C\""].compactMap { prompt.range(of: $0)?.lowerBound }
    #expect(places.count == 3 && places == places.sorted())
    // The best 20, and no others.
    let attempts = prompt.split(separator: "\n").filter { $0.hasPrefix("{\"score\"") || $0.hasPrefix("{\"values\"") }
    let lines = prompt.split(separator: "\n").filter { $0.contains("\"values\":") }
    #expect(lines.count == 20 && attempts.count <= 20, "\(lines.count)")
    #expect(prompt.contains("Write new values for: instruction, demonstrations, temperature."))
    #expect(prompt.contains("##Example 1") && prompt.contains("feedback:"))
  }

  @Test func recordedTextStaysBetweenTheBoundaries() async throws {
    let (_, requests) = try await ask([Triage.reply(instruction: "D")])
    let prompt = requests[0].messages[1].content
    let begin = try #require(prompt.range(of: "BEGIN "))
    let word = prompt[begin.upperBound...].prefix { !$0.isNewline }
    let end = try #require(prompt.range(of: "END \(word)"))
    for (_, text, _) in Triage.messages {
      guard let place = prompt.range(of: text.prefix(12)) else { continue }
      #expect(place.lowerBound > begin.upperBound && place.upperBound < end.lowerBound)
    }
  }

  @Test func withoutAModelItSaysWhatToDo() async throws {
    let error = await #expect(throws: ModelError.self) {
      _ = try await OPRO().ask(1, state: OPRO().start(Triage.problem), context: Triage.context(model: nil))
    }
    #expect(error?.message.contains("the optimizer opro needs a proposer model") ?? false)
  }
}
