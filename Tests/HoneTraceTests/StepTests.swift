import Foundation
import Testing

@testable import HoneTrace

/// Runs code under a recorder.
func recording<T>(_ assignment: [String: Value] = [:], _ body: () throws -> T) rethrows -> (T, Recorder) {
  let recorder = Recorder()
  let context = TraceContext(recorder: recorder, assignment: Assignment(assignment))
  return (try TraceContext.$current.withValue(context, operation: body), recorder)
}

nonisolated(nonsending) func recordingAsync<T>(_ assignment: [String: Value] = [:], _ body: () async throws -> T)
  async rethrows -> (
    T, Recorder
  )
{
  let recorder = Recorder()
  let context = TraceContext(recorder: recorder, assignment: Assignment(assignment))
  return (try await TraceContext.$current.withValue(context, operation: body), recorder)
}

struct Refused: Error, Equatable {}

@Suite struct StepTests {
  @Test func aStepRecordsItsNameInputsAndValue() {
    let (sum, recorder) = recording {
      let a = Traced.input("a", 2)
      return step("sum", doc: "Adds.", a, a, Traced("x")) { $0 + $1 + $2.count }
    }
    #expect(sum.value == 5)
    let trace = recorder.finish()
    #expect(trace.nodes.map(\.name) == ["a", "constant", "sum"])
    #expect(trace.nodes[2] == .init(kind: .step, name: "sum", inputs: [0, 0, 1], value: 5, doc: "Adds."))
    #expect(recorder.node(of: sum) == 2)
  }

  @Test func aStepWithoutInputsAndOneWithManyWork() {
    let (_, recorder) = recording {
      let none = step("none") { 1 }
      return step("many", none, none, none, none, none, none, none) { [$0, $1, $2, $3, $4, $5, $6] }
    }
    #expect(recorder.finish().nodes.map(\.inputs) == [[], [0, 0, 0, 0, 0, 0, 0]])
  }

  @Test func anAsyncStepRecordsAndASyncOneNeedsNoAwaitInAsyncCode() async throws {
    let (_, recorder) = await recordingAsync {
      let a = step("sync", Traced.input("a", 1)) { $0 + 1 }
      return await step("async", a) { a in
        await Task.yield()
        return a + 1
      }
    }
    #expect(recorder.finish().nodes.map(\.value) == [1, 2, 3])
  }

  @Test @MainActor func aStepStaysOnTheCallersActor() async {
    var local = 1
    let (_, recorder) = await recordingAsync {
      await step("change", Traced.input("a", 1)) { a in
        await Task.yield()
        local += a
        return local
      }
    }
    #expect(local == 2 && recorder.finish().nodes.last?.value == 2)
  }

  @Test func aThrownErrorIsAFailureNodeWithTheSameInputsAndIsThrownOn() async throws {
    let (_, recorder) = await recordingAsync {
      let a = Traced.input("a", 1)
      #expect(throws: Refused.self) {
        try step("sync", a) { _ throws -> Int in throw Refused() }
      }
      await #expect(throws: Refused.self) {
        try await step("async", a) { _ async throws -> Int in
          await Task.yield()
          throw Refused()
        }
      }
    }
    let nodes = recorder.finish().nodes
    #expect(nodes.map(\.kind) == [.input, .failure, .failure])
    #expect(nodes[1].inputs == [0] && nodes[2].inputs == [0])
    #expect(nodes[2].value == "(Refused) Refused()")
    #expect(recorder.lastFailure == 2)
  }

  @Test func aFailureInsideAStepIsAnInputOfTheStepItFails() throws {
    let (_, recorder) = recording(["p": 1]) {
      _ = try? step("outer", Traced.input("a", 1)) { _ in
        _ = try step("inner", parameter("p") ?? Traced(.null)) { _ throws -> Int in throw Refused() }
      }
    }
    let trace = recorder.finish(feedback: [Feedback(node: recorder.lastFailure ?? -1, text: "no")])
    #expect(trace.nodes.map(\.name) == ["a", "p", "inner", "outer"])
    #expect(trace.nodes[3].inputs == [0, 2] && trace.nodes[2].parent == 3)
    #expect(trace.backward().keys.sorted() == [1], "feedback on the failure reaches the parameter read inside")
  }

  @Test func nestedStepsKnowTheStepTheyAreInAndFeedIt() {
    let (_, recorder) = recording {
      let a = Traced.input("a", 1)
      return step("outer", a) { _ in
        let first = step("first", a) { $0 + 1 }
        let second = step("second", first) { $0 + 1 }
        return step("third", second) { third in step("deep", Traced(third)) { $0 } }.value.value
      }
    }
    let nodes = recorder.finish().nodes
    #expect(nodes.map(\.name) == ["a", "first", "second", "constant", "deep", "third", "outer"])
    #expect(nodes.map(\.parent) == [nil, 6, 6, 5, 5, 6, nil])
    // Only what nothing else in it used counts as its input.
    #expect(nodes[6].inputs == [0, 5])
  }

  @Test func stepsInTaskGroupsHaveTheRightParents() async {
    let (_, recorder) = await recordingAsync {
      let a = Traced.input("a", 0)
      return await step("outer", a) { _ in
        await withTaskGroup(of: Int.self) { group in
          for number in 0..<20 {
            group.addTask {
              await step("task", a) { a in
                await Task.yield()
                return step("inside", Traced(a)) { $0 + number }.value
              }.value
            }
          }
          return await group.reduce(0, +)
        }
      }
    }
    let trace = recorder.finish()
    let names = Dictionary(grouping: trace.nodes.indices, by: { trace.nodes[$0].name })
    let outer = trace.nodes.count - 1
    #expect(trace.nodes[outer].name == "outer" && trace.nodes[outer].inputs.count == 21)
    #expect(names["task"]?.allSatisfy { trace.nodes[$0].parent == outer } == true)
    let parents = names["inside"]?.compactMap { trace.nodes[$0].parent } ?? []
    #expect(parents.sorted() == names["task"], "every task has its own step inside")
  }

  @Test func anUnfinishedStepIsNoParent() {
    let (trace, _) = recording {
      step("outer") {
        step("inner") { 1 }
        return TraceContext.current?.recorder?.finish()
      }.value
    }
    #expect(trace?.nodes == [Trace.Node(kind: .step, name: "inner", value: 1)])
  }

  @Test func theFirstDocOfANameCountsForAll() {
    let (_, recorder) = recording {
      step("a", doc: "One.") { 1 }
      step("a", doc: "Two.") { 1 }
      step("a") { 1 }
    }
    #expect(recorder.finish().nodes.map(\.doc) == ["One.", "One.", "One."])
  }

  @Test func nothingIsRecordedOutsideOfARolloutOrWhenSwitchedOff() throws {
    #expect(step("a", Traced(1)) { $0 + 1 }.value == 2)
    #expect(throws: Refused.self) { try step("a", Traced(1)) { _ throws -> Int in throw Refused() } }
    let (value, recorder) = recording {
      var off = TraceContext.current ?? TraceContext()
      off.recorder = nil
      return TraceContext.$current.withValue(off) { step("a", Traced.input("x", 1)) { $0 + 1 } + 1 }
    }
    #expect(value.value == 3 && recorder.count == 0 && recorder.node(of: value) == nil)
  }

  @Test func anInnerContextHidesTheOuterOneAndATaskKeepsItsOwn() async {
    let (values, recorder) = await recordingAsync {
      let a = step("outer", Traced(1)) { $0 }
      let none = TraceContext.$current.withValue(nil) { step("none", Traced(2)) { $0 } }
      let inherited = await Task { step("inherited", Traced(3)) { $0 } }.value
      let apart = await Task.detached { step("apart", Traced(4)) { $0 } }.value
      return gather([a, none, inherited, apart])
    }
    #expect(values.value == [1, 2, 3, 4])
    let names = recorder.finish().nodes.map(\.name).filter { $0 != "constant" }
    #expect(names == ["outer", "inherited", "gather"])
  }

  /// The task-local stands in a thread's own place there.
  @Test func aThreadOutsideOfAnyTaskRecordsWhatItIsToldTo() async {
    let recorder = Recorder()
    await withCheckedContinuation { continuation in
      Thread {
        step("before", Traced(1)) { $0 }
        TraceContext.$current.withValue(TraceContext(recorder: recorder)) { _ = step("inside", Traced(1)) { $0 } + 1 }
        step("after", Traced(1)) { $0 }
        continuation.resume()
      }.start()
    }
    #expect(recorder.finish().nodes.map(\.name) == ["constant", "inside", "constant", "add"])
  }

  @Test func aValueOfAnotherRecorderBecomesAnInput() {
    let (foreign, _) = recording { Traced.input("a", 7) }
    let (_, recorder) = recording { step("use", foreign, foreign.detached()) { $0 + $1 } }
    let nodes = recorder.finish().nodes
    #expect(nodes.map(\.kind) == [.input, .constant, .step])
    #expect(nodes[2].inputs == [0, 1])
    #expect(recorder.node(of: foreign) == nil)
  }

  @Test func aRecorderWithTracedValuesInsideIsFreed() {
    weak var freed: Recorder?
    do {
      let (_, recorder) = recording { step("wrap", Traced.input("a", 1)) { a in Traced.input("inner", a) } }
      freed = recorder
      #expect(recorder.count == 3)
    }
    #expect(freed == nil)
  }

  @Test func eightTasksRecordIntoOneRecorderWithoutLosingANode() async {
    let (_, recorder) = await recordingAsync(["p": 1]) {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<8 {
          group.addTask {
            var value = Traced.input("start", number)
            for _ in 0..<500 { value = step("next", value) { $0 + 1 } }
            _ = parameter("p")
          }
        }
      }
    }
    let trace = recorder.finish()
    #expect(trace.nodes.count == 8 * 501 + 1)
    #expect(trace.nodes.count(where: { $0.kind == .parameter }) == 1)
    for node in trace.nodes where node.name == "next" {
      #expect(node.inputs.count == 1 && trace.nodes[node.inputs[0]].value.int.map { $0 + 1 } == node.value.int)
    }
  }

  @Test func rolloutsThatRunAtOnceStayApart() async {
    await withTaskGroup(of: (Int, Trace).self) { group in
      for number in 0..<8 {
        group.addTask {
          let (_, recorder) = await recordingAsync(["p": .int(number)]) {
            var value = parameter("p") ?? Traced(.null)
            for _ in 0..<100 {
              value = await step("next", value) { value in
                await Task.yield()
                return value
              }
            }
          }
          return (number, recorder.finish())
        }
      }
      for await (number, trace) in group {
        #expect(trace.nodes.count == 101 && trace.nodes.allSatisfy { $0.value == .int(number) })
      }
    }
  }
}
