import HoneNumerics
import HoneOptimize
import HoneTrace

/// The kernels under the bilevel layer on the shapes they are used on.
enum BilevelKernels {
  /// Beside OpenBLAS as numpy has it, in the same run; without numpy beside OpenBLAS 0.3.21 on the page's machine.
  static func figures() throws -> [Figure] {
    let here = try BilevelPeers.numbers("kernels_reference", "name", "ms")
    return measured().map { name, seconds, page in
      let peer = here[name] ?? page
      return Figure(
        name: name, value: 1_000 * seconds / peer, unit: "x OpenBLAS", target: 2.5,
        peer: "\(peer.rounded(toDigits: 3)) ms (\(here[name] == nil ? "other machine" : "numpy, the same run"))",
        peerValue: 1,
        how:
          "\((1_000 * seconds).rounded(toDigits: 3)) ms CPU, median of 5, release, one thread; OpenBLAS 0.3.21 on the "
          + "page's machine: \(page) ms")
    }
  }

  /// Name, seconds of CPU, the page's milliseconds.
  private static func measured() -> [(String, Double, Double)] {
    let cholesky = [(31, 0.0015), (130, 0.031), (650, 2.2)].map { size, peer in
      let matrix = positive(size)
      let runs = max(1, 20_000_000 / (size * size * size) + 1)
      let seconds = Measure.cpu { for _ in 0..<runs { _ = Cholesky(matrix, size: size) } }
      return ("Cholesky, n = \(size)", seconds / Double(runs), peer)
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
      ("X W', 600 x 65 x 10", scores, 0.021), ("R' X, 10 x 600 x 65", pulled, 0.027),
    ]
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
