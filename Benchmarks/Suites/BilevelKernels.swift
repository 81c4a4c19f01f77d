import HoneNumerics
import HoneOptimize
import HoneTrace

/// The kernels under the bilevel layer on the shapes they are used on.
enum BilevelKernels {
  /// OpenBLAS 0.3.21 on one thread of the page's machine, in milliseconds.
  static func figures() -> [Figure] {
    let cholesky = [(31, 0.0015), (130, 0.031), (650, 2.2)].map { size, peer in
      let matrix = positive(size)
      let runs = max(1, 20_000_000 / (size * size * size) + 1)
      let seconds = Measure.cpu { for _ in 0..<runs { _ = Cholesky(matrix, size: size) } }
      return figure("Cholesky, n = \(size)", seconds / Double(runs), peer)
    }
    guard
      let rows = try? LogisticRows(
        features: numbers(600 * 65), labels: (0..<600).map { $0 % 10 }, width: 65, classes: 10)
    else { return cholesky }
    let (w, r) = (numbers(650), numbers(6_000))
    var into = w
    let scores = Measure.cpu { for _ in 0..<200 { _ = rows.scores(w) } } / 200
    let pulled = Measure.cpu { for _ in 0..<200 { rows.accumulate(r, into: &into) } } / 200
    return cholesky + [
      figure("X W', 600 x 65 x 10", scores, 0.021), figure("R' X, 10 x 600 x 65", pulled, 0.027),
    ]
  }

  private static func figure(_ name: String, _ seconds: Double, _ peer: Double) -> Figure {
    Figure(
      name: name, value: 1_000 * seconds, unit: "ms CPU", target: 2.5 * peer,
      peer: "OpenBLAS 0.3.21: \(peer) ms (other machine)", peerValue: peer, how: "median of 5, release, one thread")
  }

  private static func numbers(_ count: Int) -> [Double] {
    var random = RandomStream(seed: 1, name: "numbers")
    return (0..<count).map { _ in random.normal() }
  }

  private static func positive(_ size: Int) -> [Double] {
    var matrix = numbers(size * size)
    for i in 0..<size {
      for j in 0..<i { matrix[j * size + i] = matrix[i * size + j] }
      matrix[i * size + i] += 4 * Double(size)
    }
    return matrix
  }
}
