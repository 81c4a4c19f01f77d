import Foundation

/// What the program knows about the stream it writes to.
struct Terminal: Sendable {
  enum Color: String, Sendable, CaseIterable { case auto, always, never }

  /// The stream is a terminal that understands cursor movement.
  var isInteractive: Bool
  var hasColor: Bool
  var columns: Int

  /// - Parameter color: what a flag or `HONE_COLOR` asked for; `auto` follows the terminal, `NO_COLOR`, `CLICOLOR_FORCE`
  ///   and `TERM`.
  init(descriptor: Int32, color: Color, plain: Bool, environment: [String: String]) {
    let isTerminal = isatty(descriptor) == 1
    let isDumb = environment["TERM"] == "dumb" || environment["TERM"] == nil
    isInteractive = isTerminal && !isDumb && !plain
    hasColor =
      switch color {
      case .always: true
      case .never: false
      case .auto:
        if let noColor = environment["NO_COLOR"], !noColor.isEmpty {
          false
        } else if let force = environment["CLICOLOR_FORCE"], !force.isEmpty, force != "0" {
          true
        } else {
          isTerminal && !isDumb && !plain
        }
      }
    columns = Self.columns(of: descriptor, environment: environment)
  }

  private static func columns(of descriptor: Int32, environment: [String: String]) -> Int {
    var size = winsize()
    if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    if let text = environment["COLUMNS"], let columns = Int(text), columns > 0 { return columns }
    return 100
  }
}

/// Colours and weights, as SGR codes.
enum Style: String, Sendable {
  case good = "1;32"
  case bad = "1;31"
  case warn = "1;33"
  case info = "1;36"
  case strong = "1"
  case faint = "2"
  case added = "32"
  case removed = "31"

  func apply(_ text: String, if colored: Bool) -> String { colored ? "\u{1b}[\(rawValue)m\(text)\u{1b}[0m" : text }
}
