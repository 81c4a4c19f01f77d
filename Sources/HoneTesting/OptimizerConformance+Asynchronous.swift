import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

extension OptimizerConformance {
  /// Drives the optimizer as workers that do not wait for each other do: up to four trials pending, completed in any order,
  /// asked for more in between. The recorded events are then replayed into a new optimizer, as a killed study is resumed:
  /// at each place where the first one was asked, the second must propose the same, byte for byte.
  ///
  /// - Returns: all that is broken, one sentence each.
  public func asynchronousViolations(_ make: @Sendable () -> any Optimizer) async -> [String] {
    var found: [String] = []
    for (name, space) in Self.spaces where !space.encodable.isEmpty {
      let problem = Problem(space: space, objective: Objective(outcomes: outcomes), seed: seed)
      found += await replay(make(), again: make(), problem).map { "\(name): \($0)" }
    }
    return found
  }

  private func replay(_ optimizer: some Optimizer, again: some Optimizer, _ problem: Problem) async -> [String] {
    var live = OptimizerRehearsal(self, optimizer, problem)
    let asked = await live.runAsynchronously()
    var second = OptimizerRehearsal(self, again, problem)
    var violations = live.violations
    do {
      let events = try JSONDecoder().decode([Event].self, from: JSONEncoder().encode(live.events))
      for ask in asked {
        for event in events[second.events.count..<ask.events] { second.tell(event) }
        second.known = ask.known
        second.incumbent = ask.incumbent
        let answer = await second.ask(ask.count, ask.round, second.state)
        if try Self.bytes(answer?.proposals ?? []) != Self.bytes(ask.proposals) {
          violations.append("ask \(ask.round), after \(ask.events) events: the replay proposes otherwise")
        }
      }
    } catch {
      violations.append("an event cannot be stored: \(error)")
    }
    return violations + second.violations
  }

  private static func bytes(_ proposals: [Proposal]) throws -> String {
    try Value.parse(json: Array(JSONEncoder().encode(proposals))).canonicalJSON
  }
}

/// One ask of an asynchronous study, with what was known then.
struct RecordedAsk {
  var count: Int
  var round: Int
  /// How many events had been told.
  var events: Int
  var known: Set<String>
  var incumbent: AskContext.Incumbent?
  var proposals: [Proposal]
}

extension OptimizerRehearsal {
  /// Workers ask when they are free; which of the pending trials ends next is drawn.
  mutating func runAsynchronously() async -> [RecordedAsk] {
    var random = RandomStream(seed: suite.seed, name: "workers")
    var pending: [Int] = []
    var asks: [RecordedAsk] = []
    begin(Proposal(problem.space.initial, origin: "initial"), trial: 0)
    complete(0)
    while asks.count < suite.rounds {
      if pending.count < 4, pending.isEmpty || random.uniform() < 0.6 {
        let count = 1 + Int(random.next() % 2)
        guard let answer = await ask(count, asks.count, state) else { break }
        check(answer, count)
        asks.append(
          RecordedAsk(
            count: count, round: asks.count, events: events.count, known: known, incumbent: incumbent,
            proposals: answer.proposals))
        if answer.proposals.isEmpty && pending.isEmpty { break }
        for proposal in answer.proposals {
          pending.append(known.count)
          begin(proposal, trial: known.count)
        }
      } else {
        let trial = pending.remove(at: Int(random.next() % UInt64(pending.count)))
        if random.uniform() < 0.15 { tell(.failed(trial: trial, reason: "made to fail")) } else { complete(trial) }
      }
    }
    return asks
  }
}
