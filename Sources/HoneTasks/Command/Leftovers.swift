import Foundation

/// Ends processes that a command left behind after leaving its session (double fork, `setsid`).
enum Leftovers {
  /// Ends every process whose environment holds the entry. A process inherits it from the command, so nothing else has it.
  ///
  /// On Linux, by looking through `/proc`; elsewhere the session alone is ended.
  static func end(cookie: String) {
    let entry = Array(cookie.utf8)
    // A process may fork while it is looked for, so the search is repeated until it finds none.
    for _ in 0..<10 {
      let found = processes().filter { environment(of: $0, holds: entry) }
      if found.isEmpty { return }
      for process in found { kill(process, SIGKILL) }
      usleep(2000)
    }
  }

  static func processes() -> [pid_t] {
    guard let folder = opendir("/proc") else { return [] }
    defer { closedir(folder) }
    var found: [pid_t] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let process = pid_t(name), process != getpid() { found.append(process) }
    }
    return found
  }

  private static func environment(of process: pid_t, holds entry: [UInt8]) -> Bool {
    // A zombie's environment is empty, so those that have ended are not found again.
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/environ") else { return false }
    return data.split(separator: 0).contains { $0.elementsEqual(entry) }
  }
}
