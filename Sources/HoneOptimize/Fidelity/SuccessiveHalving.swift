import Foundation

/// Successive halving over examples: all trials get a few, the best part of them more, until one is left.
///
/// Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization" (AISTATS 2016),
/// figure 3, with the number of examples as the resource. All trials of a rung see the same examples in one order, so that
/// they are compared in pairs. The paper shares the budget B equally among the rungs; here rung k has a share in
/// proportion to `decay`^k, as first rungs of one or two paired examples tell little (1 is the paper's rule).
public struct SuccessiveHalving: Scheduler {
  /// Trials begun, n; nil: as many as leave each `startingExamples` of the budget of rollouts, or where that is not
  /// capped as many as the budget of trials allows, or 32.
  public var trials: Int?
  /// One in so many goes on.
  public var eta: Int
  /// Of a rung's share of the budget to that of the rung before; 1: equal shares.
  public var decay: Double
  /// New trials asked for at a time.
  public var batch: Int

  /// Budget for each trial when their number is not given.
  static let startingExamples = 24

  public init(trials: Int? = nil, eta: Int = 3, decay: Double = 0.6, batch: Int = 1) {
    self.trials = trials
    self.eta = max(2, eta)
    self.decay = decay
    self.batch = batch
  }

  public var name: String { "successive-halving" }

  public func next(_ context: ScheduleContext) -> Allocation {
    if let end = context.end { return end }
    let matrix = LossMatrix(context.table, context.problem.objective)
    let budget = context.rolloutsLeft.map { matrix.measured + $0 }
    let size = size(context, budget)
    let bracket = Bracket(
      first: 0, size: size, depths: depths(size, budget, context.table.examples), eta: eta)
    return bracket.next(context, matrix, batch: batch) ?? .stop("successive halving of \(size) trials is over")
  }

  private func size(_ context: ScheduleContext, _ budget: Int?) -> Int {
    let begun = context.table.rows.count
    guard context.canPropose else { return begun }
    let cap = context.trialsLeft.map { begun + $0 }
    let fair = budget.map { max(2, $0 / Self.startingExamples) } ?? cap ?? 32
    // A trial needs at least one example.
    return max(begun, min(trials ?? fair, cap ?? .max, budget ?? .max), 1)
  }

  /// Examples of each rung. With a budget the rungs share what is left of it in proportion to `decay`^k; what a rung
  /// cannot use because there are no more examples goes to the later ones. Without a budget the last rung has all
  /// examples, each other 1 / eta of the next.
  func depths(_ size: Int, _ budget: Int?, _ examples: Int) -> [Int] {
    let sizes = Bracket.sizes(size, eta: eta).dropLast(size > 1 ? 1 : 0)
    var depths: [Int] = []
    guard let budget else {
      for rung in sizes.indices {
        let share = Double(examples) / pow(Double(eta), Double(sizes.count - 1 - rung))
        depths.append(max(1, min(examples, Int(share.rounded(.up)))))
      }
      return depths
    }
    var (left, reached) = (Double(budget), 0)
    for (rung, size) in sizes.enumerated() {
      let weights = (rung..<sizes.count).map { pow(decay, Double($0 - rung)) }
      let share = left / weights.reduce(0, +) / Double(size)
      let depth = max(1, min(examples, reached + Int(min(share, Double(examples)))))
      left = max(0, left - Double((depth - reached) * size))
      reached = depth
      depths.append(depth)
    }
    return depths
  }
}
