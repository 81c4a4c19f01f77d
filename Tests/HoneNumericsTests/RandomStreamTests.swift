import Testing

@testable import HoneNumerics

@Suite struct RandomStreamTests {
  /// The first outputs of SplitMix64 from state 1234567, as published with the reference implementation's ports.
  @Test func splitMixGivesThePublishedNumbers() {
    var mixer = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect((0..<5).map { _ in mixer.next() } == expected)
  }
}
