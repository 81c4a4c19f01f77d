import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// Runs a task file's workflow on one example and scores what came out.
///
/// A single prompt's steps are recorded as `render`, `model` and `score`, a command's as the ones it noted and `command`.
/// Several steps are recorded under their own names. Whatever fails is a value: an endpoint's trouble is a failure of
/// the infrastructure, never a score.
public struct TaskRunner: Runner {
  public let space: Space
  /// SHA-256 over the workflow, the models and their aliases, the score, the rows that demonstrations are taken from, and
  /// the contents of the documents and of the files a command names: everything that decides a rollout beside assignment,
  /// example and repeat.
  public let fingerprint: String
  /// A prompt is asked in every rollout; the calls of other models than Hone's own client are not recorded.
  public var asksModel: Bool { task.workflow.asksModel && model is ModelClient }
  let task: TaskFile
  let model: (any ChatModel)?
  let steps: [PreparedStep]
  let environment: [String: String]
  let secrets: Secrets
  let probe: SandboxProbe

  /// - Parameters:
  ///   - train: rows that demonstrations may be taken from, and that fits are made of.
  ///   - endpoint: names the model in the fingerprint; nil for commands.
  ///   - model: what prompts are sent to; nil for commands.
  ///   - embedding: names the model of embeddings in the fingerprint.
  ///   - embedder: what turns texts into vectors; nil when no step needs it.
  ///   - environment: this process's; a command sees PATH and what the task file passes on.
  ///   - secrets: replaced wherever a command may have printed them, and in documents.
  public init(
    _ task: TaskFile, train: [Example], endpoint: Endpoint?, model: (any ChatModel)?, embedding: Endpoint? = nil,
    embedder: (any EmbeddingModel)? = nil, environment: [String: String] = ProcessInfo.processInfo.environment,
    secrets: Secrets = Secrets()
  ) {
    self.task = task
    self.model = model
    self.environment = environment
    probe = SandboxProbe(environment: environment)
    space = task.space
    var secrets = secrets
    for name in task.workflow.commands.flatMap(\.passEnvironment) where Self.soundsSecret(name) {
      if let value = environment[name] { secrets.add(name: name, value: value) }
    }
    self.secrets = secrets
    steps = PreparedStep.all(of: task, train: train, embedder: embedder, redact: secrets.redact)
    let shows = steps.contains { step in
      switch step.work {
      case .prompt(let run): run.rows != nil
      case .fit: true
      case .retrieve, .command: false
      }
    }
    fingerprint = Fingerprint.of(task, endpoint: endpoint, embedding: embedding, demonstrations: shows ? train : [])
  }

  /// Whether a variable's value is kept out of everything that is stored, though the command may see it.
  static func soundsSecret(_ name: String) -> Bool {
    let name = name.uppercased()
    return ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"].contains { name.contains($0) }
  }

  public var requestsPerRollout: Int { task.requestsPerRollout }

  public var oracleCallsPerTrial: Int { task.workflow.fits.reduce(0) { $0 + $1.calls } }

  public func run(_ example: Example, repeat: Int) async -> Outcome {
    let assignment = TraceContext.current?.assignment ?? space.initial
    var rollout = RolloutState(row: example, fields: example, assignment: assignment, repeat: `repeat`)
    var output = StepOutput(text: "")
    for step in steps {
      do throws(StepFailure) {
        output = try await run(step, &rollout)
      } catch {
        return error.outcome
      }
    }
    var outcome = await score(output.text, rollout, node: output.node)
    outcome.outcomes.merge(rollout.outcomes) { own, _ in own }
    if let tokens = rollout.tokens { outcome.outcomes["tokens"] = Double(tokens) }
    return outcome
  }

  /// Nodes of the named parameters, which are recorded once each.
  func nodes(of parameters: [String]) -> [String: Int] {
    guard let recorder = TraceContext.current?.recorder else { return [:] }
    var nodes: [String: Int] = [:]
    for name in parameters {
      guard let traced = parameter(name) else { continue }
      nodes[name] = recorder.node(of: traced)
    }
    return nodes
  }

  /// The right answer as the metric looks it up; of several the first one.
  public func label(of example: Example) -> String? {
    guard let field = task.score.metric.field, let label = example.fields[field] else { return nil }
    return (label.array?.first ?? label).text
  }

  // MARK: - Score

  private func score(_ output: String, _ rollout: RolloutState, node: Int?) async -> Outcome {
    let recorder = TraceContext.current?.recorder
    let doc = "Compares the output with what is expected."
    let inputs = [node].compactMap(\.self)
    do throws(ScoreError) {
      let verdict = try await verdict(output, rollout)
      recorder?.append(.step, name: "score", inputs: inputs, value: .double(verdict.score), doc: doc)
      return Outcome(
        output: .string(output), score: verdict.score,
        feedback: secrets.redact(feedback(verdict, output, rollout.fields)), outcomes: verdict.outcomes, node: node)
    } catch {
      let message = secrets.redact(error.message)
      let failed = recorder?.append(.failure, name: "score", inputs: inputs, value: .string(message), doc: doc)
      return Outcome(output: .string(output), failure: .init(.score, message), node: failed)
    }
  }

  private func verdict(_ output: String, _ rollout: RolloutState) async throws(ScoreError) -> Verdict {
    if case .outcome(let name) = task.score.metric {
      let key = task.workflow.isGraph ? "\(task.workflow.steps.last?.name ?? "").\(name)" : name
      guard let value = rollout.outcomes[key] else { throw ScoreError("the fit gave no \(name) for this row") }
      return Verdict(value)
    }
    guard case .command(let metric) = task.score.metric else {
      return try task.score.metric.score(output, row: rollout.row.fields)
    }
    var command = CommandRun(
      arguments: metric.arguments, directory: metric.directory ?? task.directory, timeout: metric.timeout,
      environment: environment)
    command.passEnvironment = task.workflow.commands.flatMap(\.passEnvironment)
    let call = CommandRun.Call(
      example: rollout.row, assignment: rollout.assignment, repeat: rollout.repeat, output: output)
    let result = await command.run(call)
    if let failure = result.process.failure(timeout: metric.timeout) { throw ScoreError("score: \(failure)") }
    return try LastLine.verdict(in: result.process.output.text, field: "score")
  }

  private func feedback(_ verdict: Verdict, _ output: String, _ example: Example) -> String {
    let isBest = task.score.metric.best.map { verdict.score >= $0 } ?? false
    var output = output
    // A program ends its last line; metrics do not see that either. What a model said stays as it is.
    if task.workflow.endsWithCommand { output = output.withoutLastLineEnds }
    var said = ""
    if isBest {
      said = "Correct."
    } else if let template = task.score.feedback {
      said = template.fill(
        field: { name in
          switch name {
          case "output": output
          case "score": Value.double(verdict.score).canonicalJSON
          default: example.fields[name]?.text ?? ""
          }
        }, parameter: { _ in "" })
    } else if let field = task.score.metric.field, let expected = example.fields[field] {
      said = "Expected \(expected.text), got \(output)."
    }
    return [said, isBest ? "" : verdict.feedback].filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

extension Metric {
  /// The row's field with the expected output.
  var field: String? {
    switch self {
    case .exactMatch(let rule), .contains(let rule): rule.field
    case .regex(let metric): metric.field
    case .numeric(let metric): metric.field
    case .tokenF1(let metric): metric.field
    case .jsonSchema, .command, .json, .outcome: nil
    }
  }
}
