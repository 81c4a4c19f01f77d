import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct OptoPrimeTests {
  private func ask(
    _ replies: [String], count: Int = 1, settings: OptoPrime.Settings = OptoPrime.Settings(),
    known: Set<String>? = nil
  ) async throws -> (answer: Answer, requests: [ChatRequest]) {
    let model = ScriptedModel(replies)
    let optimizer = OptoPrime(settings)
    let answer = try await optimizer.ask(
      count, state: optimizer.start(Triage.problem), context: Triage.context(known: known, model: model))
    return (answer, model.requests)
  }

  private func outcomes(_ answer: Answer) -> [Attempt.Outcome] { answer.attempts.map(\.outcome) }
  private func kinds(_ answer: Answer) -> [Rejection.Kind] { answer.attempts.flatMap { $0.rejections.map(\.kind) } }

  @Test func aGoodReplyIsAppliedExactly() async throws {
    let (answer, requests) = try await ask([Triage.reply(instruction: "Name the intent.", temperature: "0.3")])
    let proposal = try #require(answer.proposals.first)
    #expect(
      proposal.assignment == Assignment(["instruction": "Name the intent.", "demonstrations": 0, "temperature": 0.3]))
    #expect(proposal.origin == "optoprime" && proposal.parent == 0)
    #expect(outcomes(answer) == [.applied])
    #expect(answer.attempts[0].reasoning == "The feedback expects intents.")
    #expect(answer.attempts[0].suggestion["temperature"] == "0.3")
    #expect(answer.attempts[0].callKeys == ["scripted-0"])
    #expect(requests.count == 1 && requests[0].maxTokens == 800)
  }

  @Test func aRejectedReplyIsSentBackOnceWithTheReason() async throws {
    let (answer, requests) = try await ask([
      Triage.reply(instruction: "Name it.", demonstrations: 3.9),
      Triage.reply(instruction: "Name it.", demonstrations: 4),
    ])
    #expect(outcomes(answer) == [.rejected, .applied] && kinds(answer) == [.notLossless])
    #expect(answer.proposals.first?.assignment["demonstrations"] == 4)
    #expect(requests.count == 2 && requests[1].messages.count == 4)
    #expect(requests[1].messages[2].role == .assistant)
    #expect(requests[1].messages[3].content.contains("demonstrations: 3.9 is not a whole number"))
  }

  @Test func afterTwoFailuresNumbersStepIn() async throws {
    let (answer, requests) = try await ask(["no json", "still none"])
    #expect(outcomes(answer) == [.malformed, .malformed, .fallback])
    #expect(requests.count == 2)
    let assignment = try #require(answer.proposals.first?.assignment)
    #expect(assignment["instruction"] == "Classify this message.")
    #expect(assignment != Triage.space.initial)
    #expect(try Triage.space.accept(assignment.values) == assignment)
  }

  @Test func withoutNumbersItTriesAfreshThreeTimes() async throws {
    let settings = OptoPrime.Settings(parameters: ["instruction"])
    let (answer, requests) = try await ask(["nothing"], settings: settings)
    #expect(answer.proposals.isEmpty && requests.count == 6)
    #expect(Set(requests.map(\.temperature)) == [1.0, 0.4, 1.2])
    // Each fresh request has a boundary of its own, so no two requests are the same by accident.
    #expect(Set(requests.map { $0.messages[1].content }).count == 3)
  }

  @Test func truncatedRepliesAreTyped() async throws {
    let model = ScriptedModel { (_, index) throws(ModelError) in
      ScriptedModel.reply(Triage.reply(instruction: "Whole."), finish: index == 0 ? .length : .stop, index: index)
    }
    let optimizer = OptoPrime()
    let answer = try await optimizer.ask(
      1, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    #expect(outcomes(answer) == [.truncated, .applied] && kinds(answer) == [.truncated])
  }

  /// A small model that is in a loop inside a string is stopped by the server that holds the schema.
  @Test(arguments: [(800, 0), (400, 2)]) func stringsAreBoundedInShortRepliesAndAfterACut(_ tokens: Int, _ first: Int)
    async throws
  {
    let model = ScriptedModel { (_, index) throws(ModelError) in
      ScriptedModel.reply(Triage.reply(instruction: "Whole."), finish: index == 0 ? .length : .stop, index: index)
    }
    let optimizer = OptoPrime(ProposerSettings(maxTokens: tokens))
    _ = try await optimizer.ask(1, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    let bounds = model.requests.map { request in
      guard case .jsonSchema(_, let schema) = request.format else { return 0 }
      return schema.canonicalJSON.ranges(of: "maxLength").count
    }
    #expect(bounds == [first, 2])
  }

  /// A server that closes a string at its bound has cut it, though the reply is whole JSON.
  @Test func aTextThatWasClosedAtItsBoundIsNotUsed() async throws {
    let endless = String(repeating: "again ", count: 100)
    let model = ScriptedModel { (_, index) throws(ModelError) in
      ScriptedModel.reply(
        Triage.reply(instruction: index == 0 ? String(endless.prefix(300)) : "Whole."), index: index)
    }
    let optimizer = OptoPrime(ProposerSettings(maxTokens: 200))
    let answer = try await optimizer.ask(
      1, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    #expect(outcomes(answer) == [.truncated, .applied] && kinds(answer) == [.truncated])
  }

  @Test func aReplyThatWasCutOffIsShownByItsBeginning() async throws {
    let endless = "{\"reasoning\": \"" + String(repeating: "again ", count: 200)
    let model = ScriptedModel { (_, index) throws(ModelError) in
      index == 0
        ? ScriptedModel.reply(endless, finish: .length, index: index)
        : ScriptedModel.reply(Triage.reply(instruction: "Whole."), index: index)
    }
    let optimizer = OptoPrime()
    _ = try await optimizer.ask(1, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    let shown = try #require(model.requests.last?.messages.dropLast().last)
    #expect(shown.role == .assistant && endless.hasPrefix(shown.content) && shown.content.count == 200)
  }

  @Test func theWordTerminateMeansNothingAndTheFieldDoes() async throws {
    let worded: Value = [
      "reasoning": "TERMINATE, TERMINATE.", "suggestion": ["instruction": "TERMINATE is fine here"], "terminate": false,
    ]
    #expect(outcomes(try await ask([worded.canonicalJSON]).answer) == [.applied])
    let unchanged: Value = ["reasoning": "Done.", "suggestion": ["temperature": 0.7], "terminate": true]
    for reply in [unchanged.canonicalJSON, "{\"terminate\": true}", "{\"suggestion\": null, \"terminate\": true}"] {
      // The model stops: it is not asked again, and numbers step in where they may.
      let (answer, requests) = try await ask([reply])
      #expect(outcomes(answer) == [.terminated, .fallback] && requests.count == 1)
      let (ended, _) = try await ask([reply], settings: OptoPrime.Settings(fallback: false))
      #expect(outcomes(ended) == [.terminated] && ended.proposals.isEmpty)
    }
    // A real change counts for more than the field.
    let both: Value = ["suggestion": ["instruction": "A change."], "terminate": true]
    #expect(outcomes(try await ask([both.canonicalJSON]).answer) == [.applied])
  }

  @Test func duplicatesAreFoundAfterSnapping() async throws {
    let known = Assignment(["instruction": "Tried.", "demonstrations": 4, "temperature": 0.3])
    let (answer, _) = try await ask(
      [
        Triage.reply(instruction: "Tried.", demonstrations: 5, temperature: 0.32),
        Triage.reply(instruction: "Classify this message."),
      ], known: [known.key, Triage.space.initial.key])
    #expect(outcomes(answer) == [.duplicate, .duplicate, .fallback])
    #expect(kinds(answer) == [.duplicate, .unchanged])
  }

  @Test func severalCandidatesDifferAndUseTheLadder() async throws {
    let (answer, requests) = try await ask(
      ["A.", "B.", "C."].map { Triage.reply(instruction: $0) }, count: 3)
    #expect(answer.proposals.map { $0.assignment["instruction"] } == ["A.", "B.", "C."])
    #expect(requests.map(\.temperature) == [1.0, 0.4, 1.2])
  }

  @Test func onlyTheChosenParametersMayChange() async throws {
    let settings = OptoPrime.Settings(parameters: ["instruction"], tries: 1)
    let stray = try await ask([Triage.reply(instruction: "New.", temperature: 0.1)], settings: settings).answer
    #expect(kinds(stray).allSatisfy { $0 == .inactive } && stray.proposals.isEmpty)
    // Repeating the value of a fixed parameter is no offence.
    let (answer, requests) = try await ask([Triage.reply(instruction: "New.")], settings: settings)
    #expect(answer.proposals.first?.assignment["instruction"] == "New.")
    guard case .jsonSchema(_, let schema) = requests[0].format else { return #expect(Bool(false), "no schema") }
    #expect(schema["properties"]?["suggestion"]?["required"] == ["instruction"])
    // A fixed parameter is shown as an input.
    #expect(requests[0].messages[1].content.contains("temperature0 = 0.7"))
  }

  @Test func failingModelsBecomeAttemptsUnlessTheStudyEnds() async throws {
    func answer(_ kind: ModelError.Kind) async throws(ModelError) -> Answer {
      let model = ScriptedModel { (_, _) throws(ModelError) in throw ModelError(kind, "made to fail") }
      let optimizer = OptoPrime()
      return try await optimizer.ask(
        1, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    }
    for kind in [ModelError.Kind.timeout, .server, .rateLimited, .badRequest, .contextExceeded, .malformedReply] {
      let answer = try await answer(kind)
      #expect(outcomes(answer) == [.modelFailed, .fallback] && answer.proposals.count == 1)
    }
    for kind in [ModelError.Kind.budget, .quota, .authentication, .notRecorded, .cancelled] {
      await #expect(throws: ModelError(kind, "made to fail")) { try await answer(kind) }
    }
    await #expect(throws: ModelError.self) {
      let optimizer = OptoPrime()
      return try await optimizer.ask(
        1, state: optimizer.start(Triage.problem), context: Triage.context(model: nil))
    }
  }

  @Test func aPaidProposalIsKeptWhenTheBudgetEnds() async throws {
    let model = ScriptedModel { (_, index) throws(ModelError) in
      if index == 1 { throw ModelError(.budget, "spent") }
      return ScriptedModel.reply(Triage.reply(instruction: "Paid."), index: index)
    }
    let optimizer = OptoPrime()
    let answer = try await optimizer.ask(
      3, state: optimizer.start(Triage.problem), context: Triage.context(model: model))
    #expect(answer.proposals.count == 1 && outcomes(answer) == [.applied, .modelFailed])
  }
}
