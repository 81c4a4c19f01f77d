import Foundation

/// A `store-worker` process, built beside the tests.
final class Worker {
  private let process = Process()
  private let output = Pipe()
  private var early = Data()

  /// - Parameter fault: what its disk does, such as "eio:12".
  init(_ arguments: [String], fault: String? = nil) throws {
    let folder = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
    process.executableURL = (folder ?? Bundle.main.bundleURL).appendingPathComponent("store-worker")
    process.arguments = arguments
    process.standardOutput = output
    if let fault {
      process.environment = ProcessInfo.processInfo.environment.merging(["HONE_FAULT": fault]) { $1 }
    }
    try process.run()
  }

  /// Waits until it has said something.
  func waitForOutput() { early += output.fileHandleForReading.availableData }

  func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

  /// Waits for the end; gives the lines that came and whether all went well.
  func end() -> (lines: [String], succeeded: Bool, crashed: Bool) {
    let text = String(decoding: early + output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // A line without its end was cut off by the kill.
    let whole = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    let exited = process.terminationReason == .exit
    return (whole, exited && process.terminationStatus == 0, !exited)
  }
}

extension [String] {
  /// Numbers of the trials of which this was said.
  func trials(_ word: String) -> [Int] {
    compactMap { line in line.hasPrefix(word + " ") ? Int(line.dropFirst(word.count + 1)) : nil }
  }
}
