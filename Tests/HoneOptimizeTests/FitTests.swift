import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct FitTests {
  /// Six features of which one a class is larger in that class, with a constant at the end.
  static func rows(_ count: Int, classes: Int = 2, seed: UInt64) throws -> LogisticRows {
    var random = RandomStream(seed: seed, name: "rows")
    var (features, labels): ([Double], [Int]) = ([], [])
    for row in 0..<count {
      let label = row % classes
      let x = (0..<6).map { j in random.normal() + (j == label ? 2.2 : 0) }
      features += x + [1]
      labels.append(label)
    }
    return try LogisticRows(features: features, labels: labels, width: 7, classes: classes)
  }

  @Test func aClassifierTunesAStrengthAGroup() throws {
    let (inner, outer) = (try Self.rows(40, seed: 1), try Self.rows(30, seed: 2))
    let groups: [Int?] = [0, 0, 1, 1, 1, 1, nil]
    let fit = try Fit.classifier(inner, outer: outer, groups: groups)
    #expect(fit.tuned.outerLoss < fit.tuned.startLoss)
    #expect(fit.tuned.method == "implicit hypergradients by Cholesky, newton inside, lbfgs outside")
    let other = try TunedStrengths.tune(
      LogisticProblem(train: inner, validation: outer, outer: .penalties(groups)), isGuarded: false,
      search: BilevelSearch(estimator: .penalty(gamma: 100), inner: .lbfgs, steps: 1))
    #expect(other.method.hasPrefix("penalty") && other.method.contains("lbfgs inside"), "\(other.method)")
    #expect(fit.tuned.coldDifference < 1e-6 && fit.tuned.valueError < 1e-4)
    #expect((fit.tuned.selectionLoss ?? 0) > 0 && fit.tuned.lambda.count == 2)
    // Fitted to all rows: the gradient of that problem is zero there.
    let all = try LogisticProblem(train: inner.joined(outer), validation: outer, outer: .penalties(groups))
    var gradient = fit.weights
    _ = all.inner(fit.weights, fit.tuned.lambda, gradient: &gradient)
    #expect(Vectors.norm(gradient) < 1e-4)
    #expect(try Fit.classifier(inner, outer: outer, groups: groups).weights == fit.weights, "the same twice")
  }

  /// A router's scores made too sharp and leaning to one label are put right.
  @Test func calibrationFindsTemperatureAndBias() throws {
    func table(_ count: Int, _ seed: UInt64) throws -> ChoiceRows {
      var random = RandomStream(seed: seed, name: "scores")
      var (features, targets): ([Double], [Double]) = ([], [])
      for _ in 0..<count {
        let logits = (0..<3).map { _ in 1.5 * random.normal() }
        let noisy = logits.map { $0 - log(-log(max(1e-12, random.uniform()))) }
        let right = noisy.indices.max { noisy[$0] < noisy[$1] } ?? 0
        // Told three times as sure, and 2 more for the first label.
        for k in 0..<3 {
          features += [3 * logits[k] + (k == 0 ? 2 : 0)] + (0..<3).map { $0 == k ? 1 : 0 }
          targets.append(k == right ? 1 : 0)
        }
      }
      return try ChoiceRows(
        features: features, sizes: Array(repeating: 3, count: count), targets: targets, width: 4)
    }
    let fit = try Fit.choice(
      table(300, 1), outer: table(200, 2), groups: [0, 1, 1, 1], prior: [1, 0, 0, 0])
    #expect(abs(1 / fit.weights[0] - 3) < 0.6, "temperature \(1 / fit.weights[0])")
    #expect(abs(fit.weights[1] - (fit.weights[2] + fit.weights[3]) / 2 + 2.0 / 3) < 0.35)
    let fresh = try table(400, 3)
    #expect(fresh.meanLoss(fit.weights) < fresh.meanLoss([1, 0, 0, 0]) - 0.2)
  }

  @Test func cleaningFindsWrongLabels() throws {
    let clean = try Self.rows(120, classes: 3, seed: 4)
    var random = RandomStream(seed: 9, name: "noise")
    var labels = clean.labels
    // Whoever labelled them takes the first class for the second, mostly.
    let wrong = labels.indices.filter { labels[$0] == 0 && random.uniform() < 0.7 }
    for place in wrong { labels[place] = 1 }
    let noisy = try LogisticRows(features: clean.features, labels: labels, width: 7, classes: 3)
    let fit = try CleaningFit(
      noisy, checked: Self.rows(24, classes: 3, seed: 5), ridge: 1, constant: 6)
    let flagged = fit.rowWeights.indices.filter { fit.rowWeights[$0] < 0.5 }
    let hits = flagged.count { wrong.contains($0) }
    let byChance = Double(flagged.count) * Double(wrong.count) / 120
    #expect(Double(hits) > 1.3 * byChance, "\(hits) of \(flagged.count)")
    let test = try Self.rows(300, classes: 3, seed: 6)
    #expect(test.accuracy(fit.weights) > test.accuracy(fit.allRows) + 0.03)
    #expect(test.accuracy(fit.checkedOnly) > 0.6)
    #expect(throws: BilevelError.self) {
      try CleaningFit(noisy, checked: Self.rows(3, classes: 3, seed: 5), ridge: 1)
    }
  }

  /// No estimator, solver or stepper passes the cap; with room for little the answer is worse, or there is none.
  @Test(arguments: [1, 5, 20, 60, 200, 1_000])
  func oracleCallsAreNeverPassed(_ cap: Int) throws {
    let problem = try LogisticProblem(
      train: Self.rows(30, seed: 1), validation: Self.rows(20, seed: 2), outer: .penalties([0, 0, 1, 1, 1, 1, nil]))
    for estimator in [.implicit(.auto), .implicit(.cg), .penalty(gamma: 100)] as [BilevelSearch.Estimator] {
      let meter = OracleMeter(cap: cap)
      do {
        let tuned = try TunedStrengths.tune(
          problem, from: nil, isGuarded: true, search: BilevelSearch(estimator: estimator), meter)
        #expect(tuned.count.total <= cap && tuned.lambda.allSatisfy(\.isFinite) && tuned.outerLoss.isFinite)
        #expect(tuned.stop == .budget || tuned.count.total < cap)
      } catch {
        #expect(error.kind == .budget && meter.count.total <= cap)
      }
    }
  }

  /// What estimators say that they asked is what was asked.
  @Test func countsAreTrue() throws {
    let problem = try LogisticProblem(
      train: Self.rows(30, seed: 1), validation: Self.rows(20, seed: 2), outer: .penalties([0, 0, 1, 1, 1, 1, nil]))
    let estimators: [BilevelSearch.Estimator] = [
      .implicit(.auto), .implicit(.cg), .implicit(.laggedCholesky), .neumann(terms: 10), .penalty(gamma: 100),
      .response(spread: 0.1), .unrolled(steps: 12, rate: 0.02, window: nil),
      .unrolled(steps: 12, rate: 0.02, window: 4),
      .forward(steps: 6, rate: 0.02),
    ]
    for estimator in estimators {
      let meter = OracleMeter(cap: .max)
      let search = BilevelSearch(estimator: estimator, steps: 3)
      let report = try search.run(MeteredProblem(problem, meter))
      #expect(report.count.inner == meter.count.inner, "\(estimator): inner")
      #expect(report.count.outer == meter.count.outer, "\(estimator): outer")
      #expect(report.count.hessianProducts == meter.count.hessianProducts, "\(estimator): products")
      #expect(report.count.mixedProducts == meter.count.mixedProducts, "\(estimator): mixed")
      #expect(report.count.factorizations == meter.count.factorizations, "\(estimator): factors")
    }
  }
}
