import HoneModel
import HoneOptimize
import HoneTrace

/// Drives a Swift workflow over labeled examples.
struct WorkflowRunner<W: Workflow, Expected: Codable & Sendable>: Runner {
  let space: Space
  let fingerprint: String
  private let workflow: W
  private let examples: [String: Labeled<W.Input, Expected>]
  private let score: @Sendable (W.Output, Expected) async throws -> Score

  /// What tells code apart, since closures cannot be compared: results of two identities are never mixed.
  enum Identity {
    /// A name that the user gave to workflow and score.
    case version(String)
    /// Whatever this study runs.
    case study(String)
  }

  init(
    _ workflow: W, identity: Identity, examples: [String: Labeled<W.Input, Expected>],
    score: @escaping @Sendable (W.Output, Expected) async throws -> Score
  ) throws(SpaceError) {
    space = try Space(of: workflow)
    let parts: [String] =
      switch identity {
      case .version(let version): [String(reflecting: W.self), version]
      case .study(let study): [String(reflecting: W.self), "study", study]
      }
    fingerprint = Hashing.hex(Value.array(parts.map { .string($0) }).canonicalJSON)
    self.workflow = workflow
    self.examples = examples
    self.score = score
  }

  func run(_ example: Example, repeat: Int) async -> Outcome {
    guard let labeled = examples[example.id] else {
      return Outcome(failure: .init(.workflow, "no example has the id \(example.id)"))
    }
    let recorder = TraceContext.current?.recorder
    let output: Traced<W.Output>
    do {
      output = try await workflow.run(.input("input", labeled.input))
    } catch {
      return Self.failed(error, node: recorder?.lastFailure)
    }
    let node = recorder?.node(of: output)
    do {
      let score = try await score(output.value, labeled.expected)
      return Outcome(
        output: try Value(encoding: output.value), score: score.value, feedback: score.feedback,
        outcomes: score.outcomes, node: node)
    } catch {
      return Self.failed(error, node: node)
    }
  }

  /// What is expected, where outputs are of the same type; otherwise nobody knows how the two relate.
  func label(of example: Example) -> String? {
    guard W.Output.self == Expected.self, let expected = examples[example.id]?.expected else { return nil }
    return (try? Value(encoding: expected))?.text
  }

  private static func failed(_ error: any Error, node: Int?) -> Outcome {
    guard let error = error as? ModelError else {
      let kind: RolloutRecord.Failure.Kind = error is CancellationError ? .infrastructure : .workflow
      return Outcome(failure: .init(kind, "\(error)"), node: node)
    }
    return Outcome(
      failure: .init(error.isInfrastructure ? .infrastructure : .workflow, error.message), error: error, node: node)
  }
}
