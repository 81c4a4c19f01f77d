/// A rough count of a text's tokens, for caps on prompts.
public enum Tokens {
  /// Bytes of UTF-8 a token stands for in English prose mixed with code and JSON. Tokenizers differ by some 30 per cent,
  /// and long runs of digits or base64 take about twice as many tokens; a cap should leave room for that.
  public static let bytesPerToken = 3.5

  /// UTF-8 bytes / 3.5, rounded up, and at least 1.
  public static func estimate(_ text: String) -> Int { estimate(bytes: text.utf8.count) }

  static func estimate(bytes: Int) -> Int { max(1, Int((Double(bytes) / bytesPerToken).rounded(.up))) }
}
