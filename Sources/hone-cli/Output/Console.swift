import Foundation
import HoneTrace

/// All that the program prints: data on standard output, everything else on standard error.
///
/// Lines look like cargo's: a status word, right-aligned in a fixed column, then the news. On a terminal one progress
/// line stands below them and is redrawn at most ten times a second. Thread-safe.
final class Console: Sendable {
  enum Verbosity: Int, Sendable { case quiet, normal, verbose, debug }

  let verbosity: Verbosity
  /// Data is printed as JSON.
  let json: Bool
  /// The stream for people.
  let terminal: Terminal
  /// The stream for data.
  let dataTerminal: Terminal
  private let state: Lock<State>

  private struct State {
    var progress = ""
    var drawn: ContinuousClock.Instant?
    var closed = false
    var whenClosed: (@Sendable () -> Void)?
  }

  /// Columns of the status word.
  static let statusColumns = 10

  init(verbosity: Verbosity, json: Bool, color: Terminal.Color, plain: Bool, environment: [String: String]) {
    self.verbosity = verbosity
    self.json = json
    terminal = Terminal(descriptor: STDERR_FILENO, color: color, plain: plain, environment: environment)
    dataTerminal = Terminal(descriptor: STDOUT_FILENO, color: color, plain: plain, environment: environment)
    state = Lock(State())
  }

  // MARK: - For people

  /// `   Opening hone.db`: not printed under `--quiet`.
  ///
  /// - Parameter wraps: on a terminal, long text goes on below its own beginning; false for commands that are copied.
  func status(_ word: String, _ text: String, _ style: Style = .good, wraps: Bool = true) {
    guard verbosity != .quiet else { return }
    message(wrapped(Self.statusLine(word, text, style, colored: terminal.hasColor), terminal, wraps))
  }

  /// One more line of the status above.
  func below(_ text: String) {
    guard verbosity != .quiet else { return }
    message(String(repeating: " ", count: Self.statusColumns + 1) + text)
  }

  /// Only under `-v`.
  func detail(_ word: String, _ text: String) {
    guard verbosity.rawValue >= Verbosity.verbose.rawValue else { return }
    message(Self.statusLine(word, text, .info, colored: terminal.hasColor))
  }

  func warning(_ text: String) {
    let line = Style.warn.apply("warning:", if: terminal.hasColor) + " " + Printable.clean(text)
    message(wrapped(line, terminal, true, indent: 9))
  }

  /// Draws the line below the others, on a terminal only; the newest text wins.
  func progress(_ text: String) {
    guard terminal.isInteractive, verbosity != .quiet else { return }
    state.withLock { state in
      state.progress = Printable.cut(text, to: terminal.columns - 1)
      let now = ContinuousClock.now
      if let drawn = state.drawn, now - drawn < .milliseconds(100) { return }
      state.drawn = now
      _ = Self.write("\r\u{1b}[K" + state.progress, to: STDERR_FILENO)
    }
  }

  func endProgress() {
    state.withLock { state in
      guard !state.progress.isEmpty else { return }
      state.progress = ""
      state.drawn = nil
      _ = Self.write("\r\u{1b}[K", to: STDERR_FILENO)
    }
  }

  /// One line on standard error, above the progress line.
  func message(_ line: String) {
    state.withLock { state in
      if state.progress.isEmpty {
        _ = Self.write(line + "\n", to: STDERR_FILENO)
      } else {
        _ = Self.write("\r\u{1b}[K\(line)\n\(state.progress)", to: STDERR_FILENO)
      }
    }
  }

  static func statusLine(_ word: String, _ text: String, _ style: Style, colored: Bool) -> String {
    let padding = String(repeating: " ", count: max(0, statusColumns - Printable.width(word)))
    return padding + style.apply(word, if: colored) + " " + text
  }

  // MARK: - Data

  /// One line of data on standard output.
  func data(_ line: String) { put(line + "\n") }

  /// A status line that is the command's result, and so stands on standard output.
  func result(_ word: String, _ text: String, _ style: Style = .good, wraps: Bool = true) {
    data(wrapped(Self.statusLine(word, text, style, colored: dataTerminal.hasColor), dataTerminal, wraps))
  }

  /// What to type next, each command whole and on a line of its own, to be copied.
  func next(_ commands: [String], asData: Bool) {
    for (index, line) in commands.enumerated() {
      let word = index == 0 ? "Next" : ""
      if asData {
        result(word, line, .info, wraps: false)
      } else {
        status(word, line, .info, wraps: false)
      }
    }
  }

  /// Lines of a text that belong to the result line above them.
  func continued(_ text: String) {
    let indent = String(repeating: " ", count: Self.statusColumns + 3)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      data(wrapped(indent + line, dataTerminal, true, indent: indent.count))
    }
  }

  private func wrapped(
    _ line: String, _ terminal: Terminal, _ wraps: Bool, indent: Int = Console.statusColumns + 1
  ) -> String {
    guard wraps, terminal.isInteractive, terminal.columns >= indent * 3 else { return line }
    return Printable.wrapped(line, to: terminal.columns, indent: indent)
  }

  /// One JSON object on a line of its own. `schema` names what its fields mean (Documentation/Formats/cli-json.md).
  func json(_ schema: String, _ fields: [String: Value]) {
    var object = fields
    object["schema"] = .string(schema)
    data(Value.object(object).canonicalJSON)
  }

  private func put(_ text: String) {
    let failure = state.withLock { state -> (() -> Void)? in
      guard !state.closed else { return nil }
      if !state.progress.isEmpty, dataTerminal.isInteractive { _ = Self.write("\r\u{1b}[K", to: STDERR_FILENO) }
      let error = Self.write(text, to: STDOUT_FILENO)
      guard error != 0 else { return nil }
      state.closed = true
      // Whoever read the output has seen enough: that is no error of ours.
      if error == EPIPE { return state.whenClosed ?? { exit(0) } }
      let reason = String(cString: strerror(error))
      return {
        _ = Self.write("error: cannot write to standard output: \(reason)\n", to: STDERR_FILENO)
        exit(Exit.io.rawValue)
      }
    }
    failure?()
  }

  /// What to do when the reader of standard output goes away, instead of ending at once.
  func whenOutputCloses(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.whenClosed = body } }

  var isOutputClosed: Bool { state.withLock { $0.closed } }

  /// The error number, 0 when all was written.
  static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let base = rest.baseAddress, !rest.isEmpty {
        let count = Foundation.write(descriptor, base, rest.count)
        if count < 0 {
          if errno == EINTR { continue }
          if errno == EAGAIN {
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&wait, 1, 1000)
            continue
          }
          return errno
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return 0
    }
  }
}
