import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct ParetoOrderTests {
  private static func oracle(_ costs: [[Double]]) -> [Int] {
    costs.indices.filter { index in
      !costs.contains { other in
        zip(other, costs[index]).allSatisfy { $0 <= $1 } && zip(other, costs[index]).contains { $0 < $1 }
      }
    }
  }

  /// Random vectors, on a coarse grid so that there are ties and duplicates: members and fronts are those of the
  /// definition, and each front is a net of it.
  @Test func membersAndOrderAreThoseOfTheDefinition() {
    var random = RandomStream(seed: 5, name: "members")
    for _ in 0..<400 {
      let goals = Int.random(in: 1...4, using: &random)
      let levels = [2, 4, 1000].randomElement(using: &random) ?? 2
      let costs = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        (0..<goals).map { _ in Double(Int.random(in: 0..<levels, using: &random)) }
      }
      #expect(ParetoOrder.members(of: costs) == Self.oracle(costs), "\(costs)")
      var order = ParetoOrder.ranked(costs)[...]
      #expect(order.sorted() == Array(costs.indices))
      var left = Array(costs.indices)
      while !left.isEmpty {
        let front = Self.oracle(left.map { costs[$0] }).map { left[$0] }
        let shown = Array(order.prefix(front.count))
        #expect(shown.sorted() == front)
        #expect(shown.first.map { costs[$0][0] } == front.map { costs[$0][0] }.min())
        order = order.dropFirst(front.count)
        left.removeAll(where: front.contains)
      }
    }
  }

  /// Points on a line: the best score, the cheapest, then what lies in the middle.
  @Test func anyPartFromTheTopCoversTheFront() {
    let costs = (0...8).map { [Double($0), Double(8 - $0) * 1e-200] } + [[9, 8e-200], [4, 4e-200]]
    let order = ParetoOrder.ranked(costs)
    #expect(Array(order.prefix(3)) == [0, 8, 4] && Set(order[3..<5]) == [2, 6] && order.last == 9)
    // Equal vectors stand in one front, the earlier first; no scale overflows.
    #expect(order.contains(10) && ParetoOrder.ranked([[1, 1], [1, 1]]) == [0, 1])
    #expect(ParetoOrder.ranked([[-1.7e308, 1.7e308], [1.7e308, -1.7e308], [0, 0]]) == [0, 1, 2])
  }

  /// Trial 5 has the worst score and is by far the cheapest; trials 1 to 4 and 6 to 8 are dear and worse than trial 0.
  private static let errors = [0.1, 0.3, 0.35, 0.4, 0.3, 0.9, 0.35, 0.4, 0.3]
  private static let costs: [Double] = [100, 120, 130, 140, 150, 10, 160, 170, 180]

  private func counts(_ scheduler: some Scheduler, _ costs: [Double]?) -> [Int] {
    let scores = ScheduledStudy.errors(Self.errors, examples: 81, seed: 3)
    var study = ScheduledStudy(scores, costs: costs)
    study.run(scheduler)
    return study.counts
  }

  @Test func aCheapTrialOfTheFrontSurvives() {
    for scheduler in [
      SuccessiveHalving(trials: 9, eta: 3), ASHA(fewest: 9, eta: 3), Hyperband(fewest: 9, eta: 3),
      PASHA(fewest: 9, eta: 3), Race(trials: 9),
    ] as [any Scheduler] {
      func counts(_ scheduler: some Scheduler) -> (one: [Int], both: [Int]) {
        (self.counts(scheduler, nil), self.counts(scheduler, Self.costs))
      }
      let (one, both) = counts(scheduler)
      let name = scheduler.name
      // Of many examples: more than a trial of the front's lowest rung has.
      #expect(both[5] > (both[1...4] + both[6...8]).min() ?? 0, "\(name) \(both)")
      #expect(both[5] > one[5], "\(name): \(one) by the score, \(both) by both")
      #expect(both[0] > (both[1...4] + both[6...8]).min() ?? 0, "\(name) \(both)")
    }
  }

  /// A race closes what is shown to be dominated, and nothing else: ties in a goal are no evidence.
  @Test func aRaceClosesWhatIsDominated() {
    #expect(counts(Race(trials: 9), Self.costs)[5] == 81)
    #expect(counts(Race(trials: 9), Self.costs)[3] < 81)
    // As dear as the best: worse in the score alone is enough.
    let equal = counts(Race(trials: 9), Array(repeating: 7, count: 9))
    #expect(equal[5] < equal[0] && equal[0] == equal.max())
  }
}
