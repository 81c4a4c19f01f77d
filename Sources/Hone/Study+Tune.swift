import HoneModel
import HoneNumerics
import HoneOptimize
import HoneTrace
import Logging

/// Which share of the examples is for what. What is left after training and validation is the sealed test.
public struct SplitShares: Hashable, Sendable {
  public var train: Double
  public var validation: Double

  /// - Parameters: shares from 0 to 1 whose sum is at most 1.
  public init(train: Double = 0.25, validation: Double = 0.45) {
    self.train = train
    self.validation = validation
  }
}

extension Study {
  /// Tunes a Swift workflow; called again, it goes on where it stopped.
  ///
  /// - Parameters:
  ///   - examples: at least two; equal ones count once. They are shuffled by the seed and split by `shares`.
  ///   - version: names the code of workflow and score together: studies in one store with the same type of workflow and
  ///     the same version share rollouts that call no model, so change it when either changes. Nil: nothing tells two
  ///     score functions apart, so nothing is shared beyond this study.
  ///   - optimizer: such as `TPE()`, or one of your own; nil is `Auto`, which chooses by the space and the number of
  ///     trials. It is kept with its settings (`Configured`): a study goes on with no other one.
  ///   - scheduler: decides which rollouts to pay for, such as `ASHA()` or `BanditScheduler(UCB1())`; kept likewise. Nil:
  ///     every trial is measured whole, screened as `settings` says.
  ///   - proposer: the model that rewrites texts; without one only numbers and choices are searched.
  ///   - cassette: answers and records requests as `mode` says.
  ///   - score: how good an output is; throw when that cannot be told.
  /// - Throws: `StudyError`, `SpaceError` for parameters that cannot be, `OptimizerError`.
  public func tune<W: Workflow, Expected: Codable & Sendable>(
    _ workflow: W, on examples: [Labeled<W.Input, Expected>], within limits: [Limit],
    objective: Objective = Objective(), shares: SplitShares = SplitShares(), seed: UInt64 = 0, version: String? = nil,
    optimizer: (any Optimizer)? = nil, scheduler: (any Scheduler)? = nil, proposer: (any ChatModel)? = nil,
    settings: StudySettings = StudySettings(),
    cassette: (any CallArchive)? = nil, mode: CassetteMode = .off, logger: Logger? = Logger(label: "hone.study"),
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    score: @escaping @Sendable (W.Output, Expected) async throws -> Score
  ) async throws -> Tuned<W> {
    let rows = try LabeledRows(examples)
    let runner = try WorkflowRunner(
      workflow, identity: version.map { .version($0) } ?? .study(name), examples: rows.labeled, score: score)
    let problem = Problem(space: runner.space, objective: objective, seed: seed)
    // Numbers alone need neither a model nor rollouts to show it.
    let isNumeric = proposer == nil || runner.space.parameters.allSatisfy(\.domain.isEncodable)
    var settings = settings
    settings.budget = Budget(limits)
    let report = try await run(
      runner, problem: problem, data: rows.split(shares, seed: seed),
      optimizer: optimizer ?? Auto(Auto.Settings(needsRollouts: !isNumeric)),
      optimizerSettings: optimizer == nil ? Value(use: OptimizerCatalog.defaultName, settings: .null) : Value?.none,
      settings: settings, scheduler: scheduler, proposer: proposer, cassette: cassette, mode: mode, logger: logger,
      progress: progress)
    return Tuned(workflow, assignment: report.assignment, report: report)
  }
}

/// Labeled examples as rows: ids are hashes of the content.
private struct LabeledRows<Input: Codable & Sendable, Expected: Codable & Sendable> {
  var rows: [Example] = []
  var labeled: [String: Labeled<Input, Expected>] = [:]

  init(_ examples: [Labeled<Input, Expected>]) throws {
    for example in examples {
      let fields = try Value(encoding: example)
      let id = String(Hashing.hex(fields.canonicalJSON).prefix(16))
      guard labeled.updateValue(example, forKey: id) == nil else { continue }
      rows.append(Example(id: id, fields: fields))
    }
  }

  func split(_ shares: SplitShares, seed: UInt64) -> DataSplits {
    var stream = RandomStream(seed: seed, name: "study/split")
    let shuffled = rows.shuffled(using: &stream)
    func count(_ share: Double) -> Int { Int((Double(rows.count) * min(1, max(0, share))).rounded()) }
    let train = min(count(shares.train), rows.count)
    let validation = min(max(1, count(shares.validation)), rows.count - train)
    return DataSplits(
      train: Array(shuffled[..<train]), validation: Array(shuffled[train..<train + validation]),
      test: Array(shuffled[(train + validation)...]))
  }
}
