import Foundation
import Hone
import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace
import Testing

@testable import HoneTasks

/// What a budget must hold at least, and what it buys: 64 validation rows, 159 test rows, 16 training rows and one request an
/// ask in `ticket-triage`.
struct DecidabilityTests {
  private func load(_ name: String = "ticket-triage") throws -> TaskFile {
    try TaskFile.load(path: packageRoot.appending(path: "tasks/\(name).yaml").path)
  }

  private func triage(_ budget: Budget) throws -> Decidability {
    var task = try load()
    task.budget = budget
    return task.decidability(try task.loadData())
  }

  @Test func theStartOneMoreTrialAndTheTest() throws {
    let plain = try triage(Budget())
    let rollouts = 64 + (16 + 64) + 2 * 159
    #expect(plain.least.rollouts == rollouts && plain.least.requests == rollouts + 1)
    #expect(plain.bought == nil && plain.refusals == [])
    #expect(try triage(Budget(rollouts: rollouts)).refusals == [])
    #expect(try triage(Budget(rollouts: rollouts - 1)).refusals == [.init(.rollouts, 461, needed: 462)])
    #expect(try triage(Budget(requests: 462)).refusals == [.init(.requests, 462, needed: 463)])
    #expect(try triage(Budget(trials: 1)).refusals == [.init(.trials, 1, needed: 2)])
    #expect(try triage(Budget(trials: 2)).refusals == [])
    for refusal in try triage(Budget(requests: 10, tokens: 10)).refusals {
      #expect(refusal.description.contains("10 \(refusal.subject)") && refusal.description.contains("about"))
    }
  }

  /// Partial schedulers measure fewer rows of more trials, for as much.
  @Test func schedulersAreGivenAsMuch() throws {
    var task = try load()
    let data = try task.loadData()
    task.optimizer.scheduler = .init(name: "asha", settings: [:])
    #expect(task.decidability(data).least.rollouts == 462)
    // A bandit picks the settings itself, and shows a proposer nothing.
    task.optimizer.scheduler = .init(name: "ucb1", settings: [:])
    let bandit = task.decidability(data).least
    #expect(bandit.rollouts == 64 + 64 + 318 && bandit.requests == bandit.rollouts)
  }

  /// A scheme of small tasks: rows of each split, proposers with and without requests, with and without prices.
  private func variants() throws -> [(TaskFile, DataSplits)] {
    var variants: [(TaskFile, DataSplits)] = []
    for (name, optimizer) in [
      ("ticket-triage", "joint"), ("ticket-triage", "sobol"), ("ticket-triage", "textgrad"), ("ticket-triage", "mipro"),
      ("xquad-steps", "portfolio"), ("svm-llambo", "llambo"), ("svm-llambo", "gp"),
    ] {
      var task = try load(name)
      task.optimizer.name = optimizer
      task.optimizer.settings = [:]
      task.budget = Budget()
      task.model?.price = Price(input: 0.15, output: 0.6)
      var data = try task.loadData()
      for tests in [159, 20, 0] {
        data.test = Array(data.test.prefix(tests))
        variants.append((task, data))
        task.optimizer.scheduler = .init(name: "asha", settings: [:])
        variants.append((task, data))
        task.optimizer.scheduler = nil
      }
    }
    return variants
  }

  /// One estimate: a study is refused for its budget exactly when that buys fewer than two trials; what a refusal says is
  /// enough passes, and less does not.
  @Test func whatIsRefusedBuysLessThanTwoTrials() throws {
    var stream = RandomStream(seed: 5, name: "gate")
    for (variant, data) in try variants() {
      var task = variant
      let estimate = task.estimate(data)
      func decide(_ budget: Budget) -> (isRefused: Bool, bought: Int?, Decidability) {
        task.budget = budget
        let found = task.decidability(data, estimate)
        return (found.refusals.contains { !$0.isOfData }, found.bought?.trials, found)
      }
      let least = decide(Budget()).2.least
      let money = try #require(least.money)
      let kinds: [(WritableKeyPath<Budget, Int?>, Int, Decidability.Refusal.Subject)] = [
        (\.trials, 2, .trials), (\.rollouts, least.rollouts, .rollouts), (\.requests, least.requests, .requests),
        (\.tokens, least.tokens, .tokens),
      ]
      for (cap, needed, subject) in kinds where needed > 0 {
        let drawn = (0..<20).map { _ in Int.random(in: 1...(4 * needed), using: &stream) }
        for value in drawn + [1, needed - 1, needed, needed + 1, .max] where value > 0 {
          var budget = Budget()
          budget[keyPath: cap] = value
          let (isRefused, bought, found) = decide(budget)
          #expect(isRefused == ((bought ?? .max) < 2), "\(subject) \(value) buys \(bought ?? .max)")
          #expect(isRefused == (value < needed), "\(subject) \(value) of \(needed)")
          #expect(found.refusals.allSatisfy { $0.isOfData || $0.subject == subject && $0.needed == Double(needed) })
          if let bought = found.bought { #expect(bought.cost.fits(budget)) }
          if let cost = estimate.cost(trials: (bought ?? .max - 1) + 1), let bought, value != .max,
            subject != .trials
          {
            #expect(bought == 0 || !cost.fits(budget), "\(subject) \(value) buys more than \(bought)")
          }
        }
      }
      for share in [0.01, 0.5, 0.999, 1, 1.5, 10] where money > 0 {
        let (isRefused, bought, found) = decide(Budget(money: money * share))
        #expect(isRefused == (share < 1) && isRefused == ((bought ?? .max) < 2), "\(share) of \(money)")
        guard let refusal = found.refusals.first(where: { $0.subject == .money }) else { continue }
        // Enough is given in four digits.
        #expect(refusal.needed >= money && refusal.needed <= money * 1.001, "\(refusal.needed) for \(money)")
        #expect(!decide(Budget(money: refusal.needed)).isRefused)
      }
    }
  }

  @Test func moneyIsNotKnownWithoutAPrice() throws {
    let found = try triage(Budget(money: 1e-9))
    #expect(found.least.money == nil && found.refusals.map(\.subject) == [.money])
    #expect(found.refusals.first?.description == "a budget of 1e-09 of money cannot be counted: a model has no price")
    var task = try load()
    task.model?.price = Price(input: 1, output: 2)
    let data = try task.loadData()
    let estimate = task.estimate(data)
    let least = try #require(task.decidability(data).least.money)
    // Between all tokens at the lower and all at the higher price.
    let tokens = Double(try #require(estimate.cost(trials: 2)).tokens) / 1e6
    #expect(least > tokens * 0.99 && least < tokens * 2)
    // A proposer of its own has its own price, or none.
    task.optimizer.model = task.model
    task.optimizer.model?.price = nil
    #expect(task.decidability(data).least.money == nil)
    task.optimizer.name = "sobol"
    task.optimizer.settings = [:]
    #expect(task.decidability(data).least.money != nil)
  }

  @Test func whatABudgetBuys() throws {
    let nine = try #require(try triage(Budget(trials: 9, requests: 4000)).bought)
    let rollouts = 64 + 8 * 80 + 318
    #expect(nine.trials == 9 && nine.cost.rollouts == rollouts && nine.cost.requests == rollouts + 8)
    #expect(nine.cost.tokens > rollouts * 50)
    // Each trial is 80 rollouts and one ask: 382 + 3 x 81 requests make four.
    #expect(try triage(Budget(trials: 9, requests: 625)).bought?.trials == 4)
    #expect(try triage(Budget(trials: 9, requests: 624)).bought?.trials == 3)
    #expect(try triage(Budget(rollouts: 100)).bought == .init(trials: 0, cost: .init()))
    #expect(try triage(Budget(trials: .max)).bought == nil)
  }

  /// Proposers that ask more than once are counted so.
  @Test(arguments: [("llambo", 2), ("gp", 0)]) func requestsOfProposersCount(_ name: String, _ each: Int) throws {
    var task = try load("svm-llambo")
    task.optimizer.name = name
    if name != "llambo" { task.optimizer.settings = [:] }
    task.budget = Budget(trials: 12)
    let bought = try #require(task.decidability(try task.loadData()).bought)
    #expect(bought.cost.rollouts == 12 && bought.cost.requests == 11 * each)
  }

  @Test func rowsThatCanShowNothing() throws {
    let task = try load()
    var data = try task.loadData()
    let test = data.test
    data.test = Array(test.prefix(5))
    #expect(task.decidability(data).refusals == [.init(.test, 5, needed: 6)])
    data.test = Array(test.prefix(6))
    #expect(task.decidability(data).refusals == [])
    // Without a sealed test the validation rows are all there is.
    (data.test, data.validation) = ([], Array(data.validation.prefix(5)))
    #expect(task.decidability(data).refusals == [.init(.validation, 5, needed: 6)])
    // A command that needs no data is a number, not a sample.
    var numeric = task
    numeric.data = nil
    data.validation = Array(data.validation.prefix(1))
    #expect(numeric.decidability(data).refusals == [])
  }
}
