import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// Runs a task file's prompt or command on one example and scores what came out.
///
/// The prompt's steps are recorded as `render`, `model` and `score`, a command's as the ones it noted and `command`.
/// Whatever fails is a value: an endpoint's trouble is a failure of the infrastructure, never a score.
public struct TaskRunner: Runner {
  public let space: Space
  /// SHA-256 over the workflow, the model and its alias, the score, the rows that demonstrations are taken from, and the
  /// contents of the files a command names: everything that decides a rollout beside assignment, example and repeat.
  public let fingerprint: String
  let task: TaskFile
  let model: (any ChatModel)?
  let prompt: PromptRun?
  let environment: [String: String]
  let secrets: Secrets
  private let probe: SandboxProbe

  /// - Parameters:
  ///   - train: rows that demonstrations may be taken from.
  ///   - endpoint: names the model in the fingerprint; nil for commands.
  ///   - model: what prompts are sent to; nil for commands.
  ///   - environment: this process's; a command sees PATH and what the task file passes on.
  ///   - secrets: replaced wherever a command may have printed them.
  public init(
    _ task: TaskFile, train: [Example], endpoint: Endpoint?, model: (any ChatModel)?,
    environment: [String: String] = ProcessInfo.processInfo.environment, secrets: Secrets = Secrets()
  ) {
    self.task = task
    self.model = model
    self.environment = environment
    probe = SandboxProbe(environment: environment)
    space = task.space
    var secrets = secrets
    var rows: [Example] = []
    switch task.workflow {
    case .prompt(let spec):
      if spec.demonstrations != nil { rows = train }
      prompt = PromptRun(
        spec: spec, space: task.space,
        demonstrations: spec.demonstrations.map { Demonstrations(train, balance: $0.balance) })
    case .command(let spec):
      prompt = nil
      for name in spec.passEnvironment where Self.soundsSecret(name) {
        if let value = environment[name] { secrets.add(name: name, value: value) }
      }
    }
    self.secrets = secrets
    fingerprint = Fingerprint.of(task, endpoint: endpoint, demonstrations: rows)
  }

  /// Whether a variable's value is kept out of everything that is stored, though the command may see it.
  static func soundsSecret(_ name: String) -> Bool {
    let name = name.uppercased()
    return ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"].contains { name.contains($0) }
  }

  public func run(_ example: Example, repeat: Int) async -> Outcome {
    let assignment = TraceContext.current?.assignment ?? space.initial
    switch task.workflow {
    case .prompt: return await runPrompt(example, assignment, `repeat`)
    case .command(let spec): return await runCommand(spec, example, assignment, `repeat`)
    }
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

  // MARK: - Prompts

  private func runPrompt(_ example: Example, _ assignment: Assignment, _ repeat: Int) async -> Outcome {
    guard let prompt, let model else {
      let error = ModelError(.configuration, "the task has a prompt and no model", hint: "name one under model:")
      return Outcome(failure: .init(.infrastructure, error.message), error: error)
    }
    let recorder = TraceContext.current?.recorder
    let known = nodes(of: prompt.messageParameters + prompt.modelParameters)
    let inputs = prompt.fields.compactMap { field in
      recorder?.append(.input, name: field, inputs: [], value: example.fields[field] ?? .null)
    }
    let request = prompt.request(example, assignment)
    let rendered = recorder?.append(
      .step, name: "render", inputs: prompt.messageParameters.compactMap { known[$0] } + inputs,
      value: .array(request.messages.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
      doc: prompt.demonstrations == nil
        ? "Fills the row's fields into the messages."
        : "Fills the row's fields into the messages, with worked examples before the last one.")
    let modelInputs = [rendered].compactMap(\.self) + prompt.modelParameters.compactMap { known[$0] }
    let modelDoc = "Asks the model and takes its reply."
    do throws(ModelError) {
      let reply = try await model.chat(request)
      let node = recorder?.append(.step, name: "model", inputs: modelInputs, value: .string(reply.text), doc: modelDoc)
      var outcome = await score(reply.text, example, assignment, `repeat`, node: node)
      outcome.outcomes["tokens"] = Double(reply.usage.totalTokens)
      return outcome
    } catch {
      let node = recorder?.append(
        .failure, name: "model", inputs: modelInputs, value: .string(error.message), doc: modelDoc)
      let isElsewhere = error.isInfrastructure || error.endsStudy
      return Outcome(
        failure: .init(isElsewhere ? .infrastructure : .workflow, error.message), error: error, node: node)
    }
  }

  // MARK: - Commands

  private func runCommand(_ spec: CommandSpec, _ example: Example, _ assignment: Assignment, _ repeat: Int) async
    -> Outcome
  {
    let command = CommandRun(
      arguments: spec.arguments, directory: spec.directory ?? task.directory, timeout: spec.timeout,
      passEnvironment: spec.passEnvironment, fixedEnvironment: spec.environment, input: spec.input,
      wantsTrace: spec.trace, environment: environment, sandbox: sandbox(spec))
    let recorder = TraceContext.current?.recorder
    let known = nodes(of: space.parameters.map(\.name))
    let fields = example.fields.object ?? [:]
    let row = fields.isEmpty ? nil : recorder?.append(.input, name: "example", inputs: [], value: example.fields)
    if spec.sandbox != nil {
      do throws(ModelError) {
        try await probe.check()
      } catch {
        return Outcome(failure: .init(.infrastructure, error.message), error: error)
      }
    }
    let result = await command.run(.init(example: example, assignment: assignment, repeat: `repeat`))
    var used: [Int] = []
    if let recorder {
      let noted = redacted(result.trace).record(in: recorder, parameters: known)
      // What no noted step reads may still have decided the output.
      let rest = space.parameters.compactMap { known[$0.name] }.filter { !noted.read.contains($0) }
      used = noted.loose + rest + [row].compactMap(\.self)
    }
    let doc = "Runs the command; its output is what it printed."
    if let message = result.process.failure(timeout: spec.timeout).map(secrets.redact) {
      let node = recorder?.append(.failure, name: "command", inputs: used, value: .string(message), doc: doc)
      guard result.process.end != .cancelled else {
        return Outcome(failure: .init(.infrastructure, message), error: ModelError(.cancelled, message), node: node)
      }
      return Outcome(failure: .init(.workflow, message), node: node)
    }
    let output = secrets.redact(result.process.output.text)
    let node = recorder?.append(.step, name: "command", inputs: used, value: .string(output), doc: doc)
    return await score(output, example, assignment, `repeat`, node: node)
  }

  private func sandbox(_ spec: CommandSpec) -> Sandbox? {
    guard let given = spec.sandbox else { return nil }
    let named = spec.arguments.namedFiles(in: spec.directory ?? task.directory).map(\.path)
    return Sandbox(
      readable: (given.read + named).filter { !task.secretFiles.contains($0) }, hidden: task.secretFiles,
      memory: given.memory << 20, processes: given.processes)
  }

  private func redacted(_ trace: TraceLines) -> TraceLines {
    var trace = trace
    for index in trace.lines.indices {
      trace.lines[index].output = secrets.redact(trace.lines[index].output)
      trace.lines[index].inputs = trace.lines[index].inputs.map(secrets.redact)
    }
    return trace
  }

  // MARK: - Score

  private func score(
    _ output: String, _ example: Example, _ assignment: Assignment, _ repeat: Int, node: Int?
  ) async -> Outcome {
    let recorder = TraceContext.current?.recorder
    let doc = "Compares the output with what is expected."
    let inputs = [node].compactMap(\.self)
    do throws(ScoreError) {
      let verdict = try await verdict(output, example, assignment, `repeat`)
      recorder?.append(.step, name: "score", inputs: inputs, value: .double(verdict.score), doc: doc)
      return Outcome(
        output: .string(output), score: verdict.score,
        feedback: secrets.redact(feedback(verdict, output, example)), outcomes: verdict.outcomes, node: node)
    } catch {
      let message = secrets.redact(error.message)
      let failed = recorder?.append(.failure, name: "score", inputs: inputs, value: .string(message), doc: doc)
      return Outcome(output: .string(output), failure: .init(.score, message), node: failed)
    }
  }

  private func verdict(_ output: String, _ example: Example, _ assignment: Assignment, _ repeat: Int)
    async throws(ScoreError) -> Verdict
  {
    guard case .command(let metric) = task.score.metric else {
      return try task.score.metric.score(output, row: example.fields)
    }
    var command = CommandRun(
      arguments: metric.arguments, directory: task.directory, timeout: metric.timeout, environment: environment)
    if case .command(let spec) = task.workflow { command.passEnvironment = spec.passEnvironment }
    let call = CommandRun.Call(example: example, assignment: assignment, repeat: `repeat`, output: output)
    let result = await command.run(call)
    if let failure = result.process.failure(timeout: metric.timeout) { throw ScoreError("score: \(failure)") }
    return try LastLine.verdict(in: result.process.output.text, field: "score")
  }

  private func feedback(_ verdict: Verdict, _ output: String, _ example: Example) -> String {
    let isBest = task.score.metric.best.map { verdict.score >= $0 } ?? false
    var output = output
    // A program ends its last line; metrics do not see that either. What a model said stays as it is.
    if case .command = task.workflow { while output.last?.isNewline == true { output.removeLast() } }
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
    case .jsonSchema, .command, .json: nil
    }
  }
}
