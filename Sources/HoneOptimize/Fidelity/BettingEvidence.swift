import Foundation

/// Evidence that the mean of bounded numbers lies above zero, which may be looked at after every one of them.
///
/// Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 86, 2024): the capital of a
/// gambler who stakes a fixed part lambda of it on each z_t in [-1, 1], K_t(lambda) = prod_(s <= t) (1 + lambda z_s), here with
/// their diversified Kelly bets (dKelly): the mean of K_t over `bets` values of lambda in (0, 1). Where no z_t is above
/// zero in expectation, given those before, it is a supermartingale, so that it ever reaches 1/alpha with a chance of at most
/// alpha (Ville's inequality). For 0/1 scores only pairs that differ count, as in McNemar's test.
struct BettingEvidence {
  /// Points of (0, 1) that stand for lambda.
  static let bets = 16

  private var logs = [Double](repeating: 0, count: BettingEvidence.bets)

  /// - Parameter z: from -1 to 1.
  mutating func add(_ z: Double) {
    guard z != 0 else { return }
    for bet in logs.indices { logs[bet] += log1p((Double(bet) + 0.5) / Double(Self.bets) * z) }
  }

  /// Logarithm of the capital that one unit has become.
  var log: Double {
    let top = logs.max() ?? 0
    return top + Foundation.log(logs.reduce(0) { $0 + exp($1 - top) } / Double(Self.bets))
  }
}
