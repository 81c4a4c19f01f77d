import Foundation

/// How long a server asks to be left alone.
enum RetryAfter {
  /// Longer than this is not waited for.
  static let longest = 120.0

  /// Seconds asked for: `retry-after-ms` first, then `retry-after` as seconds, decimals or an HTTP date. Past dates and
  /// negative figures mean at once; what is no number at all, NaN included, says nothing.
  static func seconds(_ reply: HTTPReply, now: Date) -> Double? {
    if let text = reply.header("retry-after-ms"), let value = number(text) { return max(0, value / 1000) }
    guard let text = reply.header("retry-after") else { return nil }
    if let value = number(text) { return max(0, value) }
    return date(text).map { max(0, $0.timeIntervalSince(now)) }
  }

  private static func number(_ text: String) -> Double? {
    // Double's own reader would take "nan", "inf" and hexadecimals.
    guard text.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }) else { return nil }
    return Double(text).flatMap { $0.isNaN ? nil : $0 }
  }

  /// The date forms of RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT` and the two obsolete ones.
  private static func date(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    for format in ["EEE, dd MMM yyyy HH:mm:ss zzz", "EEEE, dd-MMM-yy HH:mm:ss zzz", "EEE MMM d HH:mm:ss yyyy"] {
      formatter.dateFormat = format
      if let date = formatter.date(from: text) { return date }
    }
    return nil
  }
}
