import Foundation

/// Where a model is reached, how it is spoken to, and how long it may take.
public struct Endpoint: Codable, Hashable, Sendable {
  /// The protocol spoken.
  public enum API: String, Codable, Sendable, CaseIterable {
    /// `/chat/completions` and `/embeddings`, as OpenAI and most local servers speak them.
    case openAI = "openai"
    /// `/v1/messages`.
    case anthropic
  }

  /// Where the key comes from. A key is never given by value: it would end up in a file or in argv.
  public enum KeySource: Codable, Hashable, Sendable {
    case none
    /// The name of an environment variable.
    case environment(String)
    /// The name of an environment variable that need not be set: without it the endpoint is asked without a key.
    case optionalEnvironment(String)
    /// A file only its owner can read (mode 0600); its first line is the key.
    case file(String)
  }

  /// The form in which `/embeddings` is asked for vectors. Either form is read, whichever was asked for.
  public enum VectorForm: String, Codable, Sendable, CaseIterable {
    /// A list of numbers: every server knows it.
    case float
    /// 32-bit floats, little-endian, in base64: a quarter as long, in recordings too.
    case base64
  }

  /// The base URL: `http://127.0.0.1:8080/v1`, `https://api.openai.com/v1`, `https://api.anthropic.com`.
  public var base: String
  public var api: API
  public var model: String
  /// The endpoint's name in call keys. Give two endpoints that serve one model name two aliases.
  public var alias: String
  public var key: KeySource
  /// Seconds for name look-up, connection and TLS.
  public var connectTimeout: Double
  /// Seconds from sending to the first byte of the reply.
  public var firstByteTimeout: Double
  /// Seconds for one try from start to last byte.
  public var totalTimeout: Double
  /// Most requests on their way at once; lowered while the server answers 429 or 503.
  public var maxConcurrent: Int
  public var price: Price?
  /// Allows a key over plain HTTP to another machine.
  public var allowInsecureHTTP: Bool
  /// False for models that refuse a temperature.
  public var sendsTemperature: Bool
  public var vectorForm: VectorForm

  public init(
    base: String, api: API = .openAI, model: String, alias: String? = nil, key: KeySource = .none,
    connectTimeout: Double = 5, firstByteTimeout: Double = 60, totalTimeout: Double = 120, maxConcurrent: Int = 4,
    price: Price? = nil, allowInsecureHTTP: Bool = false, sendsTemperature: Bool = true,
    vectorForm: VectorForm = .float
  ) {
    self.base = base
    self.api = api
    self.model = model
    self.alias = alias ?? model
    self.key = key
    self.connectTimeout = connectTimeout
    self.firstByteTimeout = firstByteTimeout
    self.totalTimeout = totalTimeout
    self.maxConcurrent = maxConcurrent
    self.price = price
    self.allowInsecureHTTP = allowInsecureHTTP
    self.sendsTemperature = sendsTemperature
    self.vectorForm = vectorForm
  }

  /// The endpoint that `OPENAI_BASE_URL` and `OPENAI_API_KEY`, or their `ANTHROPIC_` sisters, describe.
  ///
  /// - Parameters:
  ///   - api: which pair of variables to read.
  ///   - model: the model's name; nil reads `OPENAI_MODEL` or `ANTHROPIC_MODEL`.
  /// - Throws: `ModelError.configuration` when no model is named.
  public static func fromEnvironment(
    api: API = .openAI, model: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ModelError) -> Endpoint {
    let prefix = api == .openAI ? "OPENAI" : "ANTHROPIC"
    guard let model = model ?? environment["\(prefix)_MODEL"], !model.isEmpty else {
      throw ModelError(
        .configuration, "no model is named for the endpoint", hint: "name a model, or set \(prefix)_MODEL")
    }
    let standard = api == .openAI ? "https://api.openai.com/v1" : "https://api.anthropic.com"
    let key = "\(prefix)_API_KEY"
    return Endpoint(
      base: environment["\(prefix)_BASE_URL"] ?? standard, api: api, model: model,
      key: environment[key]?.isEmpty == false ? .environment(key) : .none)
  }
}

extension Endpoint {
  /// The base URL taken apart; refuses what must not be spoken to.
  struct Origin: Hashable, Sendable {
    let scheme: String
    let host: String
    let port: Int

    init?(_ url: String) {
      guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
        scheme == "http" || scheme == "https", let host = parts.host?.lowercased(), !host.isEmpty
      else { return nil }
      self.scheme = scheme
      self.host = host.trimmingCharacters(in: ["[", "]"])
      port = parts.port ?? (scheme == "https" ? 443 : 80)
    }

    var isLoopback: Bool {
      if host == "localhost" || host == "::1" { return true }
      let bytes = host.split(separator: ".", omittingEmptySubsequences: false)
      return bytes.count == 4 && bytes[0] == "127" && bytes.allSatisfy { UInt8($0) != nil }
    }

    /// How messages name the endpoint: no path, no query, nothing secret.
    var description: String { "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
  }

  /// The URL of a path under the base; a query of the base stays behind the path.
  func url(_ path: String) -> String {
    let parts = base.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var root = String(parts.first ?? "")
    while root.hasSuffix("/") { root.removeLast() }
    if api == .anthropic, !root.hasSuffix("/v1") { root += "/v1" }
    return "\(root)/\(path)" + (parts.count > 1 ? "?\(parts[1])" : "")
  }

  /// Checks what can be known before a request is sent.
  /// - Parameter hasKey: whether a key would go along.
  func origin(hasKey: Bool) throws(ModelError) -> Origin {
    guard let origin = Origin(base) else {
      throw ModelError(
        .configuration, "the endpoint \"\(alias)\" has no usable base URL: it must start with http:// or https://",
        hint: "set OPENAI_BASE_URL, or the endpoint's base, to something like http://127.0.0.1:8080/v1")
    }
    guard URLComponents(string: base)?.user == nil, URLComponents(string: base)?.password == nil else {
      throw ModelError(
        .configuration, "the base URL of endpoint \"\(alias)\" holds a user name or password",
        hint: "put the key into an environment variable and name that variable instead")
    }
    guard !hasKey || origin.scheme == "https" || origin.isLoopback || allowInsecureHTTP else {
      throw ModelError(
        .insecure, "the key of endpoint \"\(alias)\" would be sent unencrypted to \(origin.description)",
        hint: "use https://, or allow it with --insecure-http")
    }
    return origin
  }

  /// Reads the key.
  func readKey(environment: [String: String]) throws(ModelError) -> (name: String, value: String)? {
    switch key {
    case .none: return nil
    case .optionalEnvironment(let name): return environment[name].flatMap { $0.isEmpty ? nil : (name, $0) }
    case .environment(let name):
      guard let value = environment[name], !value.isEmpty else {
        throw ModelError(
          .configuration, "the environment variable \(name), which holds the key of endpoint \"\(alias)\", is not set",
          hint: "export \(name)=…")
      }
      return (name, value)
    case .file(let path): return (name: "KEY_FILE", value: try Self.readKeyFile(path))
    }
  }

  private static func readKeyFile(_ path: String) throws(ModelError) -> String {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue else {
      throw ModelError(.configuration, "the key file \(path) cannot be read", hint: "make it, with the key on one line")
    }
    guard mode & 0o077 == 0 else {
      throw ModelError(
        .configuration, "the key file \(path) can be read by other users (mode \(String(mode, radix: 8)))",
        hint: "chmod 600 \(path)")
    }
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let value = text.split(whereSeparator: \.isNewline).first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    guard !value.isEmpty else {
      throw ModelError(
        .configuration, "the key file \(path) is empty or not text", hint: "put the key on its first line")
    }
    return value
  }
}
