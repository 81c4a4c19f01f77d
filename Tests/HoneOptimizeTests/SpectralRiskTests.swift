import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct SpectralRiskTests {
  static let spectra: [SpectralRisk.Spectrum] = [.mean, .superquantile(0.4), .extremile(2.5), .exponential(3)]

  static func shuffles(_ values: [Double]) -> [[Double]] {
    guard values.count > 1 else { return [values] }
    return values.indices.flatMap { place in
      var rest = values
      let own = rest.remove(at: place)
      return shuffles(rest).map { [own] + $0 }
    }
  }

  /// Against all shuffles of the spectrum, and mixtures of them.
  @Test(arguments: spectra, [0, 0.05, 1])
  func theWeightsAreTheBest(_ spectrum: SpectralRisk.Spectrum, _ smoothing: Double) {
    var random = RandomStream(seed: 3, name: "losses")
    let risk = SpectralRisk(spectrum, smoothing: smoothing)
    let all = Self.shuffles(risk.weights(count: 5))
    for _ in 0..<6 {
      let losses = (0..<5).map { _ in random.normal() }
      let (value, q) = risk(losses)
      func worth(_ q: [Double]) -> Double {
        Vectors.dot(q, losses) - smoothing * 5 * q.reduce(0.0) { $0 + ($1 - 0.2) * ($1 - 0.2) }
      }
      #expect(abs(worth(q) - value) < 1e-12 && abs(q.reduce(0, +) - 1) < 1e-12)
      #expect(all.allSatisfy { worth($0) <= value + 1e-12 })
      for _ in 0..<40 {
        let picks = (0..<4).map { _ in all[Int(random.uniform() * 119.99)] }
        let parts = OuterDomain.ontoSimplex((0..<4).map { _ in random.uniform() })
        var mixed = Array(repeating: 0.0, count: 5)
        for (pick, part) in zip(picks, parts) { Vectors.add(part, pick, to: &mixed) }
        #expect(worth(mixed) <= value + 1e-12)
      }
      // In P(sigma): no k weights sum to more than the k largest of the spectrum.
      let (mine, theirs) = (q.sorted(by: >), risk.weights(count: 5).sorted(by: >))
      for k in 1...5 { #expect(mine[..<k].reduce(0, +) <= theirs[..<k].reduce(0, +) + 1e-12) }
      // The slope is q.
      for i in 0..<5 where smoothing > 0 {
        var (above, below) = (losses, losses)
        above[i] += 1e-5
        below[i] -= 1e-5
        #expect(abs((risk(above).value - risk(below).value) / 2e-5 - q[i]) < 1e-5)
      }
    }
  }

  @Test func knownRisks() {
    let losses = [3.0, 1, 4, 2]
    #expect(abs(SpectralRisk(.mean)(losses).value - 2.5) < 1e-12)
    #expect(abs(SpectralRisk(.superquantile(0.5))(losses).value - 3.5) < 1e-12)
    #expect(SpectralRisk(.mean)([]).value == 0)
    #expect(Isotonic.rising([3, 1, 2, 5, 4]) == [2, 2, 2, 4.5, 4.5])
  }

  /// The worst third of validation rows is served better by tuning for it.
  @Test func tuningForTheWorstRows() throws {
    let train = try Bilevels.rows(60, 6, classes: 2, seed: 1)
    let validation = try Bilevels.rows(60, 6, classes: 2, seed: 2)
    func tuned(_ risk: SpectralRisk?) throws -> BilevelSearch.Report {
      let problem = try LogisticProblem(
        train: train, validation: validation, outer: .penalties([0, 1, 2, 3, 4, nil]), risk: risk)
      return try BilevelSearch(steps: 30).run(problem)
    }
    let tail = SpectralRisk(.superquantile(1 / 3.0), smoothing: 0.01)
    let (usual, careful) = (try tuned(nil), try tuned(tail))
    #expect(tail(validation.losses(careful.inner).losses).value < tail(validation.losses(usual.inner).losses).value)
    #expect(validation.meanLoss(careful.inner) >= validation.meanLoss(usual.inner) - 1e-6)
  }
}
