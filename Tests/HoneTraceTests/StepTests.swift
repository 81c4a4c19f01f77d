import Testing

@testable import HoneTrace

/// Runs code under a recorder and gives back the trace.
func recording<T>(_ assignment: [String: Value] = [:], _ body: () throws -> T) rethrows -> (T, Recorder) {
  let recorder = Recorder()
  let context = TraceContext(recorder: recorder, assignment: Assignment(assignment))
  return (try TraceContext.$current.withValue(context, operation: body), recorder)
}

func recordingAsync<T>(_ assignment: [String: Value] = [:], _ body: () async throws -> T) async rethrows -> (
  T, Recorder
) {
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
}
