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
final class Peers {
  enum Client: String {
    case curl, httpx, requests
  }

  struct Peer {
    let client: Client
    let name: String
    let how: String
  }

  static let all = [
    Peer(client: .curl, name: "curl program", how: "program start shared by 2,000 requests"),
    Peer(client: .httpx, name: "Python httpx", how: "1,024 requests, its own process time"),
    Peer(client: .requests, name: "Python requests", how: "1,024 requests, its own process time"),
  ]

  private let url: String
  private let body: String
  private let python: String
  private var missing: Set<String> = []

  init(_ server: ServerProcess) throws {
    url = server.base + "/chat/completions"
    body = FileManager.default.temporaryDirectory.appendingPathComponent("hone-bench-body-\(getpid())").path
    try Data(ModelSuite.body).write(to: URL(fileURLWithPath: body))
    let named = ProcessInfo.processInfo.environment["HONE_BENCH_PYTHON"].map { [$0] }
    let candidates = named ?? ["python3", "/usr/bin/python3"]
    python = candidates.first { Self.run($0, ["-c", "import httpx"]) != nil } ?? candidates[0]
  }

  func remove() { try? FileManager.default.removeItem(atPath: body) }

  /// CPU microseconds a request in a run of its own; nil when the client is not there.
  func microseconds(_ peer: Peer, _ concurrency: Int) -> Double? {
    guard !missing.contains(peer.name) else { return nil }
    let value = peer.client == .curl ? curl(concurrency) : ask(peer.client, concurrency)
    if value == nil {
      missing.insert(peer.name)
      FileHandle.standardError.write(Data("skipped: no \(peer.name)\n".utf8))
    }
    return value
  }

  private func curl(_ concurrency: Int) -> Double? {
    let count = 2000
    let entry =
      "url=\"\(url)\"\ndata-binary=\"@\(body)\"\noutput=/dev/null\nheader=\"Content-Type: application/json\"\n"
    let config = body + ".curl"
    let text = Array(repeating: entry, count: count).joined(separator: "next\nsilent\n")
    guard FileManager.default.createFile(atPath: config, contents: Data(text.utf8)) else { return nil }
    defer { try? FileManager.default.removeItem(atPath: config) }
    let parallel = concurrency == 1 ? [] : ["--parallel", "--parallel-max", "\(concurrency)"]
    let before = Self.childSeconds()
    guard Self.run("curl", ["--silent"] + parallel + ["--config", config]) != nil else { return nil }
    return (Self.childSeconds() - before) / Double(count) * 1e6
  }

  private func ask(_ client: Client, _ concurrency: Int) -> Double? {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Peers/http_client.py").path
    return Self.run(python, [script, client.rawValue, url, "\(concurrency)", "1024", body])
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
