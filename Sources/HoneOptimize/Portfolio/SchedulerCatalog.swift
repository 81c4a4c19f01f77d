import HoneTrace

/// The schedulers by the names and settings that task files use.
///
/// - `full`, the default: no settings; every trial on every example.
public enum SchedulerCatalog {
  /// What decides when nothing is said.
  public static let defaultName = "full"

  public static let names = ["full"]

  /// The settings a scheduler knows, sorted; empty for an unknown one.
  public static func settingNames(of scheduler: String) -> [String] { [] }

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
    _ = try SettingsReader(
      of: name, "scheduler", among: names, settings: settings, allowed: settingNames(of: name))
    return FullEvaluation(screening: defaults.screening, batch: defaults.batch)
  }
}
