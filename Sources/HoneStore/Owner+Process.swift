import Foundation

extension Owner {
  /// The running process.
  public static var current: Owner {
    let process = getpid()
    return Owner(host: hostName, process: process, started: startTime(of: process) ?? 0)
  }

  /// Whether the process still runs.
  ///
  /// On this host its identity decides: the process id together with the time it began, so that neither a clock that
  /// jumps nor a process id that is used again misleads. Of another host only the age of its last heartbeat is known.
  /// - Parameter silence: seconds since its last heartbeat.
  public func isAlive(silence: Double) -> Bool {
    guard host == Owner.hostName else { return silence < Owner.patience }
    guard let found = Owner.startTime(of: process) else { return false }
    return found == started
  }

  /// Seconds without a heartbeat after which a process of another host counts as dead.
  static let patience = 120.0

  /// Seconds between two heartbeats.
  static let heartbeat = 30.0

  /// The host's name; inside a container with process ids of its own, with the name of that numbering behind it.
  static var hostName: String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, buffer.count - 1)
    let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let numbering = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    return numbering.isEmpty || numbering == "pid:[4026531836]" ? name : "\(name) \(numbering)"
  }

  /// When the process began, in clock ticks since boot (field 22 of /proc/PID/stat); nil when there is no such process.
  static func startTime(of process: Int32) -> Int64? {
    #if os(Linux)
      guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return nil }
      let text = String(decoding: bytes, as: UTF8.self)
      // The second field is the program's name in parentheses and may hold anything, so fields count from its end.
      guard let end = text.lastIndex(of: ")") else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 19, fields[0] != "Z" else { return nil }
      return Int64(fields[19])
    #else
      return kill(process, 0) == 0 ? 0 : nil
    #endif
  }
}

extension Owner: CustomStringConvertible {
  public var description: String { "process \(process) on \(host)" }
}
