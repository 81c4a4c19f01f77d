import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// The most a study may need, told before anything is spent.
public struct CostEstimate: Hashable, Codable, Sendable {
  /// Nil: no cap on trials is given and the space has no end.
  public var trials: Int?
  /// Validation rollouts of one trial that is not dropped early.
  public var rolloutsPerTrial: Int
  /// Rollouts on training examples that one ask of a proposer may need; 0 when the optimizer needs none.
  public var trainRolloutsPerAsk: Int
  /// Rollouts on the sealed test: the start and the winner.
  public var testRollouts: Int
  /// Rollouts of the whole study; nil when there is no end to them.
  public var rollouts: Int?
  /// Model requests of one rollout: one a prompt, and one a search that needs the query's embedding.
  public var requestsPerRollout: Int
  /// Model requests of the workflow and the proposer together; nil when there is no end to them. A command's own requests
  /// are not known here.
  public var requests: Int?
  /// Tokens of one rollout at the start and at the upper end of every number, reply included; nil for commands.
  public var tokensPerRollout: ClosedRange<Int>?
  /// Tokens of the whole study at most, the proposer's included; nil when not known.
  public var tokens: Int?
}

extension TaskFile {
  /// Counts what a run may need from the sizes of the data, the space and the budget. No request is made.
  ///
  /// It is an upper bound: trials dropped early, rollouts answered from the store and an early end need less. The budget's
  /// own caps bound it too. Tokens are estimated from the texts' length.
  public func estimate(_ data: DataSplits) -> CostEstimate {
    let optimizer = try? OptimizerCatalog.make(
      name: optimizer.name, settings: .object(optimizer.settings), space: space)
    let trials = [budget.trials, space.cardinality].compactMap(\.self).min()
    let perTrial = data.validation.count * score.repeats
    let isAsked = self.optimizer.scheduler?.isBandit != true
    let needsRollouts = isAsked && optimizer?.needsRollouts ?? false
    let perAsk = needsRollouts ? min(minibatch, data.train.count) * score.repeats : 0
    let test = 2 * data.test.count * score.repeats
    let rollouts = Self.bounded(trials.flatMap { Self.total($0, perTrial + perAsk, and: test) }, by: budget.rollouts)
    let perRolloutRequests = workflow.prompts + workflow.retrievals.count { $0.mayEmbed(space) }
    // A proposer asks once for a text and once more when the reply is refused.
    let asks = needsRollouts ? 2 : 0
    let unbounded = rollouts.flatMap { rollouts in
      Self.total(rollouts, perRolloutRequests, and: 0).flatMap { Self.total(trials ?? rollouts, asks, and: $0) }
    }
    let perRollout = tokensPerRollout(data)
    let tokens = rollouts.flatMap { rollouts in
      Self.total(trials ?? rollouts, asks * Self.tokensPerProposal, and: 0).flatMap { proposals in
        perRollout.flatMap { Self.total(rollouts, $0.upperBound, and: proposals) }
      }
    }
    return CostEstimate(
      trials: trials, rolloutsPerTrial: perTrial, trainRolloutsPerAsk: perAsk, testRollouts: test, rollouts: rollouts,
      requestsPerRollout: perRolloutRequests, requests: Self.bounded(unbounded, by: budget.requests),
      tokensPerRollout: perRollout,
      tokens: Self.bounded(tokens, by: budget.tokens))
  }

  /// Of a proposer's request and reply, roughly.
  static let tokensPerProposal = 4000

  /// Training rollouts shown to a proposer.
  var minibatch: Int { optimizer.minibatch ?? 16 }

  /// `count * each + rest`; nil when no number can say it, which is no end.
  private static func total(_ count: Int, _ each: Int, and rest: Int) -> Int? {
    let (product, isTooMuch) = count.multipliedReportingOverflow(by: each)
    let (sum, isMore) = product.addingReportingOverflow(rest)
    return isTooMuch || isMore ? nil : sum
  }

  private static func bounded(_ count: Int?, by cap: Int?) -> Int? { [count, cap].compactMap(\.self).min() }

  /// Tokens of the prompts of one rollout at the start, without replies; nil for commands.
  func promptTokens(_ data: DataSplits) -> Int? {
    guard workflow.asksModel, !data.validation.isEmpty else { return nil }
    let steps = PreparedStep.all(of: self, train: data.train, embedder: nil, redact: { $0 })
    let rows = data.validation.prefix(16)
    return rows.reduce(0) { $0 + rolloutTokens($1, steps, space.initial, isPromptAlone: true) } / rows.count
  }

  private func tokensPerRollout(_ data: DataSplits) -> ClosedRange<Int>? {
    guard workflow.asksModel, !data.validation.isEmpty else { return nil }
    let steps = PreparedStep.all(of: self, train: data.train, embedder: nil, redact: { $0 })
    var largest = space.initial
    for parameter in space.parameters where parameter.domain.isEncodable && largest[parameter.name] != nil {
      largest.values[parameter.name] = parameter.domain.decode(1)
    }
    // A few rows stand for all.
    let rows = data.validation.prefix(16)
    func tokens(_ assignment: Assignment) -> Int {
      rows.reduce(0) { $0 + rolloutTokens($1, steps, assignment) } / rows.count
    }
    let (start, end) = (tokens(space.initial), tokens(largest))
    return min(start, end)...max(start, end)
  }

  /// Tokens of one rollout's prompts and replies, each reply and each passage as long as it may be. What commands print is
  /// not known and counts nothing.
  private func rolloutTokens(
    _ row: Example, _ steps: [PreparedStep], _ assignment: Assignment, isPromptAlone: Bool = false
  ) -> Int {
    var rollout = RolloutState(row: row, fields: row, assignment: assignment, repeat: 0)
    var sum = 0
    for step in steps {
      var output = ""
      switch step.work {
      case .prompt(let run):
        let request = run.request(rollout.fields, assignment)
        sum += (isPromptAlone ? 0 : request.maxTokens) + request.messages.reduce(0) { $0 + Tokens.estimate($1.content) }
        if step.isInGraph {
          output = String(repeating: "x", count: Int(Double(min(request.maxTokens, 1 << 16)) * Tokens.bytesPerToken))
        }
      case .retrieve(let retriever):
        let filling = Filling(space: space)
        output = retriever.longest(
          filling.value(retriever.spec.topK, assignment).int ?? 5,
          words: retriever.spec.words.flatMap { filling.value($0, assignment).int })
      case .command: break
      }
      rollout.note(output, of: step, node: nil)
    }
    return sum
  }
}
