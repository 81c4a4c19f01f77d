import HoneTrace

/// A workflow with the assignment that won: `best.temperature` and `best.run(question)` see the tuned values.
@dynamicMemberLookup
public struct Tuned<W: Workflow>: Sendable {
  public let assignment: Assignment
  public let report: Report
  private let workflow: W

  init(_ workflow: W, assignment: Assignment, report: Report) {
    self.workflow = workflow
    self.assignment = assignment
    self.report = report
  }

  /// A property of the workflow as the winning assignment has it.
  public subscript<T>(dynamicMember path: KeyPath<W, T>) -> T {
    TraceContext.$current.withValue(TraceContext(assignment: assignment)) { workflow[keyPath: path] }
  }

  /// Runs the workflow with the winning assignment, recording nothing.
  public func run(_ input: W.Input) async throws -> W.Output {
    try await TraceContext.$current.withValue(TraceContext(assignment: assignment)) {
      try await workflow.run(Traced(input)).value
    }
  }
}
