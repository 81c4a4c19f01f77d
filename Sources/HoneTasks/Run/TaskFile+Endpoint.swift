import Foundation
import HoneModel

extension TaskFile {
  /// The endpoint of the model under tuning.
  ///
  /// `HONE_ENDPOINT`, then `OPENAI_BASE_URL` (`ANTHROPIC_BASE_URL` for that API), stand above the file's address;
  /// `HONE_MODEL` above its model name. The alias stays the file's, so that recordings are found again at any address.
  ///
  /// The key is `HONE_API_KEY` when that is set, else the one the file names; `OPENAI_API_KEY` (or its sister) only goes to
  /// an address that the same environment names, or to the provider's own. A server on this machine is asked without a key
  /// when the variable the file names is not set. Nil when the workflow uses no model.
  /// - Throws: `ModelError.configuration` when no model or no address is known.
  public func endpoint(environment: [String: String] = ProcessInfo.processInfo.environment) throws(ModelError)
    -> Endpoint?
  {
    guard let model else {
      guard workflow.asksModel else { return nil }
      return try ModelSpec.unnamed.endpoint(environment: environment, isOverridable: true)
    }
    return try model.endpoint(environment: environment, isOverridable: true)
  }

  /// The endpoint of the optimizer's own model; without one, that of the model under tuning.
  ///
  /// The environment overrides the model under tuning alone: a proposer that is named apart stays where it is named.
  public func proposerEndpoint(environment: [String: String] = ProcessInfo.processInfo.environment)
    throws(ModelError) -> Endpoint?
  {
    guard let model = optimizer.model else { return try endpoint(environment: environment) }
    return try model.endpoint(environment: environment, isOverridable: model.endpoint == nil)
  }

  /// The endpoint that turns texts into vectors; nil when no step may need one. The environment overrides none of it but
  /// the key.
  public func embeddingEndpoint(environment: [String: String] = ProcessInfo.processInfo.environment)
    throws(ModelError) -> Endpoint?
  {
    guard let embedding, embeds else { return nil }
    return try embedding.endpoint(environment: environment, isOverridable: false)
  }

  /// Whether a step may need embeddings.
  var embeds: Bool { workflow.retrievals.contains { $0.mayEmbed(space) } }
}

extension ModelSpec {
  static var unnamed: ModelSpec {
    ModelSpec(
      endpoint: nil, api: .openai, name: nil, alias: nil, key: nil, timeout: nil, price: nil, maxConcurrent: nil,
      allowInsecureHTTP: false)
  }

  fileprivate func endpoint(environment: [String: String], isOverridable: Bool) throws(ModelError) -> Endpoint {
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let prefix = api == .openai ? "OPENAI" : "ANTHROPIC"
    let provider = api == .openai ? "https://api.openai.com/v1" : "https://api.anthropic.com"
    let override = isOverridable ? variable("HONE_ENDPOINT") ?? variable("\(prefix)_BASE_URL") : nil
    let name = (isOverridable ? variable("HONE_MODEL") : nil) ?? self.name
    guard let name else {
      throw ModelError(
        .configuration, "no model is named", hint: "name it under model: in the task file, or set HONE_MODEL")
    }
    guard let base = override ?? endpoint ?? (variable("\(prefix)_API_KEY") == nil ? nil : provider) else {
      throw ModelError(
        .configuration, "no endpoint is named for the model \(name)",
        hint: "name it under model: in the task file, or set \(prefix)_BASE_URL")
    }
    if let override, !Self.isBase(override) {
      let name = variable("HONE_ENDPOINT") == nil ? "\(prefix)_BASE_URL" : "HONE_ENDPOINT"
      throw ModelError(
        .configuration, "the environment variable \(name) holds no base URL", hint: "such as http://127.0.0.1:8080/v1")
    }
    let mayTakeProviderKey = override.map { $0 == variable("\(prefix)_BASE_URL") } ?? base.hasPrefix(provider)
    var endpoint = Endpoint(
      base: base, api: api == .openai ? .openAI : .anthropic, model: name, alias: alias ?? self.name ?? name,
      key: key(variable, provider: mayTakeProviderKey ? "\(prefix)_API_KEY" : nil, isLocal: Self.isLocal(base)),
      price: price,
      allowInsecureHTTP: allowInsecureHTTP)
    if let timeout {
      endpoint.totalTimeout = timeout
      endpoint.firstByteTimeout = min(endpoint.firstByteTimeout, timeout)
      endpoint.connectTimeout = min(endpoint.connectTimeout, timeout)
      // A slow model's first byte may come just before its last.
      if timeout > endpoint.firstByteTimeout { endpoint.firstByteTimeout = timeout }
    }
    if let maxConcurrent { endpoint.maxConcurrent = maxConcurrent }
    return endpoint
  }

  private static func isBase(_ text: String) -> Bool {
    guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty else { return false }
    return ["http", "https"].contains(parts.scheme?.lowercased())
  }

  /// A server on this machine.
  private static func isLocal(_ base: String) -> Bool {
    guard let host = URLComponents(string: base)?.host?.lowercased() else { return false }
    let bytes = host.split(separator: ".", omittingEmptySubsequences: false)
    return ["localhost", "::1", "[::1]"].contains(host)
      || (bytes.count == 4 && bytes[0] == "127" && bytes.allSatisfy { UInt8($0) != nil })
  }

  private func key(_ variable: (String) -> String?, provider: String?, isLocal: Bool) -> Endpoint.KeySource {
    if variable("HONE_API_KEY") != nil { return .environment("HONE_API_KEY") }
    switch key {
    // Most servers on this machine want no key; one that does says so with a 401.
    case .environment(let name):
      return isLocal && variable(name) == nil ? .optionalEnvironment(name) : .environment(name)
    case .file(let path): return .file(path)
    case nil: break
    }
    guard let provider, variable(provider) != nil else { return .none }
    return .environment(provider)
  }
}
