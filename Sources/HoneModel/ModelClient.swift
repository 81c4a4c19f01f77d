import Foundation
import HoneTrace

/// One endpoint, spoken to within bounds.
///
/// A call is answered by the study's own record, by the cassette as the mode says, or by the network, in this order (see
/// `CallContext`). What the network answered is recorded before it is used. Identical calls at the same time are one.
public final class ModelClient: ChatModel, EmbeddingModel {
  public let endpoint: Endpoint
  let transport: any Transport
  let clock: any Clock<Duration>
  let seed: UInt64
  let secrets: Secrets
  let policy: RetryPolicy
  let key: Result<String?, ModelError>
  /// Where requests go, taken apart once: that costs about as much as sending one.
  let origin: Result<Endpoint.Origin, ModelError>
  let limit: ConcurrencyLimit
  let learned = Lock(Capabilities())
  /// Part of idempotency keys: another client's identical call is another call.
  let session: UInt64
  /// The wall clock, for Retry-After dates alone.
  let now: @Sendable () -> Date
  private let flights = SingleFlight()
  private let recorded = Lock(Set<String>())

  /// - Parameters:
  ///   - clock: counts deadlines of the budget and waits between tries.
  ///   - seed: of the random part of those waits.
  ///   - secrets: what to redact beside the endpoint's own key.
  ///   - environment: where the key is looked for. A missing key is an error only when a request is to be sent, so
  ///     replaying needs none.
  public convenience init(
    _ endpoint: Endpoint, transport: any Transport = CurlTransport(), clock: any Clock<Duration> = ContinuousClock(),
    seed: UInt64 = 0,
    secrets: Secrets = Secrets(), environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.init(
      endpoint, transport: transport, clock: clock, seed: seed, secrets: secrets, environment: environment,
      policy: RetryPolicy(), session: .random(in: 0 ... .max), now: { Date() })
  }

  init(
    _ endpoint: Endpoint, transport: any Transport, clock: any Clock<Duration>, seed: UInt64, secrets: Secrets,
    environment: [String: String], policy: RetryPolicy, session: UInt64, now: @escaping @Sendable () -> Date
  ) {
    self.endpoint = endpoint
    self.transport = transport
    self.clock = clock
    self.seed = seed
    self.policy = policy
    self.session = session
    self.now = now
    limit = ConcurrencyLimit(endpoint.maxConcurrent)
    var secrets = secrets
    do throws(ModelError) {
      let found = try endpoint.readKey(environment: environment)
      if let found { secrets.add(name: found.name, value: found.value) }
      key = .success(found?.value)
    } catch {
      key = .failure(error)
    }
    do throws(ModelError) {
      origin = .success(try endpoint.origin(hasKey: (try? key.get()) != nil))
    } catch {
      origin = .failure(error)
    }
    self.secrets = secrets
  }

  public func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    let format = endpoint.api.format
    let endpoint = endpoint
    let call = Call(
      path: format.chatPath, maxTokens: request.maxTokens, canDegrade: request.format != .text,
      body: { format.body(of: request, endpoint: endpoint, capabilities: $0) }, check: format.parse)
    let answer = try await answer(call)
    do {
      let reply = try format.parse(answer.record.response)
      return ChatReply(
        text: reply.text, finish: reply.finish, usage: answer.record.usage, model: reply.model,
        seconds: answer.record.seconds, callKey: answer.record.key, replayed: answer.isReplayed,
        logProbabilities: reply.logProbabilities)
    } catch {
      throw unusableRecord(answer.record, error)
    }
  }

  public func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
    guard !texts.isEmpty else { return [] }
    guard endpoint.api == .openAI else {
      throw ModelError(.configuration, "endpoint \"\(endpoint.alias)\" speaks a protocol without embeddings")
    }
    let body = OpenAIFormat.embeddingBody(texts, endpoint: endpoint)
    let call = Call(
      path: "embeddings", maxTokens: 0, canDegrade: false, body: { _ in body },
      check: { reply throws(Malformed) in try OpenAIFormat.checkEmbeddings(reply, count: texts.count) })
    let answer = try await answer(call)
    do {
      return try OpenAIFormat.vectors(answer.record.response, count: texts.count)
    } catch {
      throw unusableRecord(answer.record, error)
    }
  }

  /// A call, free of its meaning.
  struct Call: Sendable {
    let path: String
    let maxTokens: Int
    let canDegrade: Bool
    /// The body as it is sent to a server with these capabilities. With all of them: as it was asked for.
    let body: @Sendable (Capabilities) -> Value
    let check: @Sendable (Value) throws(Malformed) -> WireReply
  }

  struct Answer: Sendable {
    let record: CallRecord
    let isReplayed: Bool
  }

  /// A call with its name.
  struct NamedCall: Sendable {
    let call: Call
    /// The body as asked for, redacted: what is recorded.
    let asked: Value
    /// The same, not redacted, as canonical JSON: what is sent while the server takes everything.
    let text: String
    let key: String
    let `repeat`: Int
    let sample: Int
  }

  private func answer(_ call: Call) async throws(ModelError) -> Answer {
    let whole = call.body(Capabilities())
    let text = whole.canonicalJSON
    let redacted = secrets.redacted(whole, canonical: text)
    let id = CallKey(alias: endpoint.alias, path: call.path, canonicalBody: redacted?.canonicalJSON ?? text)
    let context = CallContext.current
    let sample = context?.scope.nextSample(of: id.fingerprint) ?? 0
    let `repeat` = context?.scope.repeat ?? 0
    let named = NamedCall(
      call: call, asked: redacted ?? whole, text: text, key: id.key(repeat: `repeat`, sample: sample), repeat: `repeat`,
      sample: sample)
    guard let context else { return try await Answer(record: sent(named, nil), isReplayed: false) }
    if let answer = try await lookUp(named, context) { return answer }
    guard context.archive != nil || context.cassette != nil && context.mode != .off else {
      let record = try await sent(named, context)
      context.scope.note(record, isFromCassette: false)
      return Answer(record: record, isReplayed: false)
    }
    // Studies that share a client share no flight: each keeps its own record, and pays for it.
    let payer = context.ledger.map { "\(ObjectIdentifier($0))" } ?? ""
    let answer = try await flights.run(named.key + payer) { [self] in
      do throws(ModelError) {
        // Another call may have landed between the look-up and now.
        if let answer = try await lookUp(named, context, isSecond: true) { return .success(answer) }
        let record = try await sent(named, context)
        try await keep(record, context)
        return .success(Answer(record: record, isReplayed: false))
      } catch {
        return .failure(error)
      }
    }.get()
    context.scope.note(answer.record, isFromCassette: false)
    return answer
  }

  /// Sends, and keeps what a call without a reply used.
  private func sent(_ named: NamedCall, _ context: CallContext?) async throws(ModelError) -> CallRecord {
    do {
      return try await send(named, context)
    } catch {
      if let context { try await keep(error, named, context) }
      throw error.error
    }
  }

  // MARK: Records

  private func lookUp(_ named: NamedCall, _ context: CallContext, isSecond: Bool = false) async throws(ModelError)
    -> Answer?
  {
    if let archive = context.archive, let record = try await find(named.key, in: archive) {
      if !isSecond { context.scope.note(record, isFromCassette: false) }
      return Answer(record: record, isReplayed: true)
    }
    let isRead =
      switch context.mode {
      case .off: false
      case .replay, .auto: true
      case .record: recorded.withLock { $0.contains(named.key) }
      }
    guard isRead else { return nil }
    if let cassette = context.cassette, let record = try await find(named.key, in: cassette) {
      if context.mode == .replay { try await noteEarlierFailures(named, context) }
      try await book(record, named, context)
      if !isSecond { context.scope.note(record, isFromCassette: true) }
      return Answer(record: record, isReplayed: true)
    }
    guard context.mode == .replay else { return nil }
    if let failure = try await recordedFailure(named, context) { throw failure }
    // Where the recorded run was stopped by its budget, the replayed one is stopped by it too.
    if let reservation = try await reserve(named, context.ledger) {
      context.ledger?.settle(reservation, used: Spend())
    }
    throw try await notRecorded(named, context)
  }

  /// A call answered by the cassette spends what it spent when it was recorded, so that a budget stops where it stopped.
  func book(_ record: CallRecord, _ named: NamedCall, _ context: CallContext) async throws(ModelError) {
    guard let ledger = context.ledger else { return }
    var used = Spend()
    used.add(record.usage, requests: record.attempts)
    let most = mostUsed(by: named)
    let reservation = try await ledger.reserveInTurn(
      requests: max(1, record.attempts), promptTokens: most.promptTokens, completionTokens: most.completionTokens,
      money: most.cost ?? 0)
    ledger.settle(reservation, used: used)
  }

  private func find(_ key: String, in archive: any CallArchive) async throws(ModelError) -> CallRecord? {
    do {
      guard let record = try await archive.call(for: key), record.isReply else { return nil }
      return record
    } catch {
      throw archiveError("cannot be read", error)
    }
  }

  /// Stores a reply that was paid for, also when the caller has been cancelled meanwhile: a task of its own is not.
  private func keep(_ record: CallRecord, _ context: CallContext) async throws(ModelError) {
    let storing = Task {
      if let archive = context.archive { try await archive.append(record) }
      guard let cassette = context.cassette else { return }
      switch context.mode {
      case .record: try await cassette.replace(record)
      case .auto: try await cassette.append(record)
      case .off, .replay: break
      }
    }
    do {
      try await storing.value
    } catch {
      throw archiveError("cannot be written", error)
    }
    if context.mode == .record { recorded.withLock { _ = $0.insert(record.key) } }
  }

  private func notRecorded(_ named: NamedCall, _ context: CallContext) async throws(ModelError) -> ModelError {
    var records: [CallRecord] = []
    do {
      records = try await context.cassette?.calls(path: named.call.path, limit: NearestCall.limit) ?? []
    } catch {
      throw archiveError("cannot be read", error)
    }
    let reason = NearestCall.explain(
      (endpoint.alias, named.call.path, named.asked, named.repeat, named.sample), among: records)
    return ModelError(
      .notRecorded,
      "replaying, and this request to endpoint \"\(endpoint.alias)\" was never recorded: \(reason)",
      hint: context.cassette == nil
        ? "name a cassette" : "record it anew (mode record), or fill the gaps from the endpoint (mode auto)")
  }

  func archiveError(_ what: String, _ error: any Error) -> ModelError {
    if let error = error as? ModelError { return error }
    return ModelError(.archive, secrets.redact("the record of model calls \(what): \(error)"))
  }

  private func unusableRecord(_ record: CallRecord, _ error: Malformed) -> ModelError {
    ModelError(
      .archive, "the recorded reply \(record.key.prefix(12)) is not a reply: \(error.reason)",
      hint: "record it anew", status: record.status)
  }
}
