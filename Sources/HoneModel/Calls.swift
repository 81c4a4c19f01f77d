import HoneTrace

/// One recorded model call: what was asked, what came back, what it cost. No secret ever stands in one.
public struct CallRecord: Hashable, Codable, Sendable {
  /// SHA-256 in hex over the canonical JSON of {version, alias, path, body, repeat, sample}.
  public var key: String
  /// The endpoint's alias: two endpoints with one model name never share an answer.
  public var alias: String
  /// Path under the base URL: `chat/completions`, `messages`, `embeddings`.
  public var path: String
  /// The body as asked for, redacted. An endpoint that refused `response_format` was sent a plainer one; that is learned
  /// anew in each process and must not decide keys, so it does not stand here.
  public var request: Value
  /// The repeat of the rollout the call was made in, and the how-many-th identical request in it, both from 0.
  public var `repeat`: Int
  public var sample: Int
  public var status: Int
  /// The reply's body as received (parsed JSON), redacted.
  public var response: Value
  public var usage: Usage
  /// Seconds from sending to the last byte, retries included.
  public var seconds: Double
  /// Requests sent for it, the last one included.
  public var attempts: Int
  /// Who asked: "workflow", "proposer", "judge".
  public var role: String

  public init(
    key: String, alias: String, path: String, request: Value, repeat: Int, sample: Int, status: Int, response: Value,
    usage: Usage, seconds: Double, attempts: Int, role: String
  ) {
    self.key = key
    self.alias = alias
    self.path = path
    self.request = request
    self.repeat = `repeat`
    self.sample = sample
    self.status = status
    self.response = response
    self.usage = usage
    self.seconds = seconds
    self.attempts = attempts
    self.role = role
  }

  /// Whether a reply came; else `response` says how the call failed.
  public var isReply: Bool { (200..<300).contains(status) }
}

/// Where calls are kept and found again: a cassette file, or a study's store.
public protocol CallArchive: Sendable {
  func call(for key: String) async throws -> CallRecord?
  /// Durable when it returns. A key that is already there is left as it is.
  func append(_ record: CallRecord) async throws
  /// As `append`, but the record takes the place of an older one with its key: a cassette that is recorded anew.
  func replace(_ record: CallRecord) async throws
  /// Recorded requests of the same path, to name the nearest one when a request is unknown. At most `limit`, any order.
  func calls(path: String, limit: Int) async throws -> [CallRecord]
}

extension CallArchive {
  public func replace(_ record: CallRecord) async throws { try await append(record) }
}

/// What stands around every model call made inside a task: who pays, what is already known, whose call it is.
///
/// It is task-local, so a workflow's own code needs no argument for it. `nil` (outside any study or replay) means: send,
/// count nothing, record nothing.
public struct CallContext: Sendable {
  @TaskLocal public static var current: CallContext?

  /// Caps; nil means none.
  public var ledger: Ledger?
  /// The study's own record: looked in first, whatever the mode, and every new call is appended to it before its reply is
  /// used, so that a paid reply is never lost and never paid for again.
  public var archive: (any CallArchive)?
  /// A cassette, used as `mode` says.
  public var cassette: (any CallArchive)?
  public var mode: CassetteMode
  public var role: String
  public var scope: CallScope

  public init(
    ledger: Ledger? = nil, archive: (any CallArchive)? = nil, cassette: (any CallArchive)? = nil,
    mode: CassetteMode = .off, role: String = "workflow", scope: CallScope = CallScope(repeat: 0)
  ) {
    self.ledger = ledger
    self.archive = archive
    self.cassette = cassette
    self.mode = mode
    self.role = role
    self.scope = scope
  }
}

/// What a cassette is for.
public enum CassetteMode: String, Codable, Sendable, CaseIterable {
  /// The cassette is neither read nor written.
  case off
  /// Everything is sent and stored.
  case record
  /// Nothing is sent: a known request is answered, an unknown one is an error that names the nearest known one.
  case replay
  /// A known request is answered, an unknown one sent and stored.
  case auto
}

/// Counts identical requests within one rollout or one proposal, so that three samples of one prompt are three recorded
/// answers, whatever else runs at the same time; and adds up what the calls in it used.
public final class CallScope: Sendable {
  public let `repeat`: Int
  private let state: Lock<State>
  private let parent: CallScope?

  struct State {
    var samples: [String: Int] = [:]
    var spend = Spend()
    var keys: [String] = []
    var records: [CallRecord] = []
  }

  /// - Parameter parent: is told of all calls too; they are counted apart from its own identical ones.
  public init(repeat: Int, within parent: CallScope? = nil) {
    self.repeat = `repeat`
    self.parent = parent
    state = Lock(State())
  }

  /// The how-many-th request with this fingerprint it is in the scope, from 0.
  func nextSample(of fingerprint: String) -> Int {
    state.withLock { state in
      defer { state.samples[fingerprint, default: 0] += 1 }
      return state.samples[fingerprint, default: 0]
    }
  }

  /// A call that ended well.
  func note(_ record: CallRecord, isFromCassette: Bool) {
    parent?.note(record, isFromCassette: isFromCassette)
    state.withLock { state in
      state.spend.add(record.usage, requests: record.attempts)
      state.keys.append(record.key)
      if isFromCassette { state.records.append(record) }
    }
  }

  /// A call of the cassette that ended badly.
  /// - Parameter isCounted: whether this scope made it; else an earlier session did, and only the record is kept.
  func note(failure record: CallRecord, isCounted: Bool) {
    parent?.note(failure: record, isCounted: isCounted)
    state.withLock { state in
      if isCounted { state.spend.add(record.usage, requests: record.attempts) }
      state.records.append(record)
    }
  }

  /// What a call used that ended badly.
  func note(lost: Spend) {
    parent?.note(lost: lost)
    state.withLock { $0.spend = $0.spend + lost }
  }

  /// Tokens, money and requests of the scope so far; replayed calls count as they were recorded, failed ones too.
  public var spend: Spend { state.withLock { $0.spend } }

  /// Keys of the calls made, in the order they ended.
  public var callKeys: [String] { state.withLock { $0.keys } }

  /// Calls a cassette answered, in the order they ended: not archived yet, to be stored together with the rollout.
  public var records: [CallRecord] { state.withLock { $0.records } }
}
