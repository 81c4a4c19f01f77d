import HoneTrace

/// What recording costs, and what walking backwards through a recorded graph costs.
enum TraceSuite {
  static func run() async throws -> [Figure] {
    recording()
  }

  private static func recording() -> [Figure] {
    let count = 100_000
    let step = Measure.cpu(setUp: { TraceContext(recorder: Recorder()) }) { context in
      TraceContext.$current.withValue(context) {
        var value = Traced(1)
        for _ in 0..<count { value = HoneTrace.step("next", value) { $0 &+ 1 } }
        return value
      }
    }
    return [
      Figure(
        name: "traced step", value: step / Double(count) * 1e6, unit: "us CPU", target: 1,
        peer: "trace-opt 0.1.3.8: 41, OpenTrace 0.2.0: 43", how: "chain of 100,000, median of 5, release")
    ]
  }
}
