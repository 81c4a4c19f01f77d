/// Runs a part of a workflow and records it: its name, its inputs, its value.
///
/// The body sees plain values. An error it throws is recorded as a failure with the same inputs and thrown on. Steps
/// inside the body, and in tasks it starts, are recorded as nested in this one.
///
///     let passages = try step("retrieve", question, $topK) { question, topK in try index.search(question, topK) }
///
/// - Parameters:
///   - name: what the step does, such as `"retrieve"`; the same for every call of it.
///   - doc: a sentence for proposers; the first one of a name counts.
///   - inputs: traced values of any number and type.
/// - Throws: what the body throws.
/// - Complexity: below a microsecond besides the body; below 20 ns when nothing records.
@discardableResult
@inlinable
public func step<each Input: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ inputs: repeat Traced<each Input>,
  body: (repeat each Input) throws(Failure) -> Output
) throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.recording, let recorder = context.recorder else {
    return Traced(try body(repeat (each inputs).value))
  }
  return try recorder.step(name, doc: doc, in: context, repeat each inputs, body: body)
}

/// Runs an asynchronous part of a workflow and records it, on the caller's actor. See the synchronous form.
@discardableResult
@inlinable
@_disfavoredOverload
nonisolated(nonsending) public func step<each Input: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ inputs: repeat Traced<each Input>,
  body: (repeat each Input) async throws(Failure) -> Output
) async throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.recording, let recorder = context.recorder else {
    return Traced(try await body(repeat (each inputs).value))
  }
  let call = recorder.begin(in: context.scope, repeat each inputs)
  let result = await TraceContext.$current.withValue(context.inside(call.scope)) {
    do throws(Failure) {
      return Result<Output, Failure>.success(try await body(repeat (each inputs).value))
    } catch {
      return Result<Output, Failure>.failure(error)
    }
  }
  return try recorder.end(call, name: name, doc: doc, result, in: context)
}

// The same for one, two and three inputs. The compiler keeps the values of a pack in memory, which costs about as much as
// everything else a step does when nothing records.

/// Runs and records a part of a workflow with one input.
@discardableResult
@inlinable
public func step<A: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ a: Traced<A>, body: (A) throws(Failure) -> Output
) throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.recording, let recorder = context.recorder else {
    return Traced(try body(a.value))
  }
  return try recorder.step(name, doc: doc, in: context, a, body: body)
}

/// Runs and records a part of a workflow with two inputs.
@discardableResult
@inlinable
public func step<A: Sendable, B: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ a: Traced<A>, _ b: Traced<B>, body: (A, B) throws(Failure) -> Output
) throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.recording, let recorder = context.recorder else {
    return Traced(try body(a.value, b.value))
  }
  return try recorder.step(name, doc: doc, in: context, a, b, body: body)
}

/// Runs and records a part of a workflow with three inputs.
@discardableResult
@inlinable
public func step<A: Sendable, B: Sendable, C: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ a: Traced<A>, _ b: Traced<B>, _ c: Traced<C>,
  body: (A, B, C) throws(Failure) -> Output
) throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.recording, let recorder = context.recorder else {
    return Traced(try body(a.value, b.value, c.value))
  }
  return try recorder.step(name, doc: doc, in: context, a, b, c, body: body)
}

extension Recorder {
  /// A step of which it is known that it is recorded.
  @inlinable
  func step<each Input: Sendable, Output: Sendable, Failure: Error>(
    _ name: String, doc: String?, in context: TraceContext, _ inputs: repeat Traced<each Input>,
    body: (repeat each Input) throws(Failure) -> Output
  ) throws(Failure) -> Traced<Output> {
    let call = begin(in: context.scope, repeat each inputs)
    let result = TraceContext.$current.withValue(context.inside(call.scope)) {
      Result { () throws(Failure) in try body(repeat (each inputs).value) }
    }
    return try end(call, name: name, doc: doc, result, in: context)
  }

  @inlinable
  func end<Output: Sendable, Failure: Error>(
    _ call: Call, name: String, doc: String?, _ result: Result<Output, Failure>, in context: TraceContext
  ) throws(Failure) -> Traced<Output> {
    switch result {
    case .success(let value):
      return Traced(value, origin: end(call, name: name, doc: doc, value: value, in: context.scope))
    case .failure(let error):
      fail(call, name: name, doc: doc, error: error, in: context.scope)
      throw error
    }
  }
}
