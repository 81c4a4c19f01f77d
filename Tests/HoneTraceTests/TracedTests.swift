import Testing

@testable import HoneTrace

@Suite struct TracedTests {
  /// Runs operators on two recorded inputs and gives the value and the nodes behind the inputs.
  private func trace<A, B, C>(_ a: A, _ b: B, _ body: (Traced<A>, Traced<B>) -> Traced<C>) -> (
    C, [Trace.Node]
  ) {
    let (result, recorder) = recording { body(Traced.input("a", a), Traced.input("b", b)) }
    return (result.value, Array(recorder.finish().nodes.dropFirst(2)))
  }

  @Test func arithmeticOnTwoTracedValues() {
    for (name, expected, run) in [
      ("add", 9.0, { $0 + $1 }), ("subtract", 3, { $0 - $1 }), ("multiply", 18, { $0 * $1 }),
      ("divide", 2, { $0 / $1 }),
      ("minimum", 3, { .minimum($0, $1) }), ("maximum", 6, { .maximum($0, $1) }),
    ] as [(String, Double, (Traced<Double>, Traced<Double>) -> Traced<Double>)] {
      let (value, nodes) = trace(6.0, 3.0, run)
      #expect(value == expected)
      #expect(nodes.map(\.name) == [name] && nodes.map(\.inputs) == [[0, 1]], "\(name)")
      #expect(nodes[0].doc?.isEmpty == false)
    }
  }

  @Test func plainValuesBecomeConstantsOnEitherSide() {
    let (value, nodes) = trace(6, 3) { a, b in 100 - (a * 2 + b) / 5 }
    #expect(value == 97)
    #expect(nodes.map(\.name) == ["constant", "multiply", "add", "constant", "divide", "constant", "subtract"])
    #expect(nodes.last?.inputs == [7, 6])
    #expect(trace(6, 3) { a, _ in -a }.0 == -6)
  }

  @Test func comparisonsGiveTracedTruth() {
    #expect(trace(1, 2) { $0 < $1 }.0 && trace(1, 2) { $0 <= $1 }.0 && trace(1, 2) { $0 != $1 }.0)
    #expect(!trace(1, 2) { $0 > $1 }.0 && !trace(1, 2) { $0 >= $1 }.0 && !trace(1, 2) { $0 == $1 }.0)
    #expect(trace(1, 2) { a, _ in a < 3 }.0 && trace(1, 2) { a, _ in a >= 1 }.0 && trace("x", 2) { a, _ in a == "x" }.0)
    let (chosen, nodes) = trace("yes", "no") { a, b in (!(a == b) && (a != b || a == b)).choose(a, else: b) }
    #expect(chosen == "yes")
    #expect(nodes.map(\.name) == ["equal", "not", "differ", "equal", "or", "and", "choose"])
    #expect(nodes.last?.inputs == [7, 0, 1])
  }

  @Test func text() {
    #expect(trace("Ab", " c ") { $0 + $1.trimmed() }.0 == "Abc")
    #expect(trace("Ab", "") { a, _ in a.uppercased() + a.lowercased() + "!" }.0 == "ABab!")
    #expect(trace("abc", "b") { $0.contains($1) }.0 && trace("abc", "") { $0.contains($1) }.0)
    #expect(trace("abc", "b") { a, _ in a.hasPrefix("a") && a.hasSuffix("c") && !a.contains("x") }.0)
    #expect(trace("a,b,,c", "") { a, _ in a.split(separator: ",").joined(separator: "+") }.0 == "a+b+c")
    #expect(trace("a-b", "+") { $0.replacing("-", with: $1) }.0 == "a+b")
    #expect(trace("abcd", "") { a, _ in a.prefix(3).suffix(2) }.0 == "bc")
    #expect(trace("", "x") { a, b in a.isEmpty && !b.isEmpty && b.count == 1 }.0)
  }

  @Test func interpolationKeepsTheEdges() {
    let (value, nodes) = trace("Emma", 2) { name, count in "Who wrote \(name)? Give \(count) of \(3)." as Traced<String>
    }
    #expect(value == "Who wrote Emma? Give 2 of 3.")
    #expect(nodes.last?.name == "format" && nodes.last?.inputs == [2, 0, 3, 1, 4, 5, 6])
    let (filled, _) = trace(Prompt("Q: {q}"), "Emma") { prompt, name in prompt(["q": name]) }
    #expect(filled == "Q: Emma")
  }

  @Test func arraysAreGatheredAndTheirElementsRecorded() {
    let (value, nodes) = trace(10, 20) { a, b in
      let all = gather([a, b, a])
      return all[1] + all[Traced(0)] + (all.elements.last ?? a)
    }
    #expect(value == 40)
    #expect(
      nodes.first
        == .init(kind: .step, name: "gather", inputs: [0, 1, 0], value: [10, 20, 10], doc: Operator.docs["gather"]))
    #expect(nodes.count(where: { $0.name == "element" }) == 5)
  }

  @Test func collectionsAreMappedFilteredAndReduced() {
    let (value, nodes) = trace([3, 1, 2], [4]) { a, b in
      (a + b).sorted().reversed().filter { $0 > 1 }.map { $0 * 10 }.prefix(2).reduce(0) { $0 + $1 }
    }
    #expect(value == 70)
    #expect(
      nodes.filter { $0.kind == .step }.map(\.name) == [
        "concatenate", "sort", "reverse", "filter", "map", "prefix", "reduce",
      ])
    #expect(trace([3, 1], 0) { a, _ in a.first }.0 == 3)
    #expect(trace([3, 1], 0) { a, _ in a.last }.0 == 1)
  }

  @Test func dictionariesAreGatheredInTheOrderOfTheirKeys() {
    let (value, nodes) = trace("A", "B") { a, b in
      let both = gather(["b": b, "a": a])
      return both["b"]
    }
    #expect(value == "B")
    #expect(nodes[0].inputs == [0, 1] && nodes[0].value == ["a": "A", "b": "B"])
    #expect(trace("A", "B") { a, b in gather(["b": b, "a": a]).sortedKeys() }.0 == ["a", "b"])
  }

  @Test func jsonMembersAreRecorded() {
    let json: Value = ["list": [1, ["x": "y"]]]
    #expect(trace(json, 0) { a, _ in a["list"][1]["x"].text }.0 == "y")
    #expect(trace(json, 0) { a, _ in a["nothing"][3] }.0 == .null)
  }

  @Test func operatorsAreNotRecordedOutsideOfARollout() {
    let value = (Traced(1) + 2) * Traced(3)
    #expect(value.value == 9 && value.origin == nil)
    #expect(("a\(Traced(1))" as Traced<String>).value == "a1")
    #expect(gather([Traced(1)])[0].value == 1)
  }
}
