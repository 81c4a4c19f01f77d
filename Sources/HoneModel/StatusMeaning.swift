import HoneTrace

/// What a status and the words of an error body mean.
enum StatusMeaning {
  static func of(_ status: Int, _ text: String, endpoint: Endpoint) -> (ModelError.Kind, hint: String?) {
    if status == 402 || [400, 403, 429].contains(status) && isQuota(text) { return (.quota, nil) }
    let text = text.lowercased()
    func mentions(_ words: String...) -> Bool { words.contains { text.contains($0) } }
    if [400, 413, 422].contains(status),
      mentions(
        "exceed_context_size", "context_length_exceeded", "context length", "context size", "context window",
        "prompt is too long")
    {
      return (.contextExceeded, "shorten the prompt or the examples in it, or use a model with a longer context")
    }
    switch status {
    case 401, 403: return (.authentication, keyHint(endpoint))
    case 404: return (.badRequest, "check the model's name and the base URL, which usually ends in /v1")
    case 429, 503, 529: return (.rateLimited, "the server is overloaded: lower the parallelism or try again later")
    case 408, 409, 425, 500...599: return (.server, "try again later")
    default:
      let isTemperature = mentions("temperature") && status == 400
      return (
        .badRequest,
        isTemperature
          ? "many models take temperature 1 alone: set it to 1, or in Swift leave it out with sendsTemperature: false"
          : nil
      )
    }
  }

  /// True when an error body says by its codes that the account is used up.
  ///
  /// Words do not count: OpenAI's text about a rate that is too high names its billing page, and Gemini's names a quota.
  /// The one exception is Anthropic's empty account, a 400 whose type is that of every bad request.
  private static func isQuota(_ text: String) -> Bool {
    guard let body = try? Value.parse(json: text) else { return false }
    // Some servers wrap the error in an array.
    let top = body[0] ?? body
    let error = top["error"] ?? top
    let codes = [error["code"], error["type"], error["details"]?["error_code"], top["code"], top["type"]]
      .compactMap { $0?.string?.lowercased() }
    return codes.contains { code in quotaCodes.contains { code.contains($0) } }
      || codes.contains("invalid_request_error")
        && error["message"]?.string?.hasPrefix("Your credit balance is too low") == true
  }

  private static let quotaCodes = [
    "insufficient_quota", "insufficient_credit", "insufficient_balance", "insufficient_funds", "credits_exhausted",
    "spend_limit", "billing_hard_limit", "billing_not_active", "billing_error",
  ]

  private static func keyHint(_ endpoint: Endpoint) -> String {
    switch endpoint.key {
    case .none: "the endpoint wants a key: put it into an environment variable and name that variable"
    case .environment(let name): "check the key in the environment variable \(name)"
    case .optionalEnvironment(let name):
      "the endpoint wants a key: put one that it takes into the environment variable \(name)"
    case .file(let path): "check the key in the file \(path)"
    }
  }
}
