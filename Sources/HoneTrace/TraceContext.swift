import Synchronization

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

  /// Address of the task-local's key, 0 before the first context is made. `$current` is built on first use, and asking
  /// whether it has been is a call; this is a load.
  private static let key = Atomic<UInt>(0)

  /// The context of the running rollout when it records, else nil: what every step and operator asks first.
  ///
  /// It looks where `current` looks, without copying what it finds: a copy costs as much as all the rest of a step that
  /// records nothing. The task holds the value for as long as the code that reads it runs.
  @usableFromInline
  static var recording: TraceContext? {
    guard let key = UnsafeRawPointer(bitPattern: key.load(ordering: .relaxed)),
      let found = taskLocalValue(key),
      let storage = found.load(as: Unmanaged<Storage>?.self),
      storage._withUnsafeGuaranteedRef({ $0.recorder != nil })
    else { return nil }
    return TraceContext(storage.takeUnretainedValue())
  }

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
      TraceContext.key.store(unsafeBitCast($current, to: UInt.self), ordering: .relaxed)
    }
  }
}

/// What the concurrency runtime has for a task-local of the running task, or of the thread outside of any task; nil when
/// none is set. `TaskLocal.get` calls the same function, which is part of Swift's stable binary interface.
@_silgen_name("swift_task_localValueGet")
private func taskLocalValue(_ key: UnsafeRawPointer) -> UnsafeRawPointer?
