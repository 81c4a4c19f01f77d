import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct SchedulerConformanceTests {
  /// Every scheduler of the catalog keeps the contract with its default settings and with several trials at a time.
  /// Bandits end in a space without end, as `BanditSchedulerTests` says; the others go on in any.
  private static let names: [String] = {
    let bandits: Set = ["hier-ucb", "paired-halving", "structured-thompson", "thompson", "ucb1"]
    return SchedulerCatalog.names.filter { !bandits.contains($0) }
  }()

  @Test(arguments: names, [1, 3])
  func schedulersConform(_ name: String, _ batch: Int) throws {
    let defaults = SchedulerCatalog.Defaults(screening: 16, batch: batch)
    let scheduler = try SchedulerCatalog.make(name: name, defaults: defaults)
    #expect(scheduler.name == name)
    #expect(SchedulerConformance().violations { scheduler } == [])
  }

  @Test(
    arguments: [
      ("asah", [:], "did you mean asha?"), ("gnome", [:], "there are asha, full, hier-ucb"),
      ("full", ["eta": 2], "full has no settings"), ("asha", ["min_example": 4], "did you mean min_examples?"),
      ("race", ["alpha": 2], "alpha: 2"), ("sequential-test", ["false_acceptance": 2], "false_acceptance: 2"),
      ("sequential-test", ["alpha": 0.1], "sequential-test has no setting"),
      ("hyperband", ["eta": 1], "outside 2 to 64"),
      ("successive-halving", ["decay": "half"], "\"half\" is not a number"),
    ] as [(String, Value, String)])
  func mistakesAreNamed(_ name: String, _ settings: Value, _ expected: String) {
    do {
      _ = try SchedulerCatalog.make(name: name, settings: settings)
      Issue.record("taken")
    } catch { #expect(error.description.contains(expected), "\(error)") }
  }

  /// The suite itself can fail: each of these breaks one rule.
  @Test(arguments: ["measured", "closed", "spender", "endless", "unknown", "exhausted", "forgetful", "idle"])
  func brokenSchedulersAreCaught(_ kind: String) {
    let expected = [
      "measured": "run names no place that is not measured", "closed": "is run", "spender": "rollouts with",
      "endless": "does not end", "unknown": "is unknown", "exhausted": "when there are no more",
      "forgetful": "remembers something", "idle": "close names no open trial",
    ]
    let violations = SchedulerConformance().violations { Broken(kind: kind) }
    #expect(violations.contains { $0.contains(expected[kind] ?? "?") }, "\(violations.prefix(3))")
  }
}

/// Breaks the rule it is named after.
private final class Broken: Scheduler, @unchecked Sendable {
  let kind: String
  private var calls = 0

  init(kind: String) { self.kind = kind }

  var name: String { "broken" }

  func next(_ context: ScheduleContext) -> Allocation {
    calls += 1
    guard let row = context.table.rows.first else { return .propose(1) }
    let examples = Array(0..<context.table.examples)
    switch kind {
    case "measured": return .run([.init(trial: row.trial, examples: examples.filter { row.scores[$0] != nil })])
    case "closed":
      return row.isOpen ? .close([row.trial]) : .run([.init(trial: row.trial, examples: examples)])
    case "spender": return .run([.init(trial: row.trial, examples: examples)])
    case "endless": return context.isExhausted ? .stop("used up") : .propose(1)
    case "unknown": return .close([-1])
    case "exhausted": return .propose(1)
    case "forgetful": return calls.isMultiple(of: 2) ? .propose(1) : .stop("enough")
    default: return .close([row.trial])
    }
  }
}
