/// What the code of one rollout sees: where its steps are recorded and which values its parameters hold.
///
/// It travels in a task-local, so nothing is threaded through a workflow, child tasks inherit it, and many rollouts run at
/// once in one process, each with its own recorder and assignment.
public struct TraceContext: Sendable {
  /// The context of the running rollout; nil outside of one.
  @TaskLocal public static var current: TraceContext?

  /// One reference instead of three: reading the task-local is all that a step costs when nothing records.
  @usableFromInline let storage: Storage

  public init(recorder: Recorder? = nil, assignment: Assignment = Assignment([:])) {
    storage = Storage(recorder: recorder, assignment: assignment, scope: NodeTable.noScope)
  }

  /// Where steps are recorded; nil switches recording off.
  @inlinable public var recorder: Recorder? {
    get { storage.recorder }
    set { self = TraceContext(recorder: newValue, assignment: assignment) }
  }

  /// What `@Parameter` and `parameter(_:)` read.
  public var assignment: Assignment {
    get { storage.assignment }
    set { self = TraceContext(Storage(recorder: recorder, assignment: newValue, scope: scope)) }
  }

  /// The step whose body is running, as the recorder numbers it.
  @inlinable var scope: Int32 { storage.scope }

  @usableFromInline
  func inside(_ scope: Int32) -> TraceContext {
    TraceContext(Storage(recorder: recorder, assignment: assignment, scope: scope))
  }

  private init(_ storage: Storage) { self.storage = storage }

  @usableFromInline
  final class Storage: Sendable {
    @usableFromInline let recorder: Recorder?
    let assignment: Assignment
    @usableFromInline let scope: Int32

    init(recorder: Recorder?, assignment: Assignment, scope: Int32) {
      self.recorder = recorder
      self.assignment = assignment
      self.scope = scope
    }
  }
}
