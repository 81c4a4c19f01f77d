import HoneModel
import HoneOptimize

/// What the validation rollouts of a trial took.
struct TrialSpend: Hashable, Sendable {
  var spend = Spend()
  var rollouts = 0

  mutating func add(_ rollout: RolloutRecord) {
    spend = spend + rollout.spend
    rollouts += 1
  }

  /// Of a rollout.
  var tokens: Double { Double(spend.tokens) / Double(max(1, rollouts)) }
  var money: Double { spend.money / Double(max(1, rollouts)) }
}

/// The part of a budget that the search leaves to the sealed test.
///
/// Rollouts and requests of the test are known from the start. Its tokens and money are those of as many rollouts of the
/// start and of the best trial: they are kept as soon as the start is measured, and anew whenever a trial ends. They follow
/// from stored rollouts, so that a study which was cut keeps the same; where a scheduler measures the best trial further, a
/// cut in the middle of that may move them by what those few rollouts change in its mean.
extension StudyDriver {
  /// What the search may spend.
  var searchBudget: Budget {
    var budget = settings.budget
    if let cap = budget.requests {
      budget.requests = max(1, cap - testReserve(of: cap, each: runner.requestsPerRollout))
    }
    guard budget.tokens != nil || budget.money != nil, let start = trials.first, start.state == .complete,
      let first = spends[start.number], let second = spends[best?.number ?? start.number]
    else { return budget }
    if let cap = budget.tokens {
      let kept = reserve(of: Double(cap), each: Self.margin * (first.tokens + second.tokens) / 2)
      budget.tokens = max(1, cap - Int(kept.rounded(.up)))
    }
    if let cap = budget.money {
      let kept = reserve(of: cap, each: Self.margin * (first.money + second.money) / 2)
      budget.money = max(.leastNonzeroMagnitude, cap - kept)
    }
    return budget
  }

  /// Rollouts kept for the sealed test, or the requests of so many.
  func testReserve(of cap: Int, each: Int = 1) -> Int { Int(reserve(of: Double(cap), each: Double(each))) }

  /// A tenth more of tokens and money than the mean says: replies differ, and a call begins only where its longest reply
  /// has room.
  private static let margin = 1.1

  /// Nothing is kept where neither half of the cap is enough nor the rest has room for two whole trials.
  private func reserve(of cap: Double, each: Double) -> Double {
    let (search, test) = (Double(2 * data.validation.count), Double(2 * data.test.count))
    let needed = test * Double(settings.repeats) * each
    return needed <= max(cap / 2, cap - search * Double(settings.repeats) * each) ? needed : 0
  }
}
