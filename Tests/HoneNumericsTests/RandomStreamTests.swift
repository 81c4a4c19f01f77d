import Testing

@testable import HoneNumerics

@Suite struct RandomStreamTests {
  /// The first outputs of SplitMix64 from state 1234567, as its published ports test them.
  @Test func splitMixGivesThePublishedNumbers() {
    var mixer = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect((0..<5).map { _ in mixer.next() } == expected)
  }

  /// The generator as its authors write it, kept apart from the one under test: a permutation of their C code.
  private struct Reference {
    var s: [UInt64]

    mutating func next() -> UInt64 {
      func rotl(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }
      let result = rotl(s[1] &* 5, 7) &* 9
      let t = s[1] << 17
      s[2] ^= s[0]
      s[3] ^= s[1]
      s[1] ^= s[2]
      s[0] ^= s[3]
      s[2] ^= t
      s[3] = rotl(s[3], 45)
      return result
    }
  }

  /// xoshiro256** from state 1, 2, 3, 4: the vector that rand_xoshiro and NumPy's tests use.
  @Test func theReferenceGivesThePublishedNumbers() {
    var reference = Reference(s: [1, 2, 3, 4])
    let expected: [UInt64] = [
      11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360, 607_988_272_756_665_600,
      16_172_922_978_634_559_625, 8_476_171_486_693_032_832, 10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
    ]
    #expect((0..<10).map { _ in reference.next() } == expected)
  }

  @Test func aStreamIsXoshiroSeededBySplitMixOverTheName() {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "random/17".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var mixer = SplitMix64(state: 42 ^ hash)
    _ = mixer.next()  // The root of child streams.
    var reference = Reference(s: (0..<4).map { _ in mixer.next() })
    var stream = RandomStream(seed: 42, name: "random/17")
    for _ in 0..<1_000 { #expect(stream.next() == reference.next()) }
  }

  /// Stored studies rely on these numbers: a change of them is a change of every replay.
  @Test func theNumbersOfAStreamNeverChange() {
    var stream = RandomStream(seed: 7, name: "stable")
    let first = (0..<4).map { _ in stream.next() }
    var child = stream.child("inner")
    #expect(first + [child.next()] == Self.stable)
  }

  private static let stable: [UInt64] = [
    7_934_228_498_095_522_388, 7_594_506_020_192_208_724, 17_054_618_709_714_811_266, 9_492_268_413_653_591_187,
    9_139_509_703_728_154_385,
  ]

  @Test func childrenDoNotDependOnWhatWasDrawn() {
    let fresh = RandomStream(seed: 7, name: "a")
    var drawn = fresh
    for _ in 0..<10 { _ = drawn.next() }
    var (a, b) = (fresh.child("x"), drawn.child("x"))
    #expect(a.next() == b.next())
  }

  @Test(arguments: [("a", "b"), ("a", "a "), ("", "a"), ("random/1", "random/2")])
  func streamsOfDifferentNamesDiffer(_ first: String, _ second: String) {
    var (a, b) = (RandomStream(seed: 1, name: first), RandomStream(seed: 1, name: second))
    let pairs = (0..<64).map { _ in (a.next(), b.next()) }
    #expect(pairs.allSatisfy { $0.0 != $0.1 })
    // About half of the bits differ: 2,048 of 4,096, with a standard deviation of 32.
    let bits = pairs.reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
    #expect(abs(bits - 2_048) < 160)
  }

  @Test func uniformNumbersFillTheUnitInterval() {
    var stream = RandomStream(seed: 3, name: "uniform")
    let values = (0..<100_000).map { _ in stream.uniform() }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    // Chi-square over 100 bins, 99 degrees of freedom: 99.9 per cent lie below 148.2.
    var bins = [Double](repeating: 0, count: 100)
    for value in values { bins[Int(value * 100)] += 1 }
    let chiSquare = bins.reduce(0) { $0 + ($1 - 1_000) * ($1 - 1_000) / 1_000 }
    #expect(chiSquare < 148.2)
  }
}
