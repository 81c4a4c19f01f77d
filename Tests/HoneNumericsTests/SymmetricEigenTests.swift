import Foundation
import HoneNumerics
import Testing

@Suite struct SymmetricEigenTests {
  /// A = V D V' and V'V = I for random symmetric matrices.
  @Test func vectorsGiveTheMatrixBack() {
    var random = RandomStream(seed: 1, name: "eigen")
    for size in [1, 2, 5, 12] {
      var matrix = Array(repeating: 0.0, count: size * size)
      for i in 0..<size {
        for j in 0...i {
          matrix[i * size + j] = random.normal()
          matrix[j * size + i] = matrix[i * size + j]
        }
      }
      let eigen = SymmetricEigen(matrix, size: size)
      for i in 0..<size {
        for j in 0..<size {
          var (product, inner) = (0.0, 0.0)
          for k in 0..<size {
            product += eigen.vectors[i * size + k] * eigen.values[k] * eigen.vectors[j * size + k]
            inner += eigen.vectors[k * size + i] * eigen.vectors[k * size + j]
          }
          #expect(abs(product - matrix[i * size + j]) < 1e-12)
          #expect(abs(inner - (i == j ? 1 : 0)) < 1e-12)
        }
      }
    }
  }

  /// The second difference matrix has eigenvalues 2 - 2 cos(k pi / (n + 1)).
  @Test func eigenvaluesOfTheSecondDifference() {
    let size = 8
    let matrix = (0..<(size * size)).map { index -> Double in
      switch abs(index / size - index % size) {
      case 0: 2
      case 1: -1
      default: 0
      }
    }
    let found = SymmetricEigen(matrix, size: size).values.sorted()
    for (k, value) in found.enumerated() {
      #expect(abs(value - (2 - 2 * cos(Double(k + 1) * .pi / Double(size + 1)))) < 1e-12)
    }
  }
}
