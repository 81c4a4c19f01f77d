import HoneNumerics
import HoneTrace
import Testing

@Suite struct DomainEncodingTests {
  static let domains: [Domain] = [
    .float(FloatDomain(-3...5)),
    .float(FloatDomain(1e-6...10, scale: .log)),
    .float(FloatDomain(0.001...0.999, scale: .logit)),
    .float(FloatDomain(0...1, step: 0.05)),
    .float(FloatDomain(0.1...1.6, scale: .log, step: 0.1)),
    .float(FloatDomain(0.05...0.95, scale: .logit, step: 0.05)),
    .float(FloatDomain(2...2)),
    .int(IntDomain(-7...7)),
    .int(IntDomain(1...1024, scale: .log)),
    .int(IntDomain(16...512, step: 16)),
    .int(IntDomain(3...3)),
    .bool,
    .categorical(["a", "b", "c"]),
    .ordinal([2, 4, 8, 16]),
    .code(CodeDomain(language: "python", alternatives: ["x": "1", "y": "2"])),
  ]

  @Test(arguments: domains) func decodedValuesAreInTheDomainAndEncodeBack(_ domain: Domain) throws {
    let seed: UInt64 = 11
    var random = RandomStream(seed: seed, name: "encoding")
    for u in [0, 1] + (0..<500).map({ _ in random.uniform() }) {
      let value = domain.decode(u)
      #expect(try domain.accept(value) == value, "seed \(seed), u \(u)")
      let back = try #require(domain.encode(value))
      #expect((0...1).contains(back))
      if domain.cardinality != nil {
        #expect(domain.decode(back) == value, "seed \(seed), u \(u)")
      } else {
        #expect(abs(back - u) < 1e-9, "seed \(seed), u \(u)")
      }
    }
  }

  @Test(arguments: domains) func finiteDomainsListAllTheirValues(_ domain: Domain) throws {
    guard let cardinality = domain.cardinality else { return }
    let values = try #require(domain.values(limit: 10_000))
    #expect(values.count == cardinality)
    #expect(Set(values.map(\.canonicalJSON)).count == cardinality)
    for value in values {
      #expect(try domain.accept(value) == value)
      #expect(domain.decode(try #require(domain.encode(value))) == value)
    }
    #expect(domain.values(limit: cardinality - 1) == nil)
  }

  @Test func gridCellsOnALinearScaleAreEquallyWide() {
    let domain = Domain.int(IntDomain(0...4))
    var counts: [Value: Int] = [:]
    for i in 0..<1_000 { counts[domain.decode((Double(i) + 0.5) / 1_000), default: 0] += 1 }
    #expect(counts.values.allSatisfy { $0 == 200 })
  }

  @Test func theLogScaleSpreadsMagnitudesEvenly() {
    let domain = Domain.float(FloatDomain(1e-4...1, scale: .log))
    #expect(abs((domain.decode(0.25).number ?? 0) - 1e-3) < 1e-12)
    #expect(abs((domain.encode(1e-2) ?? 0) - 0.5) < 1e-12)
  }

  @Test func wordsHaveNoNumbers() {
    let text = Domain.text(TextDomain())
    #expect(text.encode("hello") == nil)
    #expect(text.decode(0.5) == .null)
    #expect(text.cardinality == nil)
    #expect(Domain.float(FloatDomain(0...1)).encode(7) == nil)
  }
}
