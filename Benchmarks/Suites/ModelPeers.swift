import Foundation
import HoneTesting
import HoneTrace

/// This program as a loopback server in a process of its own.
final class ServerProcess {
  let base: String
  private let process: Process

  init() throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).standardizedFileURL
    process.arguments = ["model-server"]
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = Pipe()
    try process.run()
    let line = output.fileHandleForReading.availableData
    base = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func stop() { process.terminate() }

  /// What the child does: answers until its input is closed.
  static func serve() throws {
    let reply = FaultServer.Action.chat("A short answer.")
    let server = try FaultServer(keepsRequests: false) { _ in [reply] }
    print(server.base)
    fflush(nil)
    _ = FileHandle.standardInput.readDataToEndOfFile()
    server.stop()
  }
}

/// Other clients on the same server; those that are not installed are named on stderr and left out.
enum Peers {
  static func figures(_ server: ServerProcess) -> [Figure] {
    let body = FileManager.default.temporaryDirectory.appendingPathComponent("hone-bench-body-\(getpid())").path
    guard FileManager.default.createFile(atPath: body, contents: Data(ModelSuite.body)) else { return [] }
    defer { try? FileManager.default.removeItem(atPath: body) }
    let url = server.base + "/chat/completions"
    var figures: [Figure] = []
    for concurrency in [1, 16, 256] {
      if let value = curl(url, concurrency, body) {
        figures.append(figure("peer: curl program", concurrency, value, "program start shared by 2,000 requests"))
      }
    }
    for client in ["httpx", "requests"] {
      for concurrency in [1, 16, 256] {
        guard let value = python(client, url, concurrency, body) else {
          FileHandle.standardError.write(Data("skipped: python3 has no \(client)\n".utf8))
          break
        }
        figures.append(figure("peer: \(client)", concurrency, value, "one run of 1,024, its own process time"))
      }
    }
    return figures
  }

  private static func figure(_ name: String, _ concurrency: Int, _ value: Double, _ how: String) -> Figure {
    Figure(name: "\(name), concurrency \(concurrency)", value: value, unit: "us CPU a request", how: how)
  }

  private static func curl(_ url: String, _ concurrency: Int, _ body: String) -> Double? {
    let count = 2000
    let entry =
      "url=\"\(url)\"\ndata-binary=\"@\(body)\"\noutput=/dev/null\nheader=\"Content-Type: application/json\"\n"
    let config = body + ".curl"
    let text = Array(repeating: entry, count: count).joined(separator: "next\nsilent\n")
    guard FileManager.default.createFile(atPath: config, contents: Data(text.utf8)) else { return nil }
    defer { try? FileManager.default.removeItem(atPath: config) }
    let parallel = concurrency == 1 ? [] : ["--parallel", "--parallel-max", "\(concurrency)"]
    let before = childSeconds()
    guard run("curl", ["--silent"] + parallel + ["--config", config]) != nil else {
      FileHandle.standardError.write(Data("skipped: no curl program\n".utf8))
      return nil
    }
    return (childSeconds() - before) / Double(count) * 1e6
  }

  private static func python(_ client: String, _ url: String, _ concurrency: Int, _ body: String) -> Double? {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Peers/http_client.py").path
    let python = ProcessInfo.processInfo.environment["HONE_BENCH_PYTHON"] ?? "python3"
    return run(python, [script, client, url, "\(concurrency)", "1024", body])
      .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// Standard output, or nil when the program is missing or fails.
  private static func run(_ program: String, _ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
  }

  private static func childSeconds() -> Double {
    var usage = rusage()
    #if os(Linux)
      getrusage(Int32(RUSAGE_CHILDREN.rawValue), &usage)
    #else
      getrusage(RUSAGE_CHILDREN, &usage)
    #endif
    let (user, system) = (usage.ru_utime, usage.ru_stime)
    return Double(user.tv_sec + system.tv_sec) + Double(user.tv_usec + system.tv_usec) * 1e-6
  }
}
