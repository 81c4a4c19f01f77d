import HoneTrace

/// The schedulers by the names and settings that task files use.
///
/// - `asha`: `min_examples` of the first rung (8), `max_examples` of a trial (all, or an eighth of the budget), `eta` (2).
/// - `full`, the default: no settings; every trial on every example.
/// - `hyperband`: `min_examples` (8), `max_examples` (all, or what the budget allows), `eta` (3).
/// - `id-hyperband`: `min_examples` (8), `eta` (3).
/// - `pasha`: `min_examples` of the first rung (8), `max_examples` of a trial (all), `eta` (2).
/// - `race`: `trials` of one race (by the budget); `alpha`, the rate at which a trial as good as the leader is closed
///   (0.2), `familywise` for all trials together (false); `min_examples` before the first test (8), `block` between (4).
/// - `sequential-test`: `false_acceptance`, the rate at which a trial that is no better is accepted early (0.05), `familywise`
///   for all trials together (false); `futility`, the chance of being better below which one is culled (0.1), by `margin` in
///   parts of the scores' range (0); `min_examples` before the first look (8), `block` between (4).
/// - `successive-halving`: `trials` begun (by the budget), `eta` (3), `decay` of the rungs' shares of the budget (0.6).
///
/// Bandits begin the assignments of a finite space themselves and know `batch`, the examples of one pull (4):
/// - `hier-ucb`: `alpha_high` (1.5), `alpha_low` (0.5).
/// - `paired-halving`: `finalists`, how many are not halved any more (4).
/// - `structured-thompson`, the recommended one: `width`, arms that a round compares (8).
/// - `thompson`: nothing else.
/// - `ucb1`: `alpha` (0.1).
public enum SchedulerCatalog {
  /// What decides when nothing is said.
  public static let defaultName = "full"

  public static let names = [
    "asha", "full", "hier-ucb", "hyperband", "id-hyperband", "paired-halving", "pasha", "race", "sequential-test",
    "structured-thompson", "successive-halving", "thompson", "ucb1",
  ]

  /// The settings a scheduler knows, sorted; empty for an unknown one.
  public static func settingNames(of scheduler: String) -> [String] {
    switch scheduler {
    case "asha", "hyperband", "pasha": ["eta", "max_examples", "min_examples"]
    case "hier-ucb": ["alpha_high", "alpha_low", "batch"]
    case "id-hyperband": ["eta", "min_examples"]
    case "paired-halving": ["batch", "finalists"]
    case "race": ["alpha", "block", "familywise", "min_examples", "trials"]
    case "sequential-test": ["block", "false_acceptance", "familywise", "futility", "margin", "min_examples"]
    case "structured-thompson": ["batch", "width"]
    case "successive-halving": ["decay", "eta", "trials"]
    case "thompson": ["batch"]
    case "ucb1": ["alpha", "batch"]
    default: []
    }
  }

  /// What a study says for every scheduler.
  public struct Defaults: Hashable, Sendable {
    /// Examples after which a trial may be dropped; nil: none is.
    public var screening: Int?
    /// Proposals a round.
    public var batch: Int

    public init(screening: Int? = nil, batch: Int = 1) {
      self.screening = screening
      self.batch = batch
    }
  }

  /// - Parameter settings: an object, or null for none.
  /// - Throws: for an unknown scheduler or setting, naming the nearest one, and for a value that a setting cannot have.
  public static func make(
    name: String = defaultName, settings: Value = .null, defaults: Defaults = Defaults()
  ) throws(OptimizerError) -> any Scheduler {
    let reader = try SettingsReader(
      of: name, "scheduler", among: names, settings: settings, allowed: settingNames(of: name),
      other: { OptimizerCatalog.names.contains($0) ? "\($0) is an optimizer: OptimizerCatalog makes it" : nil })
    if let bandit = try bandit(name, reader) {
      return BanditScheduler(bandit, batch: try reader.int("batch", in: 1...1_000_000) ?? 4)
    }
    let (counts, etas, batch) = (1...1_000_000, 2...64, defaults.batch)
    switch name {
    case "asha":
      return ASHA(
        fewest: try reader.int("min_examples", in: counts) ?? 8, most: try reader.int("max_examples", in: counts),
        eta: try reader.int("eta", in: etas) ?? 2, batch: batch)
    case "hyperband":
      return Hyperband(
        fewest: try reader.int("min_examples", in: counts) ?? 8, most: try reader.int("max_examples", in: counts),
        eta: try reader.int("eta", in: etas) ?? 3, batch: batch)
    case "id-hyperband":
      return IDHyperband(
        fewest: try reader.int("min_examples", in: counts) ?? 8, eta: try reader.int("eta", in: etas) ?? 3,
        batch: batch)
    case "pasha":
      return PASHA(
        fewest: try reader.int("min_examples", in: counts) ?? 8, most: try reader.int("max_examples", in: counts),
        eta: try reader.int("eta", in: etas) ?? 2, batch: batch)
    case "race":
      return Race(
        trials: try reader.int("trials", in: counts), alpha: try reader.number("alpha", in: 1e-6...1) ?? 0.2,
        isFamilywise: try reader.bool("familywise") ?? false,
        fewest: try reader.int("min_examples", in: counts) ?? 8, block: try reader.int("block", in: counts) ?? 4,
        batch: batch)
    case "sequential-test":
      return SequentialTest(
        falseAcceptance: try reader.number("false_acceptance", in: 0...1) ?? 0.05,
        isFamilywise: try reader.bool("familywise") ?? false, futility: try reader.number("futility", in: 0...1) ?? 0.1,
        margin: try reader.number("margin", in: 0...1) ?? 0, fewest: try reader.int("min_examples", in: counts) ?? 8,
        block: try reader.int("block", in: counts) ?? 4, batch: batch)
    case "successive-halving":
      return SuccessiveHalving(
        trials: try reader.int("trials", in: counts), eta: try reader.int("eta", in: etas) ?? 3,
        decay: try reader.number("decay", in: 0.01...1) ?? 0.6, batch: batch)
    default: return FullEvaluation(screening: defaults.screening, batch: batch)
    }
  }

  private static func bandit(_ name: String, _ reader: SettingsReader) throws(OptimizerError) -> (any Bandit)? {
    switch name {
    case "hier-ucb":
      return HierarchicalUCB(
        alphaHigh: try reader.number("alpha_high", in: 0...100) ?? 1.5,
        alphaLow: try reader.number("alpha_low", in: 0...100) ?? 0.5)
    case "paired-halving": return PairedHalving(finalists: try reader.int("finalists", in: 1...10_000) ?? 4)
    case "structured-thompson": return StructuredThompson(width: try reader.int("width", in: 1...512) ?? 8)
    case "thompson": return Thompson()
    case "ucb1": return UCB1(alpha: try reader.number("alpha", in: 0...100) ?? 0.1)
    default: return nil
    }
  }
}
