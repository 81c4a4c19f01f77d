import CCurl
import Dispatch
import Foundation
import HoneTrace

/// The one thread that talks to libcurl.
///
/// `queue` is shared under its lock; the handles are touched by the thread alone. A cancel that comes before its add is
/// kept in the transfer's own phase, so none is lost, and the wake-up is made under the lock, so none can reach a multi
/// handle that is already gone.
final class CurlDriver: @unchecked Sendable {
  private enum Command {
    case add(CurlTransfer)
    case cancel(CurlTransfer)
  }

  private struct Queue {
    var commands: [Command] = []
    var multi: UnsafeMutableRawPointer?
    var stopping = false
    /// The thread has looked and found nothing to do. It looks again after all it does else.
    var isAsleep = false

    /// Only a thread that sleeps needs to be woken, and only once.
    mutating func post(_ command: Command) {
      commands.append(command)
      wake()
    }

    mutating func wake() {
      guard isAsleep, let multi else { return }
      isAsleep = false
      curl_multi_wakeup(multi)
    }
  }

  private let queue = Lock(Queue())

  // The thread's own.
  private var active: [UInt64: CurlTransfer] = [:]
  private var count: UInt64 = 0
  private var spare: [UnsafeMutableRawPointer] = []
  private var lastURL: (url: String, isLoopback: Bool)?
  /// First-byte deadlines in nanoseconds of the monotonic clock, earliest first. Those of ended
  /// transfers are dropped now and then.
  private var deadlines: [(due: UInt64, number: UInt64)] = []

  private static let maxSpareHandles = 256
  /// libcurl 7.84 and later initialises itself once, whoever calls first.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  func start() {
    guard Self.isReady, let multi = curl_multi_init() else { return queue.withLock { $0.stopping = true } }
    hone_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    queue.withLock { $0.multi = multi }
    // The handle is owned by the thread from here on; its address alone crosses over.
    let address = UInt(bitPattern: multi)
    let thread = Thread { [self] in
      if let multi = UnsafeMutableRawPointer(bitPattern: address) { run(multi) }
    }
    thread.name = "hone-curl"
    thread.start()
  }

  func stop() {
    queue.withLock { queue in
      queue.stopping = true
      queue.wake()
    }
  }

  func add(_ transfer: CurlTransfer, _ completion: CurlTransfer.Completion) {
    let isCancelled = transfer.phase.withLock { phase in
      if case .cancelled = phase { return true }
      phase = .queued(completion)
      return false
    }
    guard !isCancelled else {
      return completion.resume(returning: .failure(TransportError(.cancelled, "cancelled", sent: false)))
    }
    let isStopped = queue.withLock { queue in
      guard !queue.stopping else { return true }
      queue.post(.add(transfer))
      return false
    }
    if isStopped {
      let problem = hone_curl_problem().map { ": " + String(cString: $0) } ?? ""
      transfer.finish(.failure(TransportError(.connection, "libcurl did not start" + problem, sent: false)))
    }
  }

  func cancel(_ transfer: CurlTransfer) {
    let isQueued = transfer.phase.withLock { phase in
      switch phase {
      case .new:
        phase = .cancelled
        return false
      case .queued: return true
      case .cancelled, .done: return false
      }
    }
    if isQueued { queue.withLock { $0.post(.cancel(transfer)) } }
  }

  // MARK: The thread

  private func run(_ multi: UnsafeMutableRawPointer) {
    var running: Int32 = 0
    while true {
      var commands: [Command] = []
      let stopping = queue.withLock { queue in
        queue.isAsleep = false
        swap(&commands, &queue.commands)
        return queue.stopping
      }
      for command in commands {
        switch command {
        case .add(let transfer): begin(transfer, multi)
        case .cancel(let transfer): abort(transfer, multi, .cancelled, "cancelled")
        }
      }
      if stopping { break }
      curl_multi_perform(multi, &running)
      collect(multi)
      let patience = expire(multi)
      let sleeps = queue.withLock { queue in
        queue.isAsleep = queue.commands.isEmpty && !queue.stopping
        return queue.isAsleep
      }
      if sleeps { curl_multi_poll(multi, nil, 0, patience, nil) }
    }
    for transfer in active.values { abort(transfer, multi, .cancelled, "the transport was closed") }
    queue.withLock { queue in
      queue.multi = nil
      for case .add(let transfer) in queue.commands {
        transfer.finish(.failure(TransportError(.cancelled, "the transport was closed", sent: false)))
      }
      queue.commands = []
    }
    for easy in spare { curl_easy_cleanup(easy) }
    curl_multi_cleanup(multi)
  }

  private func begin(_ transfer: CurlTransfer, _ multi: UnsafeMutableRawPointer) {
    guard let easy = spare.popLast() ?? newHandle() else {
      return transfer.finish(.failure(TransportError(.connection, "libcurl has no memory", sent: false)))
    }
    transfer.configure(easy, isLoopback: isLoopback(transfer.request.url))
    count += 1
    transfer.number = count
    active[count] = transfer
    let due = Self.now() + UInt64(min(max(0, transfer.request.firstByteTimeout), 1e6) * 1e9)
    let index = deadlines.lastIndex { $0.due <= due }.map { $0 + 1 } ?? 0
    deadlines.insert((due, count), at: index)
    let code = curl_multi_add_handle(multi, easy)
    if code != CURLM_OK { abort(transfer, multi, .connection, "libcurl refused the request: \(code.rawValue)") }
  }

  private func newHandle() -> UnsafeMutableRawPointer? {
    guard let easy = curl_easy_init() else { return nil }
    CurlTransfer.prepare(easy)
    return easy
  }

  /// Taking a URL apart costs about as much as sending the request, and it is the same one again and again.
  private func isLoopback(_ url: String) -> Bool {
    if let last = lastURL, last.url == url { return last.isLoopback }
    let isLoopback = Endpoint.Origin(url)?.isLoopback == true
    lastURL = (url, isLoopback)
    return isLoopback
  }

  /// Hands over every transfer that has ended.
  private func collect(_ multi: UnsafeMutableRawPointer) {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      let code = hone_message_result(message)
      var context: UnsafeMutableRawPointer?
      hone_get_pointer(easy, CURLINFO_PRIVATE, &context)
      guard let context else { continue }
      let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
      end(transfer, multi, transfer.result(code))
    }
  }

  /// Ends transfers without a first byte in time. Returns the milliseconds until the next one is due.
  private func expire(_ multi: UnsafeMutableRawPointer) -> Int32 {
    let now = Self.now()
    let passed = deadlines.firstIndex { $0.due > now } ?? deadlines.count
    let overdue = deadlines[..<passed].compactMap { active[$0.number] }.filter { !$0.hasFirstByte }
    deadlines.removeFirst(passed)
    for transfer in overdue {
      abort(transfer, multi, .timeout, "no first byte within \(transfer.request.firstByteTimeout) s")
    }
    guard let next = deadlines.first else { return 1000 }
    return Int32(min(1000, (next.due - now) / 1_000_000 + 1))
  }

  private func abort(
    _ transfer: CurlTransfer, _ multi: UnsafeMutableRawPointer, _ kind: TransportError.Kind, _ message: String
  ) {
    guard transfer.easy != nil else { return }
    end(transfer, multi, .failure(TransportError(kind, message, sent: transfer.wasSent)))
  }

  private func end(
    _ transfer: CurlTransfer, _ multi: UnsafeMutableRawPointer, _ result: Result<HTTPReply, TransportError>
  ) {
    guard let easy = transfer.easy else { return }
    curl_multi_remove_handle(multi, easy)
    transfer.release(easy)
    if spare.count < Self.maxSpareHandles { spare.append(easy) } else { curl_easy_cleanup(easy) }
    active[transfer.number] = nil
    if deadlines.count > 64 + 2 * active.count { deadlines.removeAll { active[$0.number] == nil } }
    transfer.finish(result)
  }

  private static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}
