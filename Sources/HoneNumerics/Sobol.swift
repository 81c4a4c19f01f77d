/// The Sobol sequence: points that fill the unit cube more evenly than random ones.
///
/// Direction numbers of Joe and Kuo (2008), Gray-code order (Antonov and Saleev 1979), 32 bits. With a seed the points
/// are scrambled by Owen's nested uniform permutations ("Randomly permuted (t,m,s)-nets", 1995): every point is then
/// uniform in the cube while the points together stay as even. Any point is computed directly, so no state is kept.
public struct Sobol: Sendable {
  /// Dimensions with direction numbers of their own; further coordinates are independent random numbers.
  public static let evenDimensions = 128

  public let dimensions: Int
  /// 32 direction numbers a dimension, flat.
  private let directions: [UInt32]
  /// One a dimension; nil when not scrambled.
  private let seeds: [UInt64]?

  /// - Parameter seed: of the scrambling; nil for the sequence as published, which begins at the origin.
  public init(dimensions: Int, seed: UInt64? = nil) {
    self.dimensions = dimensions
    directions = Self.directions(min(dimensions, Self.evenDimensions))
    seeds = seed.map { seed in
      var stream = RandomStream(seed: seed, name: "sobol")
      return (0..<dimensions).map { _ in stream.next() }
    }
  }

  /// The point of this index, from 0; indices beyond 2^32 begin anew. In [0, 1), scrambled points in (0, 1). O(dimensions).
  public func point(_ index: Int) -> [Double] {
    let low = UInt32(truncatingIfNeeded: index)
    let gray = low ^ (low >> 1)
    return (0..<dimensions).map { dimension in
      guard dimension < Self.evenDimensions else { return independent(dimension, low) }
      var x: UInt32 = 0
      var rest = gray
      while rest != 0 {
        x ^= directions[dimension * 32 + rest.trailingZeroBitCount]
        rest &= rest - 1
      }
      guard let seeds else { return Double(x) * 0x1p-32 }
      return (Double(Self.scrambled(x, seed: seeds[dimension])) + 0.5) * 0x1p-32
    }
  }

  private func independent(_ dimension: Int, _ index: UInt32) -> Double {
    var mixer = SplitMix64(state: (seeds?[dimension] ?? UInt64(dimension)) ^ UInt64(index))
    return (Double(mixer.next() >> 11) + 0.5) * 0x1p-53
  }

  /// Owen scrambling: each bit is flipped or not by a coin that depends on the bits above it alone.
  private static func scrambled(_ x: UInt32, seed: UInt64) -> UInt32 {
    var result = x
    for bit in 0..<32 {
      // The bits above, behind a leading 1 so that 0 and 00 differ.
      let prefix = bit == 0 ? 1 : (UInt64(1) << UInt64(bit)) | UInt64(x >> UInt32(32 - bit))
      var mixer = SplitMix64(state: seed ^ (prefix &* 0x9e37_79b9_7f4a_7c15))
      if mixer.next() >> 63 == 1 { result ^= 1 << UInt32(31 - bit) }
    }
    return result
  }

  /// Joe and Kuo (2008), section 2: m_k from the recurrence of the dimension's primitive polynomial, v_k = m_k / 2^k.
  private static func directions(_ dimensions: Int) -> [UInt32] {
    var all: [UInt32] = []
    all.reserveCapacity(32 * dimensions)
    var next = 0
    for dimension in 0..<dimensions {
      if dimension == 0 {
        for k in 1...32 { all.append(1 << UInt32(32 - k)) }
        continue
      }
      let polynomial = joeKuoNumbers[next]
      let degree = 31 - polynomial.leadingZeroBitCount
      var v: [UInt32] = []
      for k in 1...32 {
        if k <= degree {
          v.append(joeKuoNumbers[next + k] << UInt32(32 - k))
          continue
        }
        // Indices from 0 here: v[k - 1] is v_k.
        var value = v[k - 1 - degree] ^ (v[k - 1 - degree] >> UInt32(degree))
        for i in 1..<max(1, degree) where (polynomial >> UInt32(degree - i)) & 1 == 1 { value ^= v[k - 1 - i] }
        v.append(value)
      }
      all += v
      next += degree + 1
    }
    return all
  }
}
