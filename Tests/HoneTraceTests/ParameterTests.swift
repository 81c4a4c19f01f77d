import Testing

@testable import HoneTrace

enum Style: String, CaseIterable, ParameterValue {
  case brief, full
}

struct Retriever: Parameterized {
  @Parameter(oneOf: [2, 4, 8], "Passages to fetch.") var topK = 4
  @Parameter var rerank = false
  @Parameter(0.01...1, scale: .log, when: Condition(["rerank": [true]])) var cutoff = 0.1
}

struct Answerer: Parameterized {
  @Parameter("Instruction given to the model.") var instruction: Prompt = "Answer.\n{passages}\n{question}"
  @Parameter(0...1) var temperature = 0.2
  @Parameter(1...64) var maxTokens = 16
  @Parameter(ordered: ["low", "high"]) var effort = "low"
  @Parameter var style = Style.brief
  @Parameter("Spoken at the end.") var ending = "Bye {all}."
  var first = Retriever()
  var second = Retriever()
  var untouched = 3
}

@Suite struct ParameterTests {
  @Test func aSpaceIsReadFromTheDeclarations() throws {
    let space = try Space(of: Answerer())
    #expect(
      space.parameters.map(\.name) == [
        "instruction", "temperature", "maxTokens", "effort", "style", "ending", "first.topK", "first.rerank",
        "first.cutoff", "second.topK", "second.rerank", "second.cutoff",
      ])
    #expect(
      space["instruction"]
        == ParameterSpec(
          name: "instruction", domain: .text(TextDomain(placeholders: ["passages", "question"])),
          initial: "Answer.\n{passages}\n{question}", description: "Instruction given to the model."))
    #expect(space["temperature"]?.domain == .float(FloatDomain(0...1)))
    #expect(space["maxTokens"]?.domain == .int(IntDomain(1...64)))
    #expect(space["effort"]?.domain == .ordinal(["low", "high"]))
    #expect(space["style"]?.domain == .categorical(["brief", "full"]))
    #expect(space["ending"]?.domain == .text(TextDomain(optionalPlaceholders: nil)))
    #expect(space["second.rerank"]?.domain == .bool)
    #expect(space["second.topK"]?.description == "Passages to fetch.")
    #expect(space["second.cutoff"]?.condition == Condition(["second.rerank": [true]]), "a condition names siblings")
  }

  @Test func twoInstancesOfOneTypeShareNothing() throws {
    var workflow = Answerer()
    workflow.first.topK = 8
    let space = try Space(of: workflow)
    #expect(space["first.topK"]?.initial == 8 && space["second.topK"]?.initial == 4)
    let (_, recorder) = recording(["first.topK": 2, "temperature": 0.9, "style": "full"]) {
      #expect(workflow.first.topK == 2 && workflow.second.topK == 4)
      #expect(workflow.temperature == 0.9 && workflow.style == .full)
    }
    #expect(recorder.finish().nodes.map(\.name) == ["first.topK", "second.topK", "temperature", "style"])
    #expect(workflow.first.topK == 8, "outside of a rollout the default counts")
  }

  @Test func aSpaceMayBeReadAgainAndCopiesKeepTheirNames() throws {
    let workflow = Answerer()
    let copy = workflow
    #expect(try Space(of: workflow) == Space(of: copy))
  }

  @Test func oneInstanceInTwoPlacesIsRefused() throws {
    let shared = Retriever()
    let workflow = Answerer(first: shared, second: shared)
    let error = #expect(throws: SpaceError.self) { try Space(of: workflow) }
    #expect(error?.parameter == "second.topK" && error?.message.contains("first.topK") == true)
  }

  @Test func parametersThatHideInAnotherTypeAreAnError() throws {
    struct Hidden {
      @Parameter(0...1) var x = 0.5
    }
    struct Outer: Parameterized { var hidden = Hidden() }
    let error = #expect(throws: SpaceError.self) { try Space(of: Outer()) }
    #expect(error?.parameter == "hidden" && error?.hint?.contains("Parameterized") == true)
  }

  @Test func arraysOptionalsAndSuperclassesAreSearched() throws {
    class Base: Parameterized { @Parameter(0...1) var base = 0.5 }
    final class Derived: Base {
      @Parameter(0...1) var own = 0.5
      let list = [Retriever(), Retriever()]
      let maybe: Retriever? = Retriever()
      let none: Retriever? = nil
    }
    let names = try Space(of: Derived()).parameters.map(\.name)
    #expect(names.prefix(2) == ["base", "own"])
    #expect(names.filter { $0.hasSuffix("topK") } == ["list.0.topK", "list.1.topK", "maybe.topK"])
  }

  @Test func aWorkflowThatHoldsItselfIsAnErrorAndNoCrash() {
    final class Loop: Parameterized, Sendable {
      nonisolated(unsafe) var next: Loop?
    }
    let loop = Loop()
    loop.next = loop
    #expect(throws: SpaceError.self) { try Space(of: loop) }
    loop.next = nil
  }

  @Test func anUnsoundDeclarationIsRefused() {
    struct Wrong: Parameterized { @Parameter(0...1) var x = 7.0 }
    #expect(throws: SpaceError.self) { try Space(of: Wrong()) }
  }

  @Test func aParameterIsOneNodeHoweverOftenItIsRead() throws {
    let workflow = Answerer()
    _ = try Space(of: workflow)
    let (_, recorder) = recording(["temperature": 0.5]) {
      step("a", workflow.$temperature, workflow.$temperature) { $0 + $1 }
      step("b", workflow.$temperature) { $0 }
      return parameter("temperature")
    }
    let nodes = recorder.finish().nodes
    #expect(nodes.map(\.name) == ["temperature", "a", "b"])
    #expect(nodes[1].inputs == [0, 0] && nodes[2].inputs == [0])
  }

  @Test func aParameterReadInsideAStepCountsAsItsInput() throws {
    let workflow = Answerer()
    _ = try Space(of: workflow)
    let (_, recorder) = recording {
      step("a", Traced.input("q", 1)) { q in Double(q) + workflow.temperature + workflow.temperature }
    }
    let trace = recorder.finish(feedback: [Feedback(node: 2, text: "no")])
    #expect(trace.nodes.map(\.name) == ["q", "temperature", "a"])
    #expect(trace.nodes[2].inputs == [0, 1])
    #expect(trace.backward() == [1: trace.feedback])
  }

  @Test func parameterByNameIsNilWithoutOne() {
    #expect(parameter("x")?.value == nil)
    let (_, recorder) = recording(["y": 1]) { #expect(parameter("x")?.value == nil) }
    #expect(recorder.count == 0)
  }

  @Test func aPromptFillsWhatItKnowsAndNothingTwice() {
    let prompt: Prompt = "{a} {b} {{a}} { a } {missing} {9} {a"
    #expect(prompt(["a": "{b}", "b": "B"]) == "{b} B {{b}} { a } {missing} {9} {a")
    #expect(prompt.placeholders == ["a", "b", "missing"])
  }
}
