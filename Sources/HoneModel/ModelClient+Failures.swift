import HoneTrace

/// Calls that ended without a reply are kept too, under keys of their own that no request has: what they used counts in the
/// study's spend, and a replay meets the same failure. A live run never looks at them and sends again.
extension ModelClient {
  /// Keeps what a failed call used, with the error in place of the reply.
  func keep(_ lost: Lost, _ named: NamedCall, _ context: CallContext) async throws(ModelError) {
    context.scope.note(lost: lost.spend)
    let cassette = context.mode == .record || context.mode == .auto ? context.cassette : nil
    guard lost.spend.requests > 0, context.archive != nil || cassette != nil else { return }
    let (alias, role) = (endpoint.alias, context.role)
    // A task of its own: what was used counts also when the caller has been cancelled.
    let storing = Task {
      for archive in [context.archive, cassette].compactMap(\.self) {
        let number = try await failures(of: named.key, in: archive).count
        try await archive.append(CallRecord(lost, number, named, alias: alias, role: role))
      }
    }
    do {
      try await storing.value
    } catch {
      throw archiveError("cannot be written", error)
    }
  }

  /// What the recording has of a call that never got a reply; it uses again what it used.
  func recordedFailure(_ named: NamedCall, _ context: CallContext) async throws(ModelError) -> ModelError? {
    let records = try await recordedFailures(named, context)
    for record in records {
      try await book(record, named, context)
      context.scope.note(failure: record, isCounted: true)
    }
    return records.last?.failure
  }

  /// Failures before a reply are those of earlier, interrupted sessions: they count in the study, not in this rollout.
  func noteEarlierFailures(_ named: NamedCall, _ context: CallContext) async throws(ModelError) {
    guard context.archive != nil else { return }
    for record in try await recordedFailures(named, context) {
      try await book(record, named, context)
      context.scope.note(failure: record, isCounted: false)
    }
  }

  private func recordedFailures(_ named: NamedCall, _ context: CallContext) async throws(ModelError) -> [CallRecord] {
    guard let cassette = context.cassette else { return [] }
    do {
      return try await failures(of: named.key, in: cassette)
    } catch {
      throw archiveError("cannot be read", error)
    }
  }

  private func failures(of key: String, in archive: any CallArchive) async throws -> [CallRecord] {
    var records: [CallRecord] = []
    while let record = try await archive.call(for: CallKey.failure(records.count, of: key)) { records.append(record) }
    return records
  }
}

extension CallRecord {
  fileprivate init(_ lost: ModelClient.Lost, _ number: Int, _ named: ModelClient.NamedCall, alias: String, role: String)
  {
    let (error, spend) = (lost.error, lost.spend)
    let status = error.status ?? 0
    self.init(
      key: CallKey.failure(number, of: named.key), alias: alias, path: named.call.path, request: named.asked,
      repeat: named.repeat, sample: named.sample, status: (200..<300).contains(status) ? 0 : status,
      response: [
        "error": .string(error.kind.rawValue), "message": .string(error.message),
        "hint": .string(error.hint), "status": error.status.map { .int($0) } ?? .null,
        "attempts": .int(error.attempts), "number": .int(number),
      ],
      usage: Usage(
        promptTokens: spend.promptTokens, completionTokens: spend.completionTokens,
        cost: spend.money == 0 ? nil : spend.money, estimated: spend.estimatedTokens > 0),
      seconds: 0, attempts: spend.requests, role: role)
  }

  /// The error of a call that ended badly; nil for a reply.
  fileprivate var failure: ModelError? {
    guard !isReply, let kind = response["error"]?.string.flatMap(ModelError.Kind.init) else { return nil }
    return ModelError(
      kind, response["message"]?.string ?? "", hint: response["hint"]?.string, status: response["status"]?.int,
      attempts: response["attempts"]?.int ?? 0)
  }
}
