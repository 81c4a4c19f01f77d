/// How far a search has come, and what it may still do: what an optimizer gives its reasons from.
public struct SearchProgress: Hashable, Sendable {
  /// Trials begun so far.
  public var trials: Int
  /// Most trials of the study; nil without such a cap.
  public var mostTrials: Int?
  /// Up to which part of the variance of the trials' mean scores is noise, from 0 to 1; nil while that is not known.
  public var noise: Double?

  /// Scored trials from which noise is told.
  static let fewest = 8

  public init(trials: Int, mostTrials: Int? = nil, noise: Double? = nil) {
    self.trials = trials
    self.mostTrials = mostTrials
    self.noise = noise
  }

  /// - Parameter estimates: of the trials that have a score.
  public init(trials: Int, mostTrials: Int? = nil, estimates: [Estimate]) {
    self.init(trials: trials, mostTrials: mostTrials, noise: Self.noise(estimates))
  }

  /// The mean of the means' sampling variances s^2 / n over the variance of the means: one minus the reliability of
  /// one-way analysis of variance (Fisher 1925). Trials that see the same examples share some of that sampling, so it is a
  /// bound. Nil for fewer than 8 trials on two examples or more.
  static func noise(_ estimates: [Estimate]) -> Double? {
    let usable = estimates.filter { $0.count > 1 && $0.mean.isFinite && $0.deviation.isFinite }
    guard usable.count >= fewest else { return nil }
    let count = Double(usable.count)
    let mean = usable.reduce(0) { $0 + $1.mean } / count
    let spread = usable.reduce(0) { $0 + ($1.mean - mean) * ($1.mean - mean) } / (count - 1)
    let sampling = usable.reduce(0) { $0 + $1.deviation * $1.deviation / Double($1.count) } / count
    guard spread > 0, spread.isFinite, sampling.isFinite else { return sampling > 0 ? 1 : nil }
    return min(1, sampling / spread)
  }
}
