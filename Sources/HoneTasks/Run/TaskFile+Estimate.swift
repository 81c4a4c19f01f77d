import Hone
import HoneModel
import HoneOptimize
import HoneTrace

extension TaskFile {
  /// Counts what a run may need from the sizes of the data, the space and the budget. No request is made.
  public func estimate(_ data: DataSplits) -> CostEstimate {
    let made = try? OptimizerCatalog.make(
      name: optimizer.name, settings: .object(optimizer.settings), space: space)
    // Without a proposer nobody is asked, and nobody looks at training rollouts.
    let isAsked = optimizer.scheduler?.isBandit != true && hasProposer
    let asked = isAsked ? made : nil
    let perAsk = asked?.needsRollouts ?? false ? min(minibatch, data.train.count) * score.repeats : 0
    let requestsPerAsk = asked?.requestsPerAsk(space) ?? 0...0
    let sizes = rolloutSizes(data)
    let proposal = CostEstimate.tokensPerProposal
    return CostEstimate(
      trials: [budget.trials, space.cardinality].compactMap(\.self).min(),
      rolloutsPerTrial: data.validation.count * score.repeats, trainRolloutsPerAsk: perAsk,
      testRollouts: 2 * data.test.count * score.repeats,
      requestsPerRollout: requestsPerRollout, requestsPerAsk: requestsPerAsk,
      tokensPerRollout: min(sizes.start.all, sizes.middle.all)...max(sizes.start.all, sizes.middle.all),
      moneyPerRollout: money(sizes),
      moneyPerProposal: requestsPerAsk.upperBound == 0
        ? 0 : (optimizer.model ?? model)?.price?.cost(promptTokens: proposal.prompt, completionTokens: proposal.reply))
  }

  /// Model requests of one rollout.
  var requestsPerRollout: Int { workflow.prompts + workflow.retrievals.count { $0.mayEmbed(space) } }

  private var hasProposer: Bool { optimizer.model != nil || model != nil || workflow.asksModel }

  /// Training rollouts shown to a proposer.
  var minibatch: Int { optimizer.minibatch ?? 16 }

  /// Tokens of a rollout's prompts and of its replies, each as long as it may be.
  private struct Size {
    var prompt = 0
    var reply = 0
    var all: Int { prompt + reply }

    static func + (a: Size, b: Size) -> Size { Size(prompt: a.prompt + b.prompt, reply: a.reply + b.reply) }
    static func / (a: Size, count: Int) -> Size { Size(prompt: a.prompt / count, reply: a.reply / count) }
  }

  /// Of a rollout half way between the start and the middle; nil when a model that is asked has no price. Embeddings are
  /// not counted.
  private func money(_ sizes: (start: Size, middle: Size)) -> Double? {
    if embeds, embedding?.price == nil { return nil }
    guard workflow.asksModel else { return 0 }
    let size = (sizes.start + sizes.middle) / 2
    return model?.price?.cost(promptTokens: size.prompt, completionTokens: size.reply)
  }

  /// At the start, and with every number in the middle of its range.
  private func rolloutSizes(_ data: DataSplits) -> (start: Size, middle: Size) {
    guard workflow.asksModel, !data.validation.isEmpty else { return (Size(), Size()) }
    let steps = PreparedStep.all(of: self, train: data.train, embedder: nil, redact: { $0 })
    var middle = space.initial
    for parameter in space.parameters where parameter.domain.isEncodable && middle[parameter.name] != nil {
      middle.values[parameter.name] = parameter.domain.decode(0.5)
    }
    // A few rows stand for all.
    let rows = data.validation.prefix(16)
    func size(_ assignment: Assignment) -> Size {
      rows.reduce(Size()) { $0 + rolloutSize($1, steps, assignment) } / rows.count
    }
    return (size(space.initial), size(middle))
  }

  /// Each passage is as long as it may be too. What commands print is not known and counts nothing.
  private func rolloutSize(_ row: Example, _ steps: [PreparedStep], _ assignment: Assignment) -> Size {
    var rollout = RolloutState(row: row, fields: row, assignment: assignment, repeat: 0)
    var size = Size()
    for step in steps {
      var output = ""
      switch step.work {
      case .prompt(let run):
        let request = run.request(rollout.fields, assignment)
        size.prompt += request.messages.reduce(0) { $0 + Tokens.estimate($1.content) }
        size.reply += request.maxTokens
        if step.isInGraph {
          output = String(repeating: "x", count: Int(Double(min(request.maxTokens, 1 << 16)) * Tokens.bytesPerToken))
        }
      case .retrieve(let retriever):
        let filling = Filling(space: space)
        output = retriever.longest(
          filling.value(retriever.spec.topK, assignment).int ?? 5,
          words: retriever.spec.words.flatMap { filling.value($0, assignment).int })
      case .command, .fit: break
      }
      rollout.note(output, of: step, node: nil)
    }
    return size
  }
}
