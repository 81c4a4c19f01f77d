import Foundation

/// Looks after what the processes of a sandbox use together, which limits of single processes cannot bound. Linux only.
struct SandboxWatch: Sendable {
  struct Limits: Hashable, Sendable {
    /// Bytes of all processes; pages that several share count once for each.
    var memory: Int
    /// Files in each of the sandbox's own folders.
    var files: Int
    /// Bytes of each of those folders, by which they are told from the host's while the sandbox is still being made.
    var scratch: Int
  }

  let limits: Limits
  /// The sandbox's session.
  let leader: pid_t
  /// The sandbox's process namespace, once it has been seen.
  private var namespace: String?
  private let own: String?

  /// - Parameter namespace: the sandbox's, when it is known before.
  init(_ limits: Limits, leader: pid_t, namespace: String? = nil) {
    self.limits = limits
    self.leader = leader
    self.namespace = namespace
    own = Self.namespace(of: "self")
  }

  /// What is used too much of; nil while all is within limits.
  mutating func overrun() -> String? {
    let members = members()
    let memory = members.reduce(0) { $0 + Self.memory(of: $1) }
    if memory > limits.memory { return "more than \(limits.memory >> 20) MiB of memory" }
    // Any process that lives sees the same folders.
    for process in members {
      let seen = ["/tmp", "/dev/shm"].compactMap { files(of: process, in: $0) }
      if let most = seen.max() { return most > limits.files ? "more than \(limits.files) files" : nil }
    }
    return nil
  }

  private mutating func members() -> [pid_t] {
    let found = Leftovers.processes().compactMap { process in
      Self.namespace(of: "\(process)").map { (process: process, namespace: $0) }
    }
    if namespace == nil {
      namespace = found.first { $0.namespace != own && getsid($0.process) == leader }?.namespace
    }
    guard let namespace else { return [] }
    return found.filter { $0.namespace == namespace }.map(\.process)
  }

  static func namespace(of process: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/pid")
  }

  /// Resident bytes that no file backs.
  private static func memory(of process: pid_t) -> Int {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/status") else { return 0 }
    return String(decoding: data, as: UTF8.self).split(separator: "\n").reduce(0) { sum, line in
      guard line.hasPrefix("RssAnon:") || line.hasPrefix("RssShmem:") else { return sum }
      return sum + 1024 * (line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0)
    }
  }

  /// Nil when the process does not see the sandbox's folder (yet).
  private func files(of process: pid_t, in folder: String) -> Int? {
    var status = statvfs()
    guard statvfs("/proc/\(process)/root\(folder)", &status) == 0, status.f_blocks * status.f_frsize == limits.scratch
    else { return nil }
    return Int(status.f_files) - Int(status.f_ffree)
  }
}
