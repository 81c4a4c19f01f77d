import HoneTrace

/// What a search may spend, as its scheduler plans with it.
///
/// Kept with the study whenever it changes from session to session, so that a replay plans at each point with what the study
/// planned with then.
package struct SearchCaps: Hashable, Sendable {
  /// The name they are stored under, beside the study.
  package static let document = "caps"

  /// Rollouts made before, the sealed test's aside.
  var from = 0
  var trials: Int?
  var rollouts: Int?
  /// Rollouts kept for the sealed test, and those it had taken already.
  var kept = 0
  var tested = 0
  /// Whether all trials that were measured had been given their results before it: the session before ended in order.
  var isAfterEnd = true

  /// Rollouts the search may still make, after so many; nil: no cap.
  func left(after made: Int) -> Int? { rollouts.map { max(0, $0 - kept - tested - made) } }

  func isSame(as other: SearchCaps) -> Bool {
    trials == other.trials && rollouts == other.rollouts && kept == other.kept && tested == other.tested
  }

  var value: Value {
    [
      "from": .int(from), "trials": trials.map { .int($0) } ?? .null, "rollouts": rollouts.map { .int($0) } ?? .null,
      "kept": .int(kept), "tested": .int(tested), "after_end": .bool(isAfterEnd),
    ]
  }

  static func read(_ stored: Value?) -> [SearchCaps] {
    (stored?.array ?? []).map { entry in
      SearchCaps(
        from: entry["from"]?.int ?? 0, trials: entry["trials"]?.int, rollouts: entry["rollouts"]?.int,
        kept: entry["kept"]?.int ?? 0, tested: entry["tested"]?.int ?? 0,
        isAfterEnd: entry["after_end"]?.bool ?? true)
    }
  }
}

extension StudyDriver {
  /// Those in force: a session's own, or in a replay those of the session that made the next rollout.
  var caps: SearchCaps { plans.last { $0.from <= searched } ?? ownCaps }

  /// Rollouts made, the sealed test's aside.
  var searched: Int { rollouts - tested }

  /// Rollouts the search may still make; the sealed test's part is kept from it.
  var searchLeft: Int? { caps.left(after: searched) }

  private var ownCaps: SearchCaps {
    SearchCaps(
      from: searched, trials: settings.budget.trials, rollouts: settings.budget.rollouts,
      kept: settings.budget.rollouts.map { testReserve(of: $0) } ?? 0, tested: tested, isAfterEnd: !isAnyMeasured)
  }

  private var isAnyMeasured: Bool {
    trials.contains { [.running, .interrupted].contains($0.state) && table.rows[$0.number].count > 0 }
  }

  /// In a replay: what the session before did at its end, where the next one planned with other caps.
  mutating func endSession(_ driver: inout OptimizerDriver) async throws {
    let now = plans.lastIndex { $0.from <= searched } ?? 0
    guard settings.recordedCaps != nil, now > planned else { return }
    planned = now
    if plans[now].isAfterEnd { try await endMeasured(&driver) }
  }

  /// Of a scheduler that looks at no budget nothing has to be kept.
  mutating func loadCaps() async throws {
    guard scheduler.plansWithRollouts else { return }
    if let recorded = settings.recordedCaps {
      plans = SearchCaps.read(recorded)
      return
    }
    plans = SearchCaps.read(try await store.document(SearchCaps.document, study: name))
    guard plans.last?.isSame(as: ownCaps) != true else { return }
    plans.append(ownCaps)
    try await store.setDocument(SearchCaps.document, .array(plans.map(\.value)), study: name)
  }
}
