import HoneNumerics
import HoneRetrieval
import Testing

struct RankingTests {
  @Test func rankingsAreByScoreAndThenByNumber() {
    #expect(Ranking.best([1, 3, 2, 3, 0], limit: 4) == [1, 3, 2, 0])
    #expect(Ranking.best([1, 0, 2], limit: 9, above: 0) == [2, 0])
  }

  /// 7: 1/61 + 1/63; 5: 1/62 + 1/61; 9: 1/63; 4: 1/62.
  @Test func fusionAddsReciprocalRanks() {
    #expect(Ranking.fused([[7, 5, 9], [5, 4, 7]]) == [5, 7, 4, 9])
    // A small constant favours what one ranking puts first: 1/2 + 1/5 against 1/3 + 1/3.
    #expect(Ranking.fused([[1, 2, 3], [4, 2, 5, 1]], constant: 1).first == 1)
    #expect(Ranking.fused([[1, 2, 3], [4, 2, 5, 1]]).first == 2)
    #expect(Ranking.fused([[3, 1, 2], []]) == [3, 1, 2] && Ranking.fused([]).isEmpty)
  }

  @Test func fusionIsTheSumOverRankings() {
    var random = RandomStream(seed: 4, name: "rankings")
    for _ in 0..<50 {
      let rankings = (0..<3).map { _ in
        Array((0..<12).shuffled(using: &random).prefix(Int.random(in: 0...12, using: &random)))
      }
      func score(_ document: Int) -> Double {
        rankings.compactMap { $0.firstIndex(of: document).map { 1 / Double(61 + $0) } }.reduce(0, +)
      }
      let fused = Ranking.fused(rankings)
      #expect(Set(fused) == Set(rankings.flatMap(\.self)) && Set(fused).count == fused.count)
      #expect(zip(fused, fused.dropFirst()).allSatisfy { score($0) >= score($1) - 1e-15 })
    }
  }
}
