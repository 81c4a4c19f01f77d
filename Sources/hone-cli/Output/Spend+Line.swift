import HoneModel

extension Spend {
  /// `214 requests, 331,902 tokens, 0.43`; estimated tokens are said to be so.
  var line: String {
    var parts = [Format.plural(requests, "request"), Format.plural(tokens, "token")]
    if estimatedTokens > 0 { parts[1] += " (\(Format.count(estimatedTokens)) of them estimated)" }
    if money > 0 { parts.append("\(Format.fixed(money, 4)) of money") }
    return parts.joined(separator: ", ")
  }
}
