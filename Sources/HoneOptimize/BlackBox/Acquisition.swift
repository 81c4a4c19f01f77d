import HoneNumerics

/// What a Gaussian process says about a point's worth, for scores that are standardized and less is better.
public enum Acquisition: String, Hashable, Sendable, CaseIterable {
  /// The lower confidence bound (Srinivas et al., "Gaussian Process Optimization in the Bandit Setting", ICML 2010).
  case bound = "ucb"
  /// The logarithm of the expected improvement (Ament et al., "Unexpected Improvements to Expected Improvement",
  /// NeurIPS 2023).
  case improvement = "logei"

  /// Standard deviations of optimism after n trials: from 3 down to 1.5 at 30. A process fitted to a handful of trials is
  /// far too sure of itself next to them; where scores have plateaus, its expected improvement asks there again and again.
  static func deviations(_ trials: Int) -> Double { max(1.5, 3 - 0.05 * Double(trials)) }

  func value(_ posterior: (mean: Double, deviation: Double), best: Double, trials: Int) -> Double {
    switch self {
    case .bound: Self.deviations(trials) * posterior.deviation - posterior.mean
    case .improvement:
      Normal.logExpectedImprovement(mean: posterior.mean, deviation: posterior.deviation, best: best)
    }
  }
}
