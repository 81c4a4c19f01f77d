import HoneRetrieval
import Testing

struct VectorsTests {
  @Test func vectorsAreScoredByTheirCosine() {
    let vectors = Vectors([[3, 4], [0, -2], [5, 0], [0, 0]])
    let scores = vectors.scores([10, 0])
    #expect(zip(scores, [0.6, 0, 1, 0]).allSatisfy { abs($0 - $1) < 1e-6 }, "\(scores)")
    #expect(vectors.scores([1, 2, 3]).isEmpty && Vectors([]).scores([1]).isEmpty)
  }
}
