import Foundation
import Testing

/// `Fixtures/endpoint.py`, running.
final class Endpoint: @unchecked Sendable {
  private let process = Process()
  private let log: URL
  let port: Int

  var base: String { "http://127.0.0.1:\(port)/v1" }

  init(in folder: URL, _ arguments: String...) async throws {
    log = folder.appendingPathComponent("requests-\(UUID().uuidString).log")
    try Data().write(to: log)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", Program.fixtures.appendingPathComponent("endpoint.py").path, log.path] + arguments
    let portFile = log.appendingPathExtension("port")
    try Data().write(to: portFile)
    process.standardOutput = try FileHandle(forWritingTo: portFile)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    var text = ""
    for _ in 0..<500 where !text.hasSuffix("\n") {
      try await Task.sleep(for: .milliseconds(20))
      text = try String(contentsOf: portFile, encoding: .utf8)
    }
    port = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), "the endpoint did not start")
  }

  deinit { stop() }

  /// Waiting for its end would block one of the few threads that tests run on.
  func stop() { kill(process.processIdentifier, SIGKILL) }

  private func lines(_ word: String) -> [String] {
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix(word + " ") }.map { String($0.dropFirst(word.count + 1)) }
  }

  /// Requests that arrived, by hash, in order.
  var begun: [String] { lines("begin") }
  /// Requests that were answered whole, by hash, in order.
  var answered: [String] { lines("end") }
}
