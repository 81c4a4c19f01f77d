/// A value that knows which step, parameter or input made it.
///
/// Two traced values are the same node only by identity, never because their values are equal.
public struct Traced<Wrapped: Sendable>: Sendable {
  public let value: Wrapped
  @usableFromInline let origin: Origin?

  /// A detached value: a recorder that meets it as an input notes it as a constant.
  @inlinable
  public init(_ value: Wrapped) {
    self.value = value
    origin = nil
  }

  @inlinable
  init(_ value: Wrapped, origin: Origin?) {
    self.value = value
    self.origin = origin
  }

  /// Notes a named input of the rollout, such as `"question"`; detached when nothing records.
  public static func input(_ name: String, _ value: Wrapped) -> Traced {
    guard let context = TraceContext.recording, let recorder = context.recorder else { return Traced(value) }
    return recorder.leaf(.input, name: name, value: value, scope: context.scope)
  }

  /// The same value without its history: feedback does not flow through it.
  public func detached() -> Traced { Traced(value) }
}

/// The node a traced value came from. It holds the recorder's identity and not the recorder, so that a recorder whose
/// values hold traced values is no reference cycle.
@usableFromInline
struct Origin: Sendable {
  @usableFromInline let recorder: Recorder.Identity
  @usableFromInline let node: Int32

  @inlinable
  init(recorder: Recorder.Identity, node: Int32) {
    self.recorder = recorder
    self.node = node
  }
}
