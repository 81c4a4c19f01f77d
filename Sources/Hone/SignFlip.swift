import HoneNumerics

/// The paired sign-flip test (Fisher, "The Design of Experiments", 1935, section 21) and the interval of the mean
/// difference that is its inversion.
///
/// Against a mean of theta, a pattern of signs is at least as extreme as the one seen where |sum s_i (d_i - theta)| >=
/// |sum (d_i - theta)|. Squared, that is a concave quadratic in theta, so it holds from one root to the other: the mean of
/// the differences that keep their sign and the mean of those that are flipped. The mean of all lies between them, so the
/// values of theta that are not rejected are an interval, and its ends are order statistics of the roots.
struct SignFlip {
  static let resamples = 4_000
  /// Sign patterns are tried one by one up to this many pairs; beyond that so many are drawn, and the one seen.
  static let exactPairs = 12

  /// By pattern: the smaller and the larger root; infinite where no sign is flipped. Unordered.
  private var lower: [Double] = []
  private var upper: [Double] = []
  private let count: Int
  private let total: Double
  /// Roots nearer to 0 than this are 0: sums of the same numbers in another order.
  private let tolerance: Double

  /// O(patterns pairs).
  init(_ differences: [Double], _ stream: RandomStream) {
    count = differences.count
    let sums = Self.sums(differences)
    total = differences.reduce(0, +)
    tolerance = 1e-12 * (differences.map(abs).max() ?? 0)
    if differences.count <= Self.exactPairs {
      // A pattern and its opposite have the same roots: the first difference keeps its sign.
      let patterns = UInt64(1) << UInt64(differences.count)
      reserve(Int(patterns / 2))
      var pattern: UInt64 = 1
      while pattern < patterns {
        add(sums) { _ in pattern }
        pattern += 2
      }
    } else {
      var stream = stream
      reserve(Self.resamples + 1)
      add(sums) { _ in .max }
      for _ in 0..<Self.resamples { add(sums) { _ in stream.next() } }
    }
  }

  private mutating func reserve(_ patterns: Int) {
    lower.reserveCapacity(patterns)
    upper.reserveCapacity(patterns)
  }

  /// - Parameter word: the signs of 64 differences from this one on, a bit set for each one kept.
  private mutating func add(_ sums: [[Double]], _ word: (Int) -> UInt64) {
    var (kept, sum) = (0, 0.0)
    var bits: UInt64 = 0
    var block = 0
    while block < sums.count {
      if block % 8 == 0 { bits = word(block * 8) }
      let signs = Int(bits & UInt64(sums[block].count - 1))
      kept += signs.nonzeroBitCount
      sum += sums[block][signs]
      bits >>= 8
      block += 1
    }
    guard kept > 0, kept < count else {
      lower.append(-.infinity)
      upper.append(.infinity)
      return
    }
    let roots = (snapped(sum / Double(kept)), snapped((total - sum) / Double(count - kept)))
    lower.append(min(roots.0, roots.1))
    upper.append(max(roots.0, roots.1))
  }

  /// By eight differences and by the pattern of those that are kept: their sum.
  private static func sums(_ differences: [Double]) -> [[Double]] {
    stride(from: 0, to: differences.count, by: 8).map { start in
      let block = differences[start..<min(start + 8, differences.count)]
      var sums = [0.0]
      for difference in block { sums += sums.map { $0 + difference } }
      return sums
    }
  }

  private func snapped(_ root: Double) -> Double { abs(root) <= tolerance ? 0 : root }

  /// Two-sided, against a mean of 0: the share of patterns at least as extreme as the one seen. With a mean at or above 0
  /// no larger root is below 0, and the other way round, so the side with fewer patterns decides.
  var pValue: Double {
    Double(min(lower.count { $0 <= 0 }, upper.count { $0 >= 0 })) / Double(lower.count)
  }

  /// The means with a p-value of 1 - confidence or more.
  func interval(confidence: Double, within bounds: ClosedRange<Double>) -> Comparison.Interval {
    let level = 1 - confidence
    let patterns = Double(lower.count)
    // The fewest patterns whose share is at the level, by the same division as the p-value.
    var needed = min(lower.count, max(1, Int((level * patterns).rounded(.up))))
    while needed > 1, Double(needed - 1) / patterns >= level { needed -= 1 }
    while needed < lower.count, Double(needed) / patterns < level { needed += 1 }
    return Comparison.Interval(
      lower: max(bounds.lowerBound, Self.ordered(lower, needed)),
      upper: min(bounds.upperBound, -Self.ordered(upper.map { -$0 }, needed)))
  }

  /// The smallest of the values but `rank` - 1: Hoare's selection (CACM 4, 1961). O(values).
  private static func ordered(_ values: [Double], _ rank: Int) -> Double {
    var values = values
    return values.withUnsafeMutableBufferPointer { values in
      var (low, high) = (0, values.count - 1)
      while low < high {
        let pivot = values[rank - 1]
        var (i, j) = (low, high)
        while i <= j {
          while values[i] < pivot { i += 1 }
          while pivot < values[j] { j -= 1 }
          if i <= j {
            (values[i], values[j]) = (values[j], values[i])
            i += 1
            j -= 1
          }
        }
        if j < rank - 1 { low = i }
        if rank - 1 < i { high = j }
      }
      return values[rank - 1]
    }
  }
}
