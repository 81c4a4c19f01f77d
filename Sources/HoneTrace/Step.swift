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
/// - Complexity: below a microsecond besides the body; about 20 ns when nothing records.
@discardableResult
@inlinable
public func step<each Input: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ inputs: repeat Traced<each Input>,
  body: (repeat each Input) throws(Failure) -> Output
) throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.current, let recorder = context.recorder else {
    return Traced(try body(repeat (each inputs).value))
  }
  let call = recorder.begin(in: context.scope, repeat each inputs)
  let result = TraceContext.$current.withValue(context.inside(call.scope)) {
    Result { () throws(Failure) in try body(repeat (each inputs).value) }
  }
  switch result {
  case .success(let value):
    return Traced(value, origin: recorder.end(call, name: name, doc: doc, value: value, in: context.scope))
  case .failure(let error):
    recorder.fail(call, name: name, doc: doc, error: error, in: context.scope)
    throw error
  }
}

/// Runs an asynchronous part of a workflow and records it, on the caller's actor. See the synchronous form.
@discardableResult
@inlinable
@_disfavoredOverload
nonisolated(nonsending) public func step<each Input: Sendable, Output: Sendable, Failure: Error>(
  _ name: String, doc: String? = nil, _ inputs: repeat Traced<each Input>,
  body: (repeat each Input) async throws(Failure) -> Output
) async throws(Failure) -> Traced<Output> {
  guard let context = TraceContext.current, let recorder = context.recorder else {
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
  switch result {
  case .success(let value):
    return Traced(value, origin: recorder.end(call, name: name, doc: doc, value: value, in: context.scope))
  case .failure(let error):
    recorder.fail(call, name: name, doc: doc, error: error, in: context.scope)
    throw error
  }
}
