import Foundation

/// Small disks for tests that need one of their own; only root may mount.
enum Mount {
  /// Mounts a disk in memory and fills it; says so and leaves nothing mounted when that is not allowed here.
  static func tmpfs(at path: String, size: String, fill: (String) throws -> Void) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    do {
      try run("mount", "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", path)
    } catch {
      print("skipped: this test needs the right to mount a disk (\(error))")
      return
    }
    try fill(path)
  }

  static func isMounted(_ path: String) -> Bool {
    let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    return mounts.contains(" \(path) ")
  }

  static func unmount(_ path: String) { try? run("umount", "-l", path) }

  static func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    struct Failed: Error { var status: Int32 }
    if process.terminationStatus != 0 { throw Failed(status: process.terminationStatus) }
  }
}
