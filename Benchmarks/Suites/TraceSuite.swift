import HoneTrace

/// What recording costs, and what walking backwards through a recorded graph costs, beside Microsoft Trace
/// (`trace-opt` 0.1.3.8) and OpenTrace 0.2.0 on the same kind of machine.
enum TraceSuite {
  static func run() async throws -> [Figure] {
    await recording() + off() + memory() + backward() + growth() + summary()
  }

  private static func each(_ seconds: Double, _ count: Int) -> Double { seconds / Double(count) }

  // MARK: Recording

  private static func recording() async -> [Figure] {
    let count = 100_000
    let how = "chain of 100,000, median of 5, release"
    let step = Measure.cpu(
      setUp: { TraceContext(recorder: Recorder()) },
      body: { context in TraceContext.$current.withValue(context) { chainOfSteps(count) } })
    let operators = Measure.cpu(
      setUp: { TraceContext(recorder: Recorder()) },
      body: { context in TraceContext.$current.withValue(context) { chainOfOperators(count) } })
    let asynchronous = await Measure.cpu { () async in
      await TraceContext.$current.withValue(TraceContext(recorder: Recorder())) { await asyncChain(count) }
    }
    let finish = Measure.cpu(setUp: { recorded(count) }, body: { $0.finish() })
    return [
      Figure(
        name: "traced step", value: each(step, count) * 1e6, unit: "us CPU", target: 1,
        peer: "trace-opt 0.1.3.8: 48, OpenTrace 0.2.0: 50", peerValue: 48, how: how),
      Figure(
        name: "traced asynchronous step", value: each(asynchronous, count) * 1e6, unit: "us CPU", target: 1,
        peer: "a synchronous one in trace-opt 0.1.3.8: 48, OpenTrace 0.2.0: 50", peerValue: 48, how: how),
      Figure(
        name: "traced operator", value: each(operators, count) * 1e6, unit: "us CPU", target: 1,
        peer: "trace-opt 0.1.3.8: 68, OpenTrace 0.2.0: 82", peerValue: 68, how: "y + 1, two nodes each; " + how),
      Figure(
        name: "rendered trace, a node", value: each(finish, count) * 1e6, unit: "us CPU", how: "finish(); " + how),
    ]
  }

  private static func off() async -> [Figure] {
    let count = 1_000_000
    let how = "chain of 1,000,000, median of 5, release"
    let peer = "trace-opt 0.1.3.8 under stop_tracing: 34,000-39,000"
    let peerValue = 34_000.0
    let step = Measure.cpu { chainOfSteps(count) }
    let switchedOff = Measure.cpu {
      TraceContext.$current.withValue(TraceContext()) { chainOfSteps(count) }
    }
    let operators = Measure.cpu { chainOfOperators(count) }
    let asynchronous = await Measure.cpu { () async in await asyncChain(count) }
    let taskLocal = Measure.cpu { (0..<count).reduce(0) { $0 + (TraceContext.current == nil ? $1 & 1 : 0) } }
    return [
      Figure(
        name: "reading the task-local alone", value: each(taskLocal, count) * 1e9, unit: "ns CPU",
        how: "the floor for what follows; " + how),
      Figure(
        name: "step, outside of a rollout", value: each(step, count) * 1e9, unit: "ns CPU", target: 20, peer: peer,
        peerValue: peerValue, how: how),
      Figure(
        name: "step, recording switched off", value: each(switchedOff, count) * 1e9, unit: "ns CPU", target: 20,
        peer: peer, peerValue: peerValue, how: "in a rollout without a recorder; " + how),
      Figure(
        name: "operator, recording off", value: each(operators, count) * 1e9, unit: "ns CPU", target: 20, how: how),
      Figure(
        name: "asynchronous step, recording off", value: each(asynchronous, count) * 1e9, unit: "ns CPU", how: how),
    ]
  }

  private static func memory() -> [Figure] {
    let count = 1_000_000
    guard let before = Machine.residentBytes() else { return [] }
    let recorder = recorded(count)
    let after = Machine.residentBytes() ?? before
    withExtendedLifetime(recorder) {}
    return [
      Figure(
        name: "memory a step", value: Double(after - before) / Double(count), unit: "bytes", target: 200,
        peer: "trace-opt 0.1.3.8: 1,877, OpenTrace 0.2.0: 1,861", peerValue: 1_861,
        how: "growth of resident memory over 1,000,000 steps with an Int each, release")
    ]
  }

  @inline(never)
  private static func chainOfSteps(_ count: Int) -> Traced<Int> {
    var value = Traced(1)
    for _ in 0..<count { value = step("next", value) { $0 &+ 1 } }
    return value
  }

  @inline(never)
  private static func chainOfOperators(_ count: Int) -> Traced<Double> {
    var value = Traced(1.0)
    for _ in 0..<count { value = value + 1 }
    return value
  }

  @inline(never)
  private static func asyncChain(_ count: Int) async -> Traced<Int> {
    var value = Traced(1)
    for _ in 0..<count { value = await step("next", value) { await identity($0) } }
    return value
  }

  private static func identity(_ value: Int) async -> Int { value }

  private static func recorded(_ count: Int) -> Recorder {
    let recorder = Recorder()
    TraceContext.$current.withValue(TraceContext(recorder: recorder)) { _ = chainOfSteps(count) }
    return recorder
  }

  // MARK: Backward and minimal subgraph

  private static func backward() -> [Figure] {
    [
      propagation(
        "chain of 10,000", Graphs.chain(10_000), target: nil, peer: "trace-opt 0.1.3.8: 8,910, OpenTrace 0.2.0: 9,110",
        peerValue: 8_910),
      propagation(
        "chain of 100,000", Graphs.chain(100_000), target: 100,
        peer: "trace-opt 0.1.3.8: not run, about 900,000 by extrapolation"),
      propagation("chain of 1,000,000", Graphs.chain(1_000_000), target: nil, peer: nil),
      propagation(
        "1,000 stacked diamonds", Graphs.diamonds(1_000), target: 5,
        peer: "trace-opt 0.1.3.8: 8,838, OpenTrace 0.2.0: 8,835", peerValue: 8_835),
      propagation(
        "100 dense layers of width 10", Graphs.layers(100, width: 10), target: 5,
        peer: "trace-opt 0.1.3.8: 9,200, OpenTrace 0.2.0: 9,200", peerValue: 9_200),
    ]
  }

  private static func propagation(
    _ name: String, _ trace: Trace, target: Double?, peer: String?, peerValue: Double? = nil
  )
    -> Figure
  {
    Figure(
      name: "backward and minimal subgraph, \(name)", value: propagationSeconds(trace) * 1e3, unit: "ms CPU",
      target: target, peer: peer, peerValue: peerValue, how: "of the stored trace, median of 5, release")
  }

  private static func propagationSeconds(_ trace: Trace) -> Double {
    Measure.cpu { (trace.backward().count, trace.subgraph().nodes.count) }
  }

  /// How time grows with V+E, over a factor of 100 for each shape.
  private static func growth() -> [Figure] {
    let shapes: [(name: String, make: (Int) -> Trace)] = [
      ("chain", { Graphs.chain(3_000 * $0) }), ("diamonds", { Graphs.diamonds(1_000 * $0) }),
      ("dense layers", { Graphs.layers(100 * $0, width: 10) }), ("parameters", { Graphs.parameters(1_000 * $0) }),
    ]
    return shapes.map { shape in
      let points = [1, 3, 10, 30, 100].map { size in
        let trace = shape.make(size)
        let edges = trace.nodes.reduce(0) { $0 + $1.inputs.count }
        return (x: Double(trace.nodes.count + edges), y: propagationSeconds(trace))
      }
      return Figure(
        name: "growth of backward with V+E, \(shape.name)", value: Measure.logLogSlope(points), unit: "log-log slope",
        target: 1.15, peer: "trace-opt 0.1.3.8: about 2 (chain), about 3 (diamonds, layers)",
        how: "least squares over 5 sizes up to x100, medians of 5, release")
    }
  }

  // MARK: Summary

  private static func summary() -> [Figure] {
    let parameters = Graphs.parameters(1_000)
    let space = Space(
      (0..<1_000).map { ParameterSpec(name: "p\($0)", domain: .float(FloatDomain(0...1)), initial: 0.5) })
    let thousand = Measure.cpu { summarised(parameters, space, tokenCap: 40_000) }
    let long = Graphs.chain(100_000)
    let one = Space([ParameterSpec(name: "p0", domain: .float(FloatDomain(0...1)), initial: 0.5)])
    let chain = Measure.cpu { summarised(long, one, tokenCap: 8_000) }
    return [
      Figure(
        name: "1,000 parameters summarised", value: thousand * 1e3, unit: "ms CPU", target: 20,
        peer: "trace-opt 0.1.3.8: 8,283, OpenTrace 0.2.0: 7,805", peerValue: 7_805, how: "median of 5, release"),
      Figure(
        name: "100,000 steps summarised", value: chain * 1e3, unit: "ms CPU",
        peer: "trace-opt 0.1.3.8: 40 for 10,000 steps, uncapped", how: "cap 8,000 tokens, median of 5, release"),
      Figure(
        name: "100,000 steps summarised, size", value: Double(summarised(long, one, tokenCap: 8_000).estimatedTokens),
        unit: "tokens", target: 8_000, peer: "trace-opt 0.1.3.8: about 160,000 for 10,000 steps",
        how: "cap 8,000 tokens, estimated"),
    ]
  }

  private static func summarised(_ trace: Trace, _ space: Space, tokenCap: Int) -> TraceSummary {
    let values = space.parameters.map { ($0.name, $0.initial) }
    return TraceSummary(
      [(example: "one", trace: trace)], space: space,
      assignment: Assignment(Dictionary(values, uniquingKeysWith: { $1 })), tokenCap: tokenCap)
  }
}

/// Traces of known shape, with feedback on the last node.
private enum Graphs {
  static func chain(_ count: Int) -> Trace {
    trace([parameter(0)] + (0..<count).map { step([$0]) })
  }

  /// Two steps side by side and one that joins them, again and again.
  static func diamonds(_ count: Int) -> Trace {
    var nodes = [parameter(0)]
    for _ in 0..<count {
      let top = nodes.count - 1
      nodes += [step([top]), step([top]), step([top + 1, top + 2])]
    }
    return trace(nodes)
  }

  /// Every node of a layer uses every node of the layer before.
  static func layers(_ count: Int, width: Int) -> Trace {
    var nodes = (0..<width).map(parameter)
    for _ in 0..<count {
      let below = Array(nodes.count - width..<nodes.count)
      for _ in 0..<width { nodes.append(step(below)) }
    }
    return trace(nodes)
  }

  /// A chain in which every step uses a parameter of its own.
  static func parameters(_ count: Int) -> Trace {
    var nodes = (0..<count).map(parameter)
    for number in 0..<count { nodes.append(step(number == 0 ? [0] : [nodes.count - 1, number])) }
    return trace(nodes)
  }

  private static func trace(_ nodes: [Trace.Node]) -> Trace {
    Trace(nodes: nodes, feedback: [Feedback(node: nodes.count - 1, text: "Too low.", score: 0.25)])
  }

  private static func parameter(_ number: Int) -> Trace.Node {
    Trace.Node(kind: .parameter, name: "p\(number)", value: 0.5)
  }

  private static func step(_ inputs: [Int]) -> Trace.Node {
    Trace.Node(kind: .step, name: "next", inputs: inputs, value: 0.25)
  }
}
