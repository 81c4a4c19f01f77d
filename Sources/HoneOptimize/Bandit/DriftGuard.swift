import Foundation

/// Thompson sampling for rewards that count, which notices when what is behind the arms changes and tests whether to keep
/// what it knows.
///
/// After a switch, said (`BanditEvent.switched`) or detected, two posteriors learn from the same rewards: one that keeps the
/// rewards from before and expects a moderate change of the means, and one that forgot them. Each reward adds the
/// difference of their log predictive densities; the one that keeps chooses, and when the ratio passes 20 to 1 the other is
/// dropped (Wald, "Sequential Analysis", 1947; a likelihood ratio passes 20 in favour of what is false with a
/// probability of at most 1/20). A change nobody told of is detected by a two-sided cumulative sum of the standardised
/// errors (Page, "Continuous Inspection Schemes", Biometrika 41, 1954); a false alarm costs only such a test.
public struct DriftGuard: Bandit {
  /// What is done after a switch.
  public enum Policy: String, Codable, Sendable, CaseIterable {
    /// Decided by the test.
    case test
    /// Rewards from before always count.
    case keep
    /// Rewards from before never count.
    case reset
  }

  public var policy: Policy
  /// Whether changes that nobody told of are looked for.
  public var detects: Bool

  public var name: String { "structured-thompson" }

  public init(policy: Policy = .test, detects: Bool = true) {
    self.policy = policy
    self.detects = detects
  }

  /// log 20.
  static let decided = 2.995_732_273_553_991
  /// Slack and limit of the cumulative sum, in deviations.
  static let slack = 0.5
  static let limit = 12.0

  public func start(_ task: BanditTask) -> any BanditRun { run(task) }

  package func run(_ task: BanditTask) -> Run {
    Run(policy: policy, detects: detects, kept: StructuredThompson.Run(width: 1, task: task))
  }

  package struct Run: BanditRun {
    let policy: Policy
    let detects: Bool
    private(set) var kept: StructuredThompson.Run
    /// Forgot what was before the last switch; nil when the test is decided.
    private(set) var fresh: StructuredThompson.Run?
    /// log of the densities' ratio, positive for keeping.
    private(set) var evidence = 0.0
    /// Switches so far: said, and detected.
    package private(set) var said = 0
    package private(set) var detected = 0
    /// Tests decided against keeping.
    package private(set) var resets = 0
    private var sums = (up: 0.0, down: 0.0)

    init(policy: Policy, detects: Bool, kept: StructuredThompson.Run) {
      self.policy = policy
      self.detects = detects
      self.kept = kept
    }

    package func next() -> [Pull] { kept.next() }
    package var best: Int { kept.best }
    package var estimates: [Double] { kept.estimates }

    package mutating func tell(_ event: BanditEvent) {
      switch event {
      case .switched:
        said += 1
        begin()
      case .rewarded(let arm, _, let reward) where kept.tally.counts.indices.contains(arm) && reward.isFinite:
        weigh(arm, reward / 4)
        learn(event)
        if abs(evidence) > DriftGuard.decided { decide() }
        if max(sums.up, sums.down) > DriftGuard.limit {
          detected += 1
          begin()
        }
      default: learn(event)
      }
    }

    private mutating func learn(_ event: BanditEvent) {
      kept.tell(event)
      fresh?.tell(event)
    }

    private mutating func begin() {
      // Of a test that was under way the better side goes on.
      decide()
      sums = (0, 0)
      switch policy {
      case .keep: kept.tell(.switched)
      case .reset:
        kept = kept.restarted()
        resets += 1
      case .test:
        fresh = kept.restarted()
        kept.tell(.switched)
      }
    }

    private mutating func decide() {
      if let fresh, evidence < 0 {
        kept = fresh
        resets += 1
      }
      fresh = nil
      evidence = 0
    }

    private mutating func weigh(_ arm: Int, _ quarter: Double) {
      let expected = kept.prediction(arm)
      if let other = fresh?.prediction(arm) {
        // One noise for both: few rewards make a new model look surer of its noise than it may be.
        let ratio =
          Self.logDensity(quarter, expected.mean, expected.variance + expected.noise)
          - Self.logDensity(quarter, other.mean, other.variance + expected.noise)
        // One reward, however odd, decides nothing alone.
        if ratio.isFinite { evidence += min(max(ratio, -DriftGuard.decided), DriftGuard.decided) }
      }
      // Too few rewards for an error to mean anything.
      guard detects, kept.tally.answers.count >= 50 else { return }
      let deviation = (expected.variance + expected.noise).squareRoot()
      let z = min(max((quarter - expected.mean) / deviation, -4), 4)
      guard z.isFinite else { return }
      sums.up = max(0, sums.up + z - DriftGuard.slack)
      sums.down = max(0, sums.down - z - DriftGuard.slack)
    }

    private static func logDensity(_ x: Double, _ mean: Double, _ variance: Double) -> Double {
      -0.5 * (x - mean) * (x - mean) / variance - 0.5 * log(variance)
    }
  }
}
