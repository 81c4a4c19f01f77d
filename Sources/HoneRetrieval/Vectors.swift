/// Scores documents by the cosine between their embeddings and the query's.
public struct Vectors: Sendable {
  /// One document after the other, each of length 1.
  private let numbers: [Float]
  private let dimensions: Int

  /// - Parameter vectors: of one length, by document.
  public init(_ vectors: [[Float]]) {
    dimensions = vectors.first?.count ?? 0
    numbers = vectors.flatMap(Self.normalized)
  }

  /// By document.
  public func scores(_ query: [Float]) -> [Double] {
    guard query.count == dimensions, dimensions > 0 else { return [] }
    let query = Self.normalized(query)
    return numbers.withUnsafeBufferPointer { numbers in
      query.withUnsafeBufferPointer { query in
        stride(from: 0, to: numbers.count, by: dimensions).map { start in
          var sum: Float = 0
          for index in query.indices { sum += query[index] * numbers[start + index] }
          return Double(sum)
        }
      }
    }
  }

  private static func normalized(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }
}
