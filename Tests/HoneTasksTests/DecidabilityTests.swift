import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneTasks

/// What a budget must hold at least: 64 validation rows, 159 test rows, 16 training rows an ask in `ticket-triage`.
struct DecidabilityTests {
  private func triage(_ budget: Budget) throws -> Decidability {
    var task = try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
    task.budget = budget
    return task.decidability(try task.loadData())
  }

  /// Half of a cap is kept for the sealed test only when it is enough: here that counts more than V + 3 (b + V) + 2 T.
  @Test func rolloutsOfTheStartThreeTrialsAndTheTest() throws {
    #expect(try triage(Budget()).rollouts == 636)
    #expect(try triage(Budget(rollouts: 636)).refusals == [])
    #expect(try triage(Budget(rollouts: 635)).refusals == [.rollouts(635, needed: 636)])
    #expect(try triage(Budget(trials: 1)).refusals == [.trials(1)])
    #expect(try triage(Budget(trials: 2)).refusals == [])
    var task = try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
    var data = try task.loadData()
    data.test.removeLast(data.test.count - 20)
    func least(_ trials: Int?) -> Int {
      task.budget = Budget(trials: trials)
      return task.decidability(data).rollouts
    }
    let (whole, two) = (64 + 3 * (16 + 64) + 40, 64 + (16 + 64) + 40)
    #expect(least(nil) == whole)
    #expect(least(4) == whole)
    #expect(least(2) == two)
    task.optimizer.scheduler = .init(name: "asha", settings: [:])
    #expect(least(nil) == 64 + 40)
  }

  @Test func requestsAndTokensAreEstimated() throws {
    let plain = try triage(Budget())
    #expect(plain.requests == 636 + 3)
    #expect(plain.tokens > 636 * 10 && plain.tokens < 636 * 100, "\(plain.tokens)")
    #expect(try triage(Budget(requests: 638)).refusals == [.requests(638, needed: 639)])
    #expect(try triage(Budget(tokens: 500)).refusals == [.tokens(500, needed: plain.tokens)])
    for refusal in try triage(Budget(requests: 10, tokens: 10)).refusals {
      #expect(refusal.description.contains("10 \(refusal.subject)") && refusal.description.contains("about"))
    }
  }

  @Test func whatABudgetBuys() throws {
    #expect(try triage(Budget()).bought == nil)
    let nine = try #require(try triage(Budget(trials: 9, requests: 4000)).bought)
    let rollouts = 64 + 8 * 80 + 318
    #expect(nine.trials == 9)
    #expect(nine.rollouts == rollouts)
    #expect(nine.requests == rollouts + 8)
    let tokens = try #require(nine.tokens)
    #expect(tokens > rollouts * 100)
    // Each trial is 80 rollouts and one ask: 382 + 3 x 81 requests make four.
    #expect(try triage(Budget(trials: 9, requests: 625)).bought?.trials == 4)
    #expect(try triage(Budget(trials: 9, requests: 624)).bought?.trials == 3)
    #expect(try triage(Budget(rollouts: 100)).bought == .init(trials: 0, rollouts: 0, requests: 0, tokens: 0))
    #expect(try triage(Budget(trials: .max)).bought == nil)
  }

  @Test func rowsThatCanShowNothing() throws {
    let task = try TaskFile.load(path: packageRoot.appending(path: "tasks/ticket-triage.yaml").path)
    var data = try task.loadData()
    let test = data.test
    data.test = Array(test.prefix(5))
    #expect(task.decidability(data).refusals == [.rows(.test, 5, needed: 6)])
    data.test = Array(test.prefix(6))
    #expect(task.decidability(data).refusals == [])
    // Without a sealed test the validation rows are all there is.
    (data.test, data.validation) = ([], Array(data.validation.prefix(5)))
    #expect(task.decidability(data).refusals == [.rows(.validation, 5, needed: 6)])
    // A command that needs no data is a number, not a sample.
    var numeric = task
    numeric.data = nil
    data.validation = Array(data.validation.prefix(1))
    #expect(numeric.decidability(data).refusals == [])
  }
}
