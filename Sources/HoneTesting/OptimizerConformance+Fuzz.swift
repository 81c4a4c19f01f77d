import HoneNumerics
import HoneOptimize
import HoneTrace

extension OptimizerConformance {
  /// Drives optimizers through random spaces, each one through one of them, every tenth through two: small studies with
  /// batches, trials that settle out of order, fail or stay pending, and scores of all sizes. At the end of each study the
  /// state is rebuilt from the stored events and asked again.
  ///
  /// - Parameters:
  ///   - indices: which spaces of the generator.
  ///   - optimizers: taken in turn; those of one study are made twice, and the second must do what the first did.
  /// - Returns: all that is broken, with the number of the space; empty when the optimizers conform.
  public func fuzz(
    _ generator: SpaceGenerator, _ indices: Range<Int>, _ optimizers: [@Sendable () -> any Optimizer]
  ) async -> [String] {
    var found: [String] = []
    for index in indices where !optimizers.isEmpty {
      let space = generator.space(index)
      if let error = spaceError(space) { found.append("space \(index) of seed \(generator.seed): \(error)") }
      let direction: Objective.Direction = index % 2 == 0 ? .maximize : .minimize
      let problem = Problem(
        space: space, objective: Objective(direction: direction), seed: seed &+ UInt64(truncatingIfNeeded: index))
      let second = index % 10 == 0 && optimizers.count > 1 ? [optimizers[(index / 10 + 1) % optimizers.count]] : []
      for make in [optimizers[index % optimizers.count]] + second {
        let optimizer = make()
        let broken = await fuzz(optimizer, problem, index)
        found += broken.map { "space \(index) of seed \(generator.seed), \(optimizer.name): \($0)" }
      }
    }
    return found
  }

  private func spaceError(_ space: Space) -> SpaceError? {
    do {
      try space.check()
      return nil
    } catch {
      return error
    }
  }

  private func fuzz(_ optimizer: some Optimizer, _ problem: Problem, _ index: Int) async -> [String] {
    var rehearsal = OptimizerRehearsal(self, optimizer, problem)
    rehearsal.score = Self.scores[index % Self.scores.count]
    await rehearsal.runFuzzed(index)
    return rehearsal.violations
  }

  /// Landscapes: any, constant, tiny, huge, of both signs, with one outlier, of few values.
  private static let scores: [@Sendable (String, Int) -> Double] = [
    { key, _ in hash(key) }, { key, _ in 100 * hash(key) }, { _, _ in 0.5 }, { key, _ in hash(key) * 1e-300 },
    { key, _ in hash(key) * 1e300 }, { key, _ in (hash(key) - 0.5) * 1e308 },
    { key, trial in trial == 3 ? -1e200 : hash(key) }, { key, _ in (3 * hash(key)).rounded() },
  ]

  private static func hash(_ key: String) -> Double {
    var random = RandomStream(seed: 11, name: key)
    return random.uniform()
  }
}

extension OptimizerRehearsal {
  /// One study of about as many trials as a model needs to begin, and some more.
  mutating func runFuzzed(_ index: Int) async {
    var random = RandomStream(seed: suite.seed, name: "fuzz/\(index)")
    begin(Proposal(problem.space.initial, origin: "initial"), trial: 0)
    complete(0)
    // Text stands still: what a numerical search can reach.
    let size = problem.space.cardinality(base: problem.space.initial)
    var pending: [Int] = []
    var last: (count: Int, round: Int, answer: Answer)?
    for round in 1...suite.rounds {
      let count = 1 + Int(random.next() % 4)
      guard let answer = await ask(count, round, state) else { return }
      check(answer, count)
      last = (count, round, answer)
      if answer.proposals.isEmpty { break }
      // The last answer is not begun: a resumed study must give it again.
      if round == suite.rounds { break }
      for proposal in answer.proposals {
        pending.append(known.count)
        begin(proposal, trial: known.count)
      }
      pending.shuffle(using: &random)
      while let trial = pending.last, random.uniform() < 0.85 {
        pending.removeLast()
        if random.uniform() < 0.1 { tell(.failed(trial: trial, reason: "made to fail")) } else { complete(trial) }
        // More examples were rolled out, or the news came twice.
        if random.uniform() < 0.1 { complete(trial) }
      }
    }
    if let last { await checkResume(last.count, last.round, last.answer) }
    if let size, known.count > size { violations.append("\(known.count) trials in a space of \(size) points") }
    if let size, let last, last.answer.proposals.isEmpty, known.count < size, !movesText {
      violations.append("it ends after \(known.count) of \(size) points")
    }
    if size == nil, !movesText, last?.answer.proposals.isEmpty == true, isSomethingLeft(&random) {
      violations.append("it ends in a space without end")
    }
  }

  /// A space may count as endless whose continuum is active under forbidden values alone.
  private func isSomethingLeft(_ random: inout RandomStream) -> Bool {
    let space = problem.space
    guard !space.encodable.isEmpty else { return false }
    for _ in 0..<256 {
      let point = space.encodable.map { _ in random.uniform() }
      let base = incumbent?.assignment ?? space.initial
      if let found = try? space.decode(point, base: base), !known.contains(found.key) { return true }
    }
    return false
  }

  /// A proposer may count differently: it also ends where its model has no more ideas, or where there is no text.
  private var movesText: Bool { model != nil && (optimizer.needsRollouts || optimizer is EvoPrompt) }
}
