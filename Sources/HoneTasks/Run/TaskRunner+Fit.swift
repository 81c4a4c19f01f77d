import Hone
import HoneModel
import HoneTrace

extension TaskRunner {
  /// The outcome that a budget of oracle calls counts.
  private static let oracleCalls = "oracle_calls"

  /// The model of the assignment, made with the first row that asks for it, decides about the row.
  func fit(_ fitter: Fitter, _ step: PreparedStep, _ rollout: inout RolloutState) async throws(StepFailure)
    -> StepOutput
  {
    let recorder = TraceContext.current?.recorder
    let known = nodes(of: step.parameters)
    let inputs = step.parameters.compactMap { known[$0] }
    let tuning = "Fits to the rows of train; the strengths are tuned by hypergradients."
    let name = step.isInGraph ? "\(step.name).tune" : "tune"
    func failure(_ error: FitError, _ node: Int?) -> StepFailure {
      StepFailure(outcome: Outcome(failure: .init(.workflow, "\(step.name): \(error.message)"), node: node))
    }
    let model: FittedModel
    switch await fitter.model(rollout.assignment) {
    case .success(let made): model = made
    case .failure(let error):
      let node = recorder?.append(
        .failure, name: name, inputs: inputs, value: .string(error.message), doc: tuning)
      throw failure(error, node)
    }
    let tuned = recorder?.append(.step, name: name, inputs: inputs, value: model.report, doc: tuning)
    let read = [tuned].compactMap(\.self) + step.fields.compactMap { rollout.node(of: $0) }
    let doc = step.spec.summary ?? fitter.doc
    do throws(FitError) {
      let decision = try model.decide(rollout.fields.fields, topK: fitter.topK(rollout.assignment))
      for (key, value) in decision.outcomes.merging(model.told, uniquingKeysWith: { own, _ in own })
      where value.isFinite && key != Self.oracleCalls {
        rollout.outcomes[step.isInGraph ? "\(step.name).\(key)" : key] = value
      }
      rollout.outcomes[Self.oracleCalls, default: 0] += model.told[Self.oracleCalls] ?? 0
      let node = recorder?.append(.step, name: step.name, inputs: read, value: .string(decision.text), doc: doc)
      return StepOutput(text: decision.text, node: node)
    } catch {
      let node = recorder?.append(
        .failure, name: step.name, inputs: read, value: .string(error.message), doc: doc)
      throw failure(error, node)
    }
  }
}

extension Fitter {
  nonisolated var doc: String {
    switch spec.form {
    case .classify: "Classifies the row."
    case .rank: "Ranks the row's candidates, the best first."
    case .calibrate: "Decides by calibrated scores."
    }
  }
}
