import HoneNumerics

/// When a failed try is made again, and after how long.
struct RetryPolicy: Sendable {
  var maxTries = 4
  /// A bad 200 is asked for again once.
  var maxMalformed = 1
  var base = 0.5
  var ceiling = 8.0

  /// Full jitter: a random part of an exponentially growing wait, so that clients do not come back in step.
  /// (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.)
  func delay(beforeTry attempt: Int, random: inout RandomStream) -> Double {
    let exponent = Double(1 << min(max(0, attempt - 2), 20))
    return random.uniform() * min(ceiling, base * exponent)
  }

  static func isRetryable(_ status: Int) -> Bool {
    switch status {
    case 408, 409, 425, 429, 500, 502, 503, 504, 529: true
    default: false
    }
  }
}
