import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// What is gained on rows that had no part in the tuning, and that nothing breaks.
enum BilevelGuard {
  static func figures(_ data: BilevelData) throws -> [Figure] {
    try guarded(data) + cleaning(data) + flags(data) + fuzz()
  }

  /// Per-feature problems under the guard against one tuned lambda for all features, by test loss.
  private static func guarded(_ data: BilevelData) throws -> [Figure] {
    let tasks = try data.tasks()
    return try [("bc-scalar", "bc-feature", 1.19), ("digits-scalar", "digits-feature", 1.5)].map {
      scalar, feature, free in
      guard let one = tasks.first(where: { $0.name == scalar }), let many = tasks.first(where: { $0.name == feature })
      else { throw CocoaError(.fileNoSuchFile) }
      let usual = one.test.meanLoss(try BilevelSearch().run(one.problem).inner)
      let report = try Shrinkage().run(many.problem)
      let loss = many.test.meanLoss(report.search.inner)
      let gap = zip(report.fitted, report.heldBack).map { "\($0.rounded(toDigits: 3))/\($1.rounded(toDigits: 3))" }
      return Figure(
        name: "\(feature), guarded: test loss", value: loss / usual, unit: "x tuned scalar", target: 1,
        peer: "unguarded: \(free) x", peerValue: free,
        how: "rho = \(report.search.shrinkage) chosen on held-back validation rows; loss fitted/held back by strength "
          + "\(gap.joined(separator: " ")); test \(loss.rounded(toDigits: 4)), accuracy "
          + "\(many.test.accuracy(report.search.inner).rounded(toDigits: 4)), \(report.count.total) calls")
    }
  }

  private static func fitted(_ rows: LogisticRows) throws -> [Double] {
    let groups: [Int?] = Array(repeating: 0, count: rows.width - 1) + [nil]
    let problem = try LogisticProblem(train: rows, validation: rows, outer: .penalties(groups))
    return try BilevelSearch(tolerance: 1e-6).hypergradient(of: problem, at: [0]).inner
  }

  private static func picked(_ rows: LogisticRows, _ places: [Int]) throws -> LogisticRows {
    try LogisticRows(
      features: places.flatMap { rows.features[($0 * rows.width)..<(($0 + 1) * rows.width)] },
      labels: places.map { rows.labels[$0] }, width: rows.width, classes: rows.classes)
  }

  /// 100 clean rows judge 600 with wrong labels; against the best of: all unweighted, the clean alone, both pooled.
  private static func cleaning(_ data: BilevelData) throws -> [Figure] {
    try [(0, 30, 2.0, "2.3, with the clean rows 1.8"), (1, 50, 1.5, "2.0, with the clean rows 2.2")].flatMap {
      noise, percent, target, peer in
      var (learned, joined, lines, evaluations): ([Double], [Double], [String], Int) = ([], [], [], 0)
      for subset in 0..<6 {
        var random = RandomStream(seed: UInt64(subset), name: "clean rows")
        var order = Array(0..<data.digits.valid.count)
        for i in 0..<100 { order.swapAt(i, i + Int(random.uniform() * Double(order.count - i))) }
        let clean = try picked(data.digits.valid, Array(order[..<100]))
        let problem = try data.cleaning(noise, clean)
        let report = try BilevelSearch(tolerance: 1e-3, steps: 12).run(problem)
        evaluations = max(evaluations, report.evaluations)
        let pooled = try LogisticRows(
          features: problem.train.features + clean.features, labels: problem.train.labels + clean.labels, width: 65,
          classes: 10)
        // Once more with the clean rows among those fitted, at full weight.
        let both = try LogisticProblem(
          train: pooled, validation: clean, outer: .rowWeights, ridge: BilevelData.digitRidge)
        let refit = try BilevelSearch().hypergradient(
          of: both, at: report.lambda + Array(repeating: 6, count: clean.count))
        let test = data.digits.test
        let plain = try [problem.train, clean, pooled].map { 100 * test.accuracy(try fitted($0)) }
        let (one, two) = (100 * test.accuracy(report.inner), 100 * test.accuracy(refit.inner))
        learned.append(one - (plain.max() ?? 0))
        joined.append(two - (plain.max() ?? 0))
        lines.append("\((plain + [one, two]).map { $0.rounded(toDigits: 3) })")
      }
      let how =
        "over the best of unweighted, clean alone, pooled; mean of \(learned.count) subsets, at most \(evaluations) "
        + "outer evaluations; test accuracies unweighted, clean, pooled, learned, learned with clean: "
        + lines.joined(separator: " ")
      let gains: [(String, [Double], Double?)] = [
        ("learned weights", learned, target), ("learned weights and the clean rows", joined, nil),
      ]
      return gains.map { name, gains, target in
        Figure(
          name: "cleaning, 100 clean rows, \(percent) % wrong: gain of \(name)",
          value: gains.reduce(0, +) / Double(gains.count), unit: "points", target: target, better: .higher,
          peer: "reference: \(peer)", how: how)
      }
    }
  }

  /// Wrong labels found with 598 clean rows: weight below a half.
  private static func flags(_ data: BilevelData) throws -> [Figure] {
    try [0, 1].flatMap { noise in
      let report = try BilevelSearch(steps: 12).run(data.cleaning(noise, data.digits.valid))
      let flagged = report.lambda.map { $0 < 0 }
      let hits = zip(flagged, data.noisy[noise].isWrong).count { $0 && $1 }
      let name = "wrong labels found, \(noise == 0 ? 30 : 50) %"
      return [
        Figure(
          name: "\(name): precision", value: Double(hits) / Double(max(1, flagged.count { $0 })), unit: "",
          target: 0.85, better: .higher, peer: noise == 0 ? "reference: .893" : "reference: .949",
          how: "598 clean rows"),
        Figure(
          name: "\(name): recall", value: Double(hits) / Double(data.noisy[noise].isWrong.count { $0 }), unit: "",
          target: 0.95, better: .higher, peer: noise == 0 ? "reference: .972" : "reference: .990",
          how: "598 clean rows"),
      ]
    }
  }

  /// Hostile problems under every estimator and stepper: numbers or a typed error.
  private static func fuzz() throws -> [Figure] {
    var (bad, errors) = (0, 0)
    let estimators: [BilevelSearch.Estimator] = [
      .implicit(.auto), .implicit(.cg), .implicit(.laggedCholesky), .neumann(terms: 20), .penalty(gamma: 100),
      .response(spread: 0.1), .unrolled(steps: 30, rate: 0.1, window: nil),
    ]
    let steps: [OuterStep] = [.lbfgs, .hoag(HOAGStepper()), .adam(), .momentum()]
    for seed in UInt64(0)..<1_000 {
      var random = RandomStream(seed: seed, name: "hostile")
      let scale = [1e-6, 1e-3, 1, 1e3, 1e6][Int(seed % 5)]
      let width = seed % 4 == 0 ? 25 : 5
      let classes = seed % 3 == 0 ? 3 : 2
      var (features, labels): ([Double], [Int]) = ([], [])
      for row in 0..<16 {
        labels.append(row % classes)
        var x = (0..<width).map { _ in random.normal() * scale }
        if seed % 2 == 0 { x[0] = (row % classes == 0 ? -1 : 1) * scale }
        if seed % 7 < 3 { x[1] = x[2] }
        if seed % 11 == 0 { x[3] = 0 }
        features += x
      }
      let rows = try LogisticRows(features: features, labels: labels, width: width, classes: classes)
      let problem = try LogisticProblem(
        train: rows, validation: rows, outer: seed % 6 == 0 ? .rowWeights : .penalties((0..<width).map { $0 }),
        ridge: Array(repeating: seed % 8 == 0 ? 1e-3 : 0, count: width))
      let search = BilevelSearch(
        estimator: estimators[Int(seed / 5) % estimators.count], step: steps[Int(seed / 35) % steps.count],
        budget: 5_000, steps: 8)
      do {
        let report = try search.run(problem)
        let numbers = report.lambda + report.inner + report.direction + [report.value]
        if !numbers.allSatisfy(\.isFinite) || report.errorEstimate.isNaN { bad += 1 }
      } catch {
        errors += 1
      }
    }
    return [
      Figure(
        name: "hostile runs with a number that is not finite", value: Double(bad), unit: "of 1,000", target: 0,
        how:
          "scales 1e-6 to 1e6, doubled and empty columns, separable classes, more columns than rows, 7 estimators x 4 "
          + "steppers; \(errors) ended in a typed error")
    ]
  }
}
