/// Why a model call gave no usable reply. Each case says whether the study may go on.
public struct ModelError: Error, Hashable, Codable, Sendable, CustomStringConvertible {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Refused, reset, DNS, unreachable: retried, then given up.
    case connection
    /// A deadline passed: connect, first byte or total.
    case timeout
    /// 408, 409, 425, 5xx after all tries.
    case server
    /// 429 or 503 after all tries, or a Retry-After over 120 s.
    case rateLimited
    /// 402, or an error whose code is `insufficient_quota`, a spend limit or the like: final.
    case quota
    /// 401 or 403: final.
    case authentication
    /// 400, 404, 413, 422 and other final statuses.
    case badRequest
    /// The prompt does not fit the model's context: final.
    case contextExceeded
    /// A 200 that is not a reply: HTML, empty, truncated, `{}`, null content.
    case malformedReply
    /// TLS failure: final, never falls back.
    case tls
    /// A redirect to another origin, too many, or a downgrade.
    case redirect
    /// The reply is larger than the cap.
    case tooLarge
    /// A key would be sent in the clear to another machine.
    case insecure
    /// A cap of the ledger would be overshot: nothing was sent.
    case budget
    /// Replaying, and this request was never recorded.
    case notRecorded
    /// The caller cancelled.
    case cancelled
    /// The endpoint is not configured: no base URL, no model, no key.
    case configuration
    /// The study's record or the cassette could not be read or written.
    case archive
  }
  /// A cap of the budget.
  public enum Cap: String, Codable, Sendable {
    case requests, tokens, money, time
  }
  public var kind: Kind
  /// One sentence: what happened, where, how often it was tried.
  public var message: String
  /// What to do about it.
  public var hint: String
  /// HTTP status of the last try, if there was one.
  public var status: Int?
  /// How many requests were sent.
  public var attempts: Int
  /// Which cap a `.budget` error is about.
  public var cap: Cap?

  /// - Parameter hint: nil for the kind's own.
  public init(
    _ kind: Kind, _ message: String, hint: String? = nil, status: Int? = nil, attempts: Int = 0, cap: Cap? = nil
  ) {
    self.kind = kind
    self.message = message
    self.hint = hint ?? kind.hint
    self.status = status
    self.attempts = attempts
    self.cap = cap
  }

  public var description: String { message }

  /// The endpoint's or the network's trouble, not the request's: the rollout is `failed(infrastructure)`, never scored,
  /// and may be tried again later.
  public var isInfrastructure: Bool {
    switch kind {
    case .connection, .timeout, .server, .rateLimited, .malformedReply, .tls, .redirect, .tooLarge, .cancelled: true
    default: false
    }
  }

  /// Nothing after this can succeed: the study stops instead of failing rollout after rollout.
  public var endsStudy: Bool {
    switch kind {
    // No such address or model there: the next request would be told the same.
    case .badRequest: status == 404
    case .quota, .authentication, .tls, .insecure, .budget, .notRecorded, .configuration, .archive: true
    default: false
    }
  }
}

extension ModelError.Kind {
  /// What to do when nothing more is known.
  var hint: String {
    switch self {
    case .connection: "is the server running, and the URL right?"
    case .timeout: "raise the endpoint's timeouts if the model is slow"
    case .server: "the server is in trouble: look at its log, or run the same command again later"
    case .rateLimited: "lower the parallelism, or run the same command again later"
    case .quota: "the account has no credit left: top it up, then run the same command again"
    case .authentication: "check the key and that it may use this model"
    case .badRequest: "check the model's name and that the endpoint speaks this protocol"
    case .contextExceeded: "shorten the prompt or use a model with a larger context"
    case .malformedReply: "is this a chat endpoint? The base URL usually ends in /v1"
    case .tls: "check the server's certificate"
    case .redirect: "give the endpoint the URL that the redirect leads to, if you trust it"
    case .tooLarge: "lower max_tokens; a reply this large is hardly meant"
    case .insecure: "use https, or allow plain HTTP for this endpoint"
    case .budget: "raise the budget and run the same command again: it goes on where it stopped"
    case .notRecorded: "the task has changed since it was recorded: undo that, or record it again"
    case .cancelled: "run the same command again: it goes on where it stopped"
    case .configuration: "give the endpoint a base URL, a model and, if it wants one, a key"
    case .archive: "check the disk and the file's mode"
    }
  }
}
