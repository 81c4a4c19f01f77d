import Dispatch
import Foundation
import HoneTrace

/// Ctrl-C and its relatives. The first signal asks the running work to stop, which has five seconds for it; the second
/// ends the program at once. Nothing acknowledged is lost either way: the store is durable and the next start tidies up.
final class Interruption: Sendable {
  private struct State {
    var signal: Int32?
    var sources: [any DispatchSourceSignal] = []
  }
  private let state = Lock(State())
  static let grace = 5.0

  /// The signal that was received first.
  var signal: Int32? { state.withLock { $0.signal } }
  /// 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP.
  var exitCode: Int32? { signal.map { 128 + $0 } }

  /// - Parameter stop: called once, on the first signal.
  init(console: Console, stop: @escaping @Sendable () -> Void) {
    let queue = DispatchQueue(label: "hone.signals")
    for number in [SIGINT, SIGTERM, SIGHUP] {
      Foundation.signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [weak self] in
        guard let self else { return }
        let isFirst = state.withLock { state in
          defer { state.signal = state.signal ?? number }
          return state.signal == nil
        }
        guard isFirst else { _exit(128 + number) }
        console.status("Stopping", "finishing what is paid for; press Ctrl-C again to stop at once", .warn)
        stop()
        queue.asyncAfter(deadline: .now() + Self.grace) { _exit(128 + number) }
      }
      source.resume()
      state.withLock { $0.sources.append(source) }
    }
  }

  /// Signals end the program in their usual way again.
  func end() {
    state.withLock { state in
      for source in state.sources { source.cancel() }
      state.sources = []
    }
    for number in [SIGINT, SIGTERM, SIGHUP] { Foundation.signal(number, SIG_DFL) }
  }
}
