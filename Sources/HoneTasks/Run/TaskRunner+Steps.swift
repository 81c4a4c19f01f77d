import Foundation
import Hone
import HoneModel
import HoneTrace

extension TaskRunner {
  /// Runs one step and records it; its output is then a field that the steps below may read.
  func run(_ step: PreparedStep, _ rollout: inout RolloutState) async throws(StepFailure) -> StepOutput {
    let output: StepOutput
    // Programs end their last line; a prompt below is not to hold that.
    var read: String?
    switch step.work {
    case .prompt(let prompt): output = try await ask(prompt, step, &rollout)
    case .retrieve(let retriever): output = try await retrieve(retriever, step, &rollout)
    case .command(let spec):
      output = try await execute(spec, step, &rollout)
      read = output.text.withoutLastLineEnds
    case .fit(let fitter): output = try await fit(fitter, step, &rollout)
    }
    rollout.note(read ?? output.text, of: step, node: output.node)
    return output
  }

  private func failure(_ error: ModelError, of step: PreparedStep, node: Int?) -> StepFailure {
    let isElsewhere = error.isInfrastructure || error.endsStudy
    let message = step.isInGraph ? "\(step.name): \(error.message)" : error.message
    return StepFailure(
      outcome: Outcome(failure: .init(isElsewhere ? .infrastructure : .workflow, message), error: error, node: node))
  }

  // MARK: - Prompts

  private func ask(_ prompt: PromptRun, _ step: PreparedStep, _ rollout: inout RolloutState)
    async throws(StepFailure) -> StepOutput
  {
    guard let model else {
      let error = ModelError(.configuration, "the task has a prompt and no model", hint: "name one under model:")
      throw failure(error, of: step, node: nil)
    }
    let recorder = TraceContext.current?.recorder
    let known = nodes(of: step.parameters)
    let inputs = step.fields.compactMap { rollout.node(of: $0) }
    let request = prompt.request(rollout.fields, rollout.assignment)
    let rendered = recorder?.append(
      .step, name: step.renderName, inputs: prompt.spec.messageParameters.compactMap { known[$0] } + inputs,
      value: .array(request.messages.map { ["role": .string($0.role.rawValue), "content": .string($0.content)] }),
      doc: prompt.spec.demonstrations == nil
        ? "Fills the row's fields into the messages."
        : "Fills the row's fields into the messages, with worked examples before the last one.")
    let modelInputs = [rendered].compactMap(\.self) + prompt.spec.modelParameters.compactMap { known[$0] }
    let modelDoc = step.spec.summary ?? "Asks the model and takes its reply."
    do throws(ModelError) {
      let reply = try await model.chat(request)
      rollout.tokens = (rollout.tokens ?? 0) + reply.usage.totalTokens
      let node = recorder?.append(
        .step, name: step.name, inputs: modelInputs, value: .string(reply.text), doc: modelDoc)
      return StepOutput(text: reply.text, node: node)
    } catch {
      let node = recorder?.append(
        .failure, name: step.name, inputs: modelInputs, value: .string(error.message), doc: modelDoc)
      throw failure(error, of: step, node: node)
    }
  }

  // MARK: - Retrieval

  private func retrieve(_ retriever: Retriever, _ step: PreparedStep, _ rollout: inout RolloutState)
    async throws(StepFailure) -> StepOutput
  {
    let recorder = TraceContext.current?.recorder
    let known = nodes(of: step.parameters)
    let inputs = step.parameters.compactMap { known[$0] } + step.fields.compactMap { rollout.node(of: $0) }
    let doc = step.spec.summary ?? "Finds passages for a query, the best first."
    let spec = retriever.spec
    let filling = Filling(space: space)
    let query = filling.text(spec.query, rollout.fields.fields, rollout.assignment)
    let method = filling.value(spec.method, rollout.assignment).string.flatMap(RetrieveSpec.Method.init) ?? .bm25
    do throws(ModelError) {
      let passages = try await retriever.passages(
        query, method: method, limit: filling.value(spec.topK, rollout.assignment).int ?? 5,
        words: spec.words.flatMap { filling.value($0, rollout.assignment).int })
      let text = Retriever.text(passages)
      let node = recorder?.append(.step, name: step.name, inputs: inputs, value: .string(text), doc: doc)
      return StepOutput(text: text, node: node)
    } catch {
      let node = recorder?.append(
        .failure, name: step.name, inputs: inputs, value: .string(error.message), doc: doc)
      throw failure(error, of: step, node: node)
    }
  }

  // MARK: - Commands

  private func execute(_ spec: CommandSpec, _ step: PreparedStep, _ rollout: inout RolloutState)
    async throws(StepFailure) -> StepOutput
  {
    let command = CommandRun(
      arguments: spec.arguments, directory: spec.directory ?? task.directory, timeout: spec.timeout,
      passEnvironment: spec.passEnvironment, fixedEnvironment: spec.environment, input: spec.input,
      wantsTrace: spec.trace, environment: environment, sandbox: sandbox(spec))
    let recorder = TraceContext.current?.recorder
    // A command alone may find its parameters in other ways than its arguments.
    let parameters = step.isInGraph ? step.parameters : space.parameters.map(\.name)
    let known = nodes(of: parameters)
    let readsAll = step.spec.readsAll || !step.isInGraph
    let inputs = readsAll ? rollout.nodesOfAll() : step.fields.compactMap { rollout.node(of: $0) }
    if spec.sandbox != nil {
      do throws(ModelError) {
        try await probe.check()
      } catch {
        throw StepFailure(outcome: Outcome(failure: .init(.infrastructure, error.message), error: error))
      }
    }
    let result = await command.run(
      .init(example: rollout.fields, assignment: rollout.assignment, repeat: rollout.repeat))
    var used: [Int] = []
    if let recorder {
      let noted = redacted(result.trace).record(in: recorder, parameters: known)
      // What no noted step reads may still have decided the output.
      let rest = parameters.compactMap { known[$0] }.filter { !noted.read.contains($0) }
      used = noted.loose + rest + inputs
    }
    let doc = step.spec.summary ?? "Runs the command; its output is what it printed."
    if let message = result.process.failure(timeout: spec.timeout).map(secrets.redact) {
      let node = recorder?.append(.failure, name: step.name, inputs: used, value: .string(message), doc: doc)
      let said = step.isInGraph ? "\(step.name): \(message)" : message
      guard result.process.end != .cancelled else {
        throw StepFailure(
          outcome: Outcome(failure: .init(.infrastructure, said), error: ModelError(.cancelled, said), node: node))
      }
      throw StepFailure(outcome: Outcome(failure: .init(.workflow, said), node: node))
    }
    let output = secrets.redact(result.process.output.text)
    let node = recorder?.append(.step, name: step.name, inputs: used, value: .string(output), doc: doc)
    return StepOutput(text: output, node: node)
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
}
