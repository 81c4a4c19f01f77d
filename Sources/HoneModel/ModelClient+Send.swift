import Foundation
import HoneNumerics
import HoneTrace

extension ModelClient {
  /// What one try came to.
  enum Outcome {
    case reply(Value, status: Int, WireReply)
    case retry(ModelError, after: Double?, lost: Usage?, ConcurrencyLimit.Signal)
    /// The server does not take the form of the request; it was told so by what is learned now.
    case plainer(ModelError)
    case fail(ModelError, lost: Usage?)

    var signal: ConcurrencyLimit.Signal {
      switch self {
      case .reply: .good
      case .retry(_, _, _, let signal): signal
      case .plainer, .fail: .neutral
      }
    }

    /// What a try without a reply used: nothing when there is one.
    var lost: Spend {
      var lost = Spend()
      switch self {
      case .reply: break
      case .retry(_, _, let usage?, _), .fail(_, let usage?): lost.add(usage)
      case .retry, .plainer, .fail: lost.requests = 1
      }
      return lost
    }
  }

  /// A call that ended without a reply, and what it used all the same.
  struct Lost: Error {
    let error: ModelError
    let spend: Spend
  }

  /// Sends until there is a reply or nothing more to try.
  ///
  /// Each try is reserved before it is sent and settled with what it used. All tries of one form share an idempotency key.
  func send(_ named: NamedCall, _ context: CallContext?) async throws(Lost) -> CallRecord {
    let (key, origin) = try prepared(context)
    let ledger = context?.ledger
    let stopwatch = Stopwatch(clock)
    var random = RandomStream(seed: seed, name: "retry/\(named.key)")
    var lost = Spend()
    var (attempts, tries, malformed) = (0, 0, 0)
    while true {
      let reserved: Ledger.Reservation?
      do throws(ModelError) {
        reserved = try await reserve(named, ledger)
      } catch {
        throw Self.ended(error, attempts, lost)
      }
      guard let epoch = await limit.acquire() else {
        if let reserved { ledger?.settle(reserved, used: Spend()) }
        throw Self.ended(.cancelledCall, attempts, lost)
      }
      // Time went by in the queue. What is left is looked at once: the request ends within it.
      let left = ledger?.secondsLeft
      if let left, left < Self.shortestWait {
        limit.release(epoch: epoch, .neutral)
        if let reserved { ledger?.settle(reserved, used: Spend()) }
        throw Self.ended(outOfTime("while the request waited for its turn"), attempts, lost)
      }
      (attempts, tries) = (attempts + 1, tries + 1)
      let outcome = await attempt(named, key: key, origin: origin, secondsLeft: left)
      limit.release(epoch: epoch, outcome.signal)
      var used = outcome.lost
      if case .reply(let body, let status, let reply) = outcome {
        let usage = usage(of: reply, named, body, lost)
        used.add(usage, requests: attempts)
        if let reserved { ledger?.settle(reserved, used: used - lost) }
        return CallRecord(
          key: named.key, alias: endpoint.alias, path: named.call.path, request: named.asked, repeat: named.repeat,
          sample: named.sample, status: status, response: secrets.redact(body), usage: usage,
          seconds: stopwatch.seconds, attempts: attempts, role: context?.role ?? "workflow")
      }
      if let reserved { ledger?.settle(reserved, used: used) }
      lost = lost + used
      switch outcome {
      case .reply: break
      case .fail(let error, _): throw Self.ended(error, attempts, lost)
      case .plainer(let error):
        tries = 0
        if attempts > 8 { throw Self.ended(error, attempts, lost) }
      case .retry(let error, let after, _, _):
        if error.kind == .malformedReply { malformed += 1 }
        guard tries < policy.maxTries, malformed <= policy.maxMalformed else {
          throw Self.ended(error, attempts, lost)
        }
        let delay = after ?? policy.delay(beforeTry: tries + 1, random: &random)
        try await wait(delay, error, attempts, lost, secondsLeft: ledger?.secondsLeft)
      }
    }
  }

  /// Waits before the next try; not at all where the time budget would be used up by then.
  private func wait(
    _ delay: Double, _ error: ModelError, _ attempts: Int, _ lost: Spend, secondsLeft: Double?
  ) async throws(Lost) {
    guard delay <= RetryAfter.longest else {
      throw Self.ended(Self.askedTooLong(error, delay, endpoint), attempts, lost)
    }
    if let secondsLeft, delay >= secondsLeft {
      throw Self.ended(outOfTime("before the next try, after: \(error.message)"), attempts, lost)
    }
    do {
      try await clock.sleep(for: .seconds(delay))
    } catch {
      throw Self.ended(.cancelledCall, attempts, lost)
    }
  }

  private func outOfTime(_ when: String) -> ModelError {
    ModelError(.budget, "endpoint \"\(endpoint.alias)\": the time budget ran out \(when)", cap: .time)
  }

  private func prepared(_ context: CallContext?) throws(Lost) -> (key: String?, origin: Endpoint.Origin) {
    do throws(ModelError) {
      let key = try key.get()
      let origin = try origin.get()
      guard context?.ledger?.budget.money == nil || endpoint.price != nil else {
        throw ModelError(
          .configuration, "the budget caps money, but endpoint \"\(endpoint.alias)\" has no price",
          hint: "give the endpoint's price for a million tokens, in and out")
      }
      return (key, origin)
    } catch {
      throw Lost(error: error, spend: Spend())
    }
  }

  private static func askedTooLong(_ error: ModelError, _ delay: Double, _ endpoint: Endpoint) -> ModelError {
    let seconds = delay < 1e9 ? "\(Int(delay.rounded(.up)))" : "\(delay)"
    return ModelError(
      .rateLimited,
      "endpoint \"\(endpoint.alias)\" asks to be left alone for \(seconds) s, longer than the "
        + "\(Int(RetryAfter.longest)) s waited at most",
      hint: "run the same command again later: it goes on where it stopped", status: error.status)
  }

  private static func ended(_ error: ModelError, _ attempts: Int, _ lost: Spend) -> Lost {
    var error = error
    error.attempts = attempts
    if attempts > 1 { error.message += " (\(attempts) tries)" }
    return Lost(error: error, spend: lost)
  }

  // MARK: Money

  func reserve(_ named: NamedCall, _ ledger: Ledger?) async throws(ModelError) -> Ledger.Reservation? {
    guard let ledger else { return nil }
    let most = mostUsed(by: named)
    return try await ledger.reserveInTurn(
      promptTokens: most.promptTokens, completionTokens: most.completionTokens, money: most.cost ?? 0)
  }

  /// An upper bound: no tokenizer makes more than one token of a byte, and the body's own JSON (keys, quotes, roles) is
  /// longer than any chat template's marks.
  func mostUsed(by named: NamedCall) -> Usage {
    priced(named.text.utf8.count, named.call.maxTokens, estimated: true)
  }

  private func priced(_ prompt: Int, _ completion: Int, estimated: Bool) -> Usage {
    Usage(
      promptTokens: prompt, completionTokens: completion,
      cost: endpoint.price?.cost(promptTokens: prompt, completionTokens: completion), estimated: estimated)
  }

  /// What a try without a usable reply may have cost: the prompt, and as long a reply as was allowed.
  func unknownUsage(_ named: NamedCall) -> Usage {
    priced(Tokens.estimate(named.text), named.call.maxTokens, estimated: true)
  }

  /// Usage of the whole call, lost tries included.
  private func usage(of reply: WireReply, _ named: NamedCall, _ body: Value, _ lost: Spend) -> Usage {
    let prompt = reply.promptTokens ?? Tokens.estimate(named.text)
    let completion = reply.completionTokens ?? min(Tokens.estimate(reply.text), named.call.maxTokens)
    let isEstimated = reply.promptTokens == nil || reply.completionTokens == nil || lost.estimatedTokens > 0
    return priced(prompt + lost.promptTokens, completion + lost.completionTokens, estimated: isEstimated)
  }
}

extension Spend {
  fileprivate static func - (a: Spend, b: Spend) -> Spend {
    var rest = a
    rest.requests -= b.requests
    rest.promptTokens -= b.promptTokens
    rest.completionTokens -= b.completionTokens
    rest.money -= b.money
    rest.estimatedTokens -= b.estimatedTokens
    return rest
  }
}
