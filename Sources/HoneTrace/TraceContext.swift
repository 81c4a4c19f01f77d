/// What the code of one rollout sees: where its steps are recorded and which values its parameters hold.
///
/// It travels in a task-local, so nothing is threaded through a workflow, child tasks inherit it, and many rollouts run at
/// once in one process, each with its own recorder and assignment.
public struct TraceContext: Sendable {
  /// The context of the running rollout; nil outside of one.
  @TaskLocal public static var current: TraceContext?

  /// Where steps are recorded; nil switches recording off.
  public var recorder: Recorder? {
    didSet { scope = NodeTable.noScope }
  }
  /// What `@Parameter` and `parameter(_:)` read.
  public var assignment: Assignment
  /// The step whose body is running, as the recorder numbers it.
  var scope = NodeTable.noScope

  public init(recorder: Recorder? = nil, assignment: Assignment = Assignment([:])) {
    self.recorder = recorder
    self.assignment = assignment
  }

  func inside(_ scope: Int32) -> TraceContext {
    var context = self
    context.scope = scope
    return context
  }
}
