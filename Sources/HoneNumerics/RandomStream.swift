/// A named, seeded stream of random numbers: xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64.
///
/// The same seed and name give the same numbers on every platform and in every process, so a stream is never stored:
/// whoever needs one again derives it again. Streams with different names are independent.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private var s: (UInt64, UInt64, UInt64, UInt64)
  private let root: UInt64

  /// - Parameters:
  ///   - seed: the study's seed.
  ///   - name: what the numbers are for, such as `"random/17"`.
  public init(seed: UInt64, name: String) {
    // FNV-1a over the name: Swift's own hashing is seeded anew in each process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    var mixer = SplitMix64(state: seed ^ hash)
    root = mixer.next()
    s = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
  }

  /// An independent stream derived from this one's seed and name, whatever has been drawn from this one.
  public func child(_ name: String) -> RandomStream { RandomStream(seed: root, name: name) }

  public mutating func next() -> UInt64 {
    let result = rotl(s.1 &* 5, 7) &* 9
    let t = s.1 &<< 17
    s.2 ^= s.0
    s.3 ^= s.1
    s.1 ^= s.2
    s.0 ^= s.3
    s.2 ^= t
    s.3 = rotl(s.3, 45)
    return result
  }

  /// A number in [0, 1) with 53 random bits.
  public mutating func uniform() -> Double { Double(next() &>> 11) * 0x1p-53 }

  private func rotl(_ x: UInt64, _ k: UInt64) -> UInt64 { (x &<< k) | (x &>> (64 &- k)) }
}

/// The seeding generator xoshiro's authors recommend.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
