import Foundation
import HoneModel

/// Secrets in what is about to be shown: an error quotes the line of a file in which somebody may have put a key.
enum Hidden {
  /// Values of the environment's secret variables become `[secret:NAME]`; user, password and query of an address become
  /// stars, one a character, so that the marks under a quoted line stay in place.
  static func secrets(
    in text: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String {
    Secrets(of: environment).redact(addresses(in: text))
  }

  private static func addresses(in text: String) -> String {
    var shown = text
    // What stands before an @ in an address, and the value of each pair of its query.
    let user = #/(:\/\/)([^\/@\s"']+)(@)/#
    let query = #/([?&][A-Za-z0-9_.\-]+=)([^&#\s"'}]+)()/#
    for pattern in [user, query] {
      shown = shown.replacing(pattern) { match in
        match.output.1 + String(repeating: "*", count: match.output.2.count) + match.output.3
      }
    }
    return shown
  }
}
