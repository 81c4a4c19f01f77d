import Foundation
import HoneNumerics

/// What a score table says about the trials: posterior means and deviations under an empirical-Bayes normal model.
///
/// Model: score of trial i on example j = theta_i + b_j + e_ij with theta_i ~ N(mu, tau^2) and e_ij ~ N(0, sigma^2).
/// - The effects b_j ~ N(0, beta^2) of the examples pair the trials: one that saw only easy examples is not taken for
///   better. Fitted by alternating means, b_j = sum of residuals / (n_j + lambda) with lambda = sigma^2 / beta^2, which is
///   estimated along with them (Robinson, "That BLUP is a Good Thing", Statistical Science 6, 1991).
/// - sigma^2: mean squared residual, with one pseudo-residual of half the range of the scores, so that equal scores do not
///   claim certainty.
/// - tau^2 and mu: Paule and Mandel, "Consensus Values and Weighting Factors" (Journal of Research of the National Bureau
///   of Standards 87, 1982): tau^2 solves sum_i w_i (y_i - mu)^2 = I - 1, w_i = 1 / (tau^2 + sigma^2 / n_i).
/// - Posterior of theta_i (Morris, "Parametric Empirical Bayes Inference", JASA 78, 1983, section 1): mean
///   y_i - B_i (y_i - mu) with B_i = (sigma^2 / n_i) / (tau^2 + sigma^2 / n_i), variance (1 - B_i) sigma^2 / n_i +
///   B_i^2 / sum w + 2 / (I - 3) B_i^2 (y_i - mu)^2: the last terms are for what is not known of mu and tau^2.
///
/// Time and memory are linear in the measured places.
public struct Posterior: Hashable, Sendable {
  public struct Standing: Hashable, Sendable {
    public var trial: Int
    /// Examples measured.
    public var count: Int
    /// Mean of the scores as measured.
    public var observed: Double
    /// Posterior mean and standard deviation of the score, in the scores' units.
    public var mean: Double
    public var deviation: Double
  }

  /// Trials with a score that did not fail and keep the constraints, in the order of the table.
  public var standings: [Standing]
  /// Mean and standard deviation of the trials' true scores.
  public var mean: Double
  public var spread: Double
  /// Standard deviation of a single score around its trial's mean, the example's effect taken away.
  public var noise: Double
  /// Standard deviation beta of the examples' effects; 0 where a single trial cannot tell them from noise.
  public var difficulty: Double
  /// Where scores can lie, as far as they tell: from 0 to 1 when all do, else anywhere.
  let range: ClosedRange<Double>

  static let sweeps = 8
  /// Bounds of lambda, in examples.
  static let pseudoCounts = 0.01...100.0

  /// Nil when no trial has a score.
  public init?(_ table: ScoreTable) {
    let rows = table.rows.filter { !$0.hasFailed && $0.isFeasible }
    var cells = Cells(rows, examples: table.examples)
    guard !cells.rows.isEmpty else { return nil }
    let y = cells.fit()
    let variance = cells.residualVariance(y)
    let v = cells.rows.map { variance / Double($0.places.count) }
    let population = Self.population(y, v, least: 1e-6 * variance)
    let total = v.reduce(0) { $0 + 1 / ($1 + population.tau2) }
    let doubt = 2 / Double(max(1, cells.rows.count - 3))
    let unit = cells.unit
    func scaled(_ value: Double) -> Double {
      min(max(value * unit, -Double.greatestFiniteMagnitude), .greatestFiniteMagnitude)
    }
    standings = cells.rows.indices.map { i in
      let b = cells.rows.count > 1 ? v[i] / (population.tau2 + v[i]) : 0
      let shift = b * (y[i] - population.mu)
      let posterior = (1 - b) * v[i] + b * b / total + doubt * shift * shift
      let mean = y[i] - shift
      let observed = cells.rows[i].places.reduce(0) { $0 + $1.value } / Double(cells.rows[i].places.count)
      return Standing(
        trial: cells.rows[i].trial, count: cells.rows[i].places.count, observed: scaled(observed), mean: scaled(mean),
        deviation: scaled(posterior.squareRoot()))
    }
    mean = scaled(population.mu)
    spread = scaled(population.tau2.squareRoot())
    noise = scaled(variance.squareRoot())
    difficulty = cells.rows.count > 1 ? scaled((variance / cells.pseudoCount).squareRoot()) : 0
    range = cells.isUnit ? 0...1 : -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  }

  /// Paule and Mandel's equation by bisection: its left side falls with tau^2.
  private static func population(_ y: [Double], _ v: [Double], least: Double) -> (mu: Double, tau2: Double) {
    func weighted(_ tau2: Double) -> (mu: Double, excess: Double) {
      let w = v.map { 1 / ($0 + tau2) }
      let mu = zip(w, y).reduce(0) { $0 + $1.0 * $1.1 } / w.reduce(0, +)
      let sum = zip(w, y).reduce(0) { $0 + $1.0 * ($1.1 - mu) * ($1.1 - mu) }
      return (mu, sum - Double(y.count - 1))
    }
    guard y.count > 1, weighted(least).excess > 0 else { return (weighted(least).mu, least) }
    let range = (y.max() ?? 0) - (y.min() ?? 0)
    var (low, high) = (least, range * range * Double(y.count) + least)
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if weighted(middle).excess > 0 { low = middle } else { high = middle }
    }
    return (weighted(high).mu, high)
  }

  /// The measured places in units of the greatest magnitude, so that squares stay finite.
  private struct Cells {
    struct Row {
      var trial: Int
      var places: [(example: Int, value: Double)]
    }

    var rows: [Row] = []
    /// One unit in the units of the scores.
    let unit: Double
    /// Every score lies between 0 and 1.
    var isUnit: Bool { least >= 0 && greatest * unit <= 1 }
    private var effects: [Double]
    private var counts: [Double]
    private(set) var pseudoCount = 4.0
    private var least = Double.infinity
    private var greatest = -Double.infinity

    init(_ table: [ScoreTable.Row], examples: Int) {
      var magnitude = 0.0
      for row in table {
        for case let score? in row.scores where score.isFinite { magnitude = max(magnitude, abs(score)) }
      }
      unit = magnitude > 0 ? magnitude : 1
      effects = Array(repeating: 0, count: examples)
      counts = effects
      for row in table {
        var places: [(example: Int, value: Double)] = []
        for (example, score) in row.scores.enumerated() {
          guard example < examples, let score, score.isFinite else { continue }
          let value = score / unit
          places.append((example, value))
          counts[example] += 1
          least = min(least, value)
          greatest = max(greatest, value)
        }
        if !places.isEmpty { rows.append(Row(trial: row.trial, places: places)) }
      }
    }

    /// Means of the trials with the examples' effects taken away.
    mutating func fit() -> [Double] {
      var y = means()
      guard rows.count > 1 else { return y }
      for _ in 0..<Posterior.sweeps {
        var sums = [Double](repeating: 0, count: effects.count)
        for (row, y) in zip(rows, y) { for place in row.places { sums[place.example] += place.value - y } }
        for example in effects.indices { effects[example] = sums[example] / (counts[example] + pseudoCount) }
        y = means()
        let used = counts.indices.filter { counts[$0] > 0 }
        let squares = used.reduce(0) { $0 + effects[$1] * effects[$1] }
        let sigma2 = residualVariance(y)
        let unknown = used.reduce(0) { $0 + sigma2 / (counts[$1] + pseudoCount) }
        let ratio = sigma2 * Double(used.count) / (squares + unknown)
        pseudoCount = min(max(ratio, Posterior.pseudoCounts.lowerBound), Posterior.pseudoCounts.upperBound)
      }
      return y
    }

    private func means() -> [Double] {
      rows.map { row in
        row.places.reduce(0) { $0 + $1.value - effects[$1.example] } / Double(row.places.count)
      }
    }

    func residualVariance(_ y: [Double]) -> Double {
      var (sum, places) = (0.0, 0)
      for (row, y) in zip(rows, y) {
        for place in row.places {
          let residual = place.value - effects[place.example] - y
          sum += residual * residual
        }
        places += row.places.count
      }
      let fitted = rows.count > 1 ? counts.reduce(0) { $0 + $1 / ($1 + pseudoCount) } : 0
      let free = max(0, Double(places - rows.count) - fitted)
      // Scores that are all equal say nothing about their range: it may reach to 0.
      let range = greatest > least ? greatest - least : 1
      return (sum + range * range / 4) / (free + 1)
    }
  }
}

/// The trial that a study recommends: never the one with the luckiest value.
///
/// Of the trials with at least half as many examples as the one with the most, the one with the best posterior mean
/// (`Posterior`); of equals the one with more examples, then the one begun first. Trials measured on the same examples are
/// drawn towards their common mean by the same factor: of them the one with the best mean is the most likely one too, but
/// what it is expected to score again is less than what it scored.
public struct Winner: Hashable, Codable, Sendable {
  public var trial: Int
  /// Examples it was measured on.
  public var count: Int
  /// Posterior mean of its score on examples like those measured and the interval around it, in the scores' units; within
  /// 0 and 1 where all scores are.
  public var mean: Double
  public var lower: Double
  public var upper: Double
  /// Trials it was chosen from: of a table, those with at least half of the most examples that any has; of a study, all with
  /// a score.
  public var candidates: Int

  /// - Parameter confidence: of the interval, between 0 and 1.
  /// - Returns: nil when no trial has a score.
  public init?(_ table: ScoreTable, _ objective: Objective, confidence: Double = 0.95) {
    guard let posterior = Posterior(table) else { return nil }
    self.init(posterior, objective, confidence: confidence)
  }

  init?(_ posterior: Posterior, _ objective: Objective, confidence: Double = 0.95) {
    let most = posterior.standings.map(\.count).max() ?? 0
    let able = posterior.standings.filter { 2 * $0.count >= most }
    guard var best = able.first else { return nil }
    // Equal means may differ in the last digit.
    let least = 1e-9 * (posterior.spread + posterior.noise)
    for standing in able.dropFirst() {
      let isEqual = abs(standing.mean - best.mean) <= least
      let isBetter = objective.isBetter(standing.mean, than: best.mean)
      if isEqual ? standing.count > best.count : isBetter { best = standing }
    }
    // New examples are as hard as these but for chance.
    let examples = posterior.difficulty / Double(best.count).squareRoot()
    let half = Normal.quantile((1 + confidence) / 2) * hypot(best.deviation, examples)
    func within(_ value: Double) -> Double {
      min(max(value, posterior.range.lowerBound), posterior.range.upperBound)
    }
    trial = best.trial
    count = best.count
    mean = within(best.mean)
    lower = within(best.mean - half)
    upper = within(best.mean + half)
    candidates = able.count
  }
}
