import Foundation
import HoneTrace
import Testing

/// The built `hone`, run as a user runs it.
struct Program: Sendable {
  /// What a run left behind.
  struct Result: Sendable {
    var code: Int32
    var out: String
    var error: String

    /// Standard output as JSON Lines.
    func objects(_ location: SourceLocation = #_sourceLocation) throws -> [Value] {
      try out.split(separator: "\n").map { line in
        try #require(try? Value.parse(json: line), "no JSON: \(line)", sourceLocation: location)
      }
    }
  }

  /// A fresh folder that the program runs in.
  let folder: URL
  var environment: [String: String]

  static let executable = Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent("hone")
  static let fixtures = Bundle.module.bundleURL.appendingPathComponent("Fixtures")
  static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  init(_ environment: [String: String] = [:]) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("hone-command-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin", "TERM": "xterm"]
    if let path = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] { self.environment["LD_LIBRARY_PATH"] = path }
    self.environment.merge(environment) { $1 }
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ name: String, _ text: String) throws {
    let url = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }

  func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  /// Runs to the end.
  func run(_ arguments: String..., output: String? = nil) async throws -> Result {
    try await run(arguments, output: output)
  }

  func run(_ arguments: [String], output: String? = nil) async throws -> Result {
    try await start(arguments, output: output).result()
  }

  /// Starts the program and leaves it running. Its output goes to files, so that no pipe can fill up.
  func start(_ arguments: [String], output: String? = nil, executable: URL = executable) throws -> Running {
    try Running(self, executable, arguments, output: output)
  }
}

/// A program that was started.
final class Running: @unchecked Sendable {
  private let process = Process()
  private let outPath: String
  private let errorPath: String
  private let ended: AsyncStream<Int32>

  init(_ program: Program, _ executable: URL, _ arguments: [String], output: String?) throws {
    let id = UUID().uuidString
    outPath = output ?? program.path(".out-\(id)")
    errorPath = program.path(".error-\(id)")
    _ = FileManager.default.createFile(atPath: errorPath, contents: nil)
    if output == nil { _ = FileManager.default.createFile(atPath: outPath, contents: nil) }
    process.executableURL = executable
    process.arguments = arguments
    process.environment = program.environment
    process.currentDirectoryURL = program.folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outPath))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
    ended = stream
    process.terminationHandler = { process in
      let isSignal = process.terminationReason == .uncaughtSignal
      continuation.yield(process.terminationStatus + (isSignal ? 1000 : 0))
      continuation.finish()
    }
    try process.run()
  }

  var pid: Int32 { process.processIdentifier }
  var error: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }
  var out: String { outPath.hasPrefix("/dev/") ? "" : (try? String(contentsOfFile: outPath, encoding: .utf8)) ?? "" }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Waits for the end. A death by signal n has code 1000 + n.
  func result() async -> Program.Result {
    // A program that hangs fails its test instead of hanging the suite. On a busy machine one that does not may take long.
    let limit = Task {
      try await Task.sleep(for: .seconds(300))
      signal(SIGKILL)
    }
    defer { limit.cancel() }
    var code: Int32 = -1
    for await value in ended { code = value }
    return Program.Result(code: code, out: out, error: error)
  }

  /// Waits until the condition holds; false when the program ended, or 30 s passed, before it did.
  func wait(until condition: () -> Bool) async -> Bool {
    for _ in 0..<1500 {
      if condition() { return true }
      guard process.isRunning else { return condition() }
      try? await Task.sleep(for: .milliseconds(20))
    }
    return false
  }
}
