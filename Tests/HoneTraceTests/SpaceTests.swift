import HoneNumerics
import HoneTrace
import Testing

@Suite struct SpaceTests {
  static let rag = Space(
    [
      ParameterSpec(name: "retriever", domain: .categorical(["bm25", "dense", "hybrid"]), initial: "bm25"),
      ParameterSpec(name: "rerank", domain: .bool, initial: false),
      ParameterSpec(name: "topK", domain: .ordinal([2, 4, 8]), initial: 4),
      ParameterSpec(
        name: "weight", domain: .float(FloatDomain(0...1, step: 0.25)), initial: 0.5,
        condition: Condition(["retriever": ["hybrid"]])),
      ParameterSpec(
        name: "depth", domain: .int(IntDomain(1...3)), initial: 1,
        condition: Condition(["rerank": [true], "retriever": ["dense", "hybrid"]])),
      ParameterSpec(
        name: "deep", domain: .bool, initial: false, condition: Condition(["depth": [3]])),
    ],
    forbidden: [["retriever": "bm25", "topK": 8]])

  /// All assignments by brute force over the full product.
  static func naive(_ space: Space) -> Set<String> {
    var all: [[String: Value]] = [[:]]
    for parameter in space.parameters {
      all = all.flatMap { values in
        (parameter.domain.values(limit: 1_000) ?? []).map { values.merging([parameter.name: $0]) { $1 } }
      }
    }
    return Set(all.compactMap { try? space.accept($0).key })
  }

  @Test func acceptDropsInactiveParametersAndTypesTheRest() throws {
    let accepted = try Self.rag.accept(
      ["retriever": "bm25", "rerank": "True", "topK": "2", "weight": 0.3, "depth": 99, "deep": nil])
    #expect(accepted == Assignment(["retriever": "bm25", "rerank": true, "topK": 2]))
    let chained = try Self.rag.accept(
      ["retriever": "hybrid", "rerank": true, "topK": 2, "weight": 0.3, "depth": 3, "deep": true])
    #expect(chained["weight"] == 0.25 && chained["deep"] == true)
  }

  @Test func acceptRefuses() {
    func kind(_ values: [String: Value]) -> Rejection.Kind? {
      do {
        _ = try Self.rag.accept(values)
        return nil
      } catch { return error.kind }
    }
    #expect(kind(["retriever": "bm25", "rerank": false, "topK": 8]) == .forbidden)
    #expect(kind(["retriever": "bm25", "rerank": false]) == .empty)
    #expect(kind(["retriever": "bm25", "rerank": false, "topk": 8]) == .unknownParameter)
    #expect(kind(["retriever": "bm25", "rerank": false, "topK": 3]) == .notAChoice)
    #expect(
      throws: Rejection(
        .unknownParameter, parameter: "topk", "there is no parameter of this name; did you mean \"topK\"?")
    ) {
      try Self.rag.accept(["topk": 8])
    }
  }

  @Test func missingValuesComeFromTheDefaultsThenTheInitialOnes() throws {
    let base = Assignment(["retriever": "dense", "rerank": false, "topK": 8])
    let accepted = try Self.rag.accept(["rerank": true], defaults: base)
    #expect(accepted == Assignment(["retriever": "dense", "rerank": true, "topK": 8, "depth": 1]))
  }

  @Test func initialHoldsActiveParametersOnly() throws {
    #expect(Self.rag.initial == Assignment(["retriever": "bm25", "rerank": false, "topK": 4]))
    #expect(try Self.rag.accept(Self.rag.initial.values) == Self.rag.initial)
    let weight = try #require(Self.rag["weight"])
    let deep = try #require(Self.rag["deep"])
    #expect(Self.rag.isActive(weight, in: ["retriever": "hybrid"]))
    #expect(!Self.rag.isActive(weight, in: ["retriever": "dense"]))
    // The depth is there but inactive, so what depends on it is inactive too.
    #expect(!Self.rag.isActive(deep, in: ["retriever": "dense", "rerank": false, "depth": 3]))
    #expect(Self.rag.isActive(deep, in: ["retriever": "dense", "rerank": true, "depth": 3]))
  }

  @Test func cardinalityAndEnumerationAgreeWithBruteForce() throws {
    let naive = Self.naive(Self.rag)
    #expect(Self.rag.cardinality == naive.count)
    let listed = try #require(Self.rag.assignments(base: Self.rag.initial, limit: 10_000))
    #expect(Set(listed.map(\.key)) == naive && listed.count == naive.count)
  }

  @Test func randomSpacesAreCountedRight() throws {
    let seed: UInt64 = 5
    var random = RandomStream(seed: seed, name: "spaces")
    for round in 0..<100 {
      var parameters: [ParameterSpec] = []
      for index in 0..<Int.random(in: 1...5, using: &random) {
        var condition: Condition?
        if let other = parameters.randomElement(using: &random), Bool.random(using: &random) {
          let values = other.domain.values(limit: 10) ?? []
          condition = Condition([other.name: Array(values.shuffled(using: &random).prefix(1))])
        }
        let size = Int.random(in: 1...3, using: &random)
        parameters.append(
          ParameterSpec(
            name: "p\(index)", domain: .int(IntDomain(0...size)), initial: 0, condition: condition))
      }
      var space = Space(parameters)
      if parameters.count > 1, Bool.random(using: &random) {
        space.forbidden = [["p0": 1, parameters[parameters.count - 1].name: 1]]
      }
      let naive = Self.naive(space)
      #expect(space.cardinality == naive.count, "seed \(seed), round \(round)")
      #expect(space.assignments(base: space.initial, limit: 100_000)?.count == naive.count)
    }
  }

  @Test func countsSaturateOrAreEndless() {
    let wide = Space((0..<30).map { ParameterSpec(name: "p\($0)", domain: .int(IntDomain(0...999)), initial: 0) })
    #expect(wide.cardinality == .max)
    #expect(wide.assignments(base: wide.initial, limit: 1_000) == nil)
    let text = Space([
      ParameterSpec(name: "t", domain: .text(TextDomain()), initial: "x"),
      ParameterSpec(name: "b", domain: .bool, initial: false),
    ])
    #expect(text.cardinality == nil)
    #expect(text.cardinality(base: text.initial) == 2)
  }

  @Test func pointsOfTheUnitCubeBecomeAssignments() throws {
    let seed: UInt64 = 3
    var random = RandomStream(seed: seed, name: "points")
    for _ in 0..<200 {
      let point = Self.rag.encodable.map { _ in random.uniform() }
      guard let assignment = try? Self.rag.decode(point, base: Self.rag.initial) else { continue }
      #expect(try Self.rag.accept(assignment.values) == assignment)
      let back = Self.rag.encode(assignment)
      #expect(back.count == point.count)
      let again = try Self.rag.decode(back.map { $0 ?? 0 }, base: Self.rag.initial)
      #expect(again == assignment, "seed \(seed)")
    }
  }

  @Test func checkNamesWhatIsWrong() throws {
    try Self.rag.check()
    func message(_ parameters: [ParameterSpec], forbidden: [[String: Value]] = []) -> String {
      do {
        try Space(parameters, forbidden: forbidden).check()
        return ""
      } catch { return error.description }
    }
    func float(_ range: ClosedRange<Double>, _ scale: Scale = .linear, step: Double? = nil, initial: Value = 0.5)
      -> [ParameterSpec]
    {
      [ParameterSpec(name: "x", domain: .float(FloatDomain(range, scale: scale, step: step)), initial: initial)]
    }
    let bool = ParameterSpec(name: "flag", domain: .bool, initial: false)
    #expect(message(float(0...1, .log)).contains("log scale needs a lower bound above 0"))
    #expect(message(float(0...1, .logit)).contains("logit"))
    #expect(message(float(0...(.infinity))).contains("not finite"))
    #expect(message(float(0...1, step: 2)).contains("larger than the range"))
    #expect(message(float(0...1, initial: 7)).contains("initial value is not allowed"))
    var upsideDown = FloatDomain(0...1)
    upsideDown.upper = -1
    #expect(message([ParameterSpec(name: "x", domain: .float(upsideDown), initial: 0)]).contains("above the upper"))
    #expect(message([bool, bool]).contains("stands twice"))
    #expect(message([ParameterSpec(name: "c", domain: .categorical([]), initial: 1)]).contains("no choices"))
    #expect(message([ParameterSpec(name: "c", domain: .ordinal([1, 1.0]), initial: 1)]).contains("stands twice"))
    let orphan = ParameterSpec(name: "y", domain: .bool, initial: true, condition: Condition(["flog": [true]]))
    #expect(message([bool, orphan]).contains("did you mean \"flag\"?"))
    let early = ParameterSpec(name: "y", domain: .bool, initial: true, condition: Condition(["flag": [true]]))
    #expect(message([early, bool]).contains("does not stand before it"))
    let odd = ParameterSpec(name: "y", domain: .bool, initial: true, condition: Condition(["flag": ["maybe"]]))
    #expect(message([bool, odd]).contains("a value it cannot have"))
    #expect(message([bool], forbidden: [["flag": false]]).contains("forbidden combination"))
    #expect(
      message([ParameterSpec(name: "t", domain: .text(TextDomain(pattern: "[")), initial: "x")]).contains("pattern"))
  }
}
