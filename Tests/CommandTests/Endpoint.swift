import Foundation
import Testing

/// `Fixtures/endpoint.py`, running.
final class Endpoint: @unchecked Sendable {
  private let process = Process()
  private let log: URL
  let port: Int

  var base: String { "http://127.0.0.1:\(port)/v1" }

  init(in folder: URL, _ arguments: String...) throws {
    log = folder.appendingPathComponent("requests-\(UUID().uuidString).log")
    try Data().write(to: log)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", Program.fixtures.appendingPathComponent("endpoint.py").path, log.path] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    var line: [UInt8] = []
    while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
      line.append(byte)
    }
    port = try #require(Int(String(decoding: line, as: UTF8.self)))
  }

  deinit { process.terminate() }

  func stop() {
    process.terminate()
    process.waitUntilExit()
  }

  private func lines(_ word: String) -> [String] {
    let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix(word + " ") }.map { String($0.dropFirst(word.count + 1)) }
  }

  /// Requests that arrived, by hash, in order.
  var begun: [String] { lines("begin") }
  /// Requests that were answered whole, by hash, in order.
  var answered: [String] { lines("end") }
}
