import Foundation
import HoneTrace

/// The same problems by HOAG in numpy, in the same run: seconds of different machines cannot be compared, ratios can.
enum BilevelPeers {
  /// What the page's own HOAG in numpy took on the page's machine, and the best that any peer took there, in CPU seconds.
  private static let page: [String: (numpy: Double, best: Double, part: Double)] = [
    "bc-scalar": (0.0021, 0.0060, 0.5), "digits-scalar": (0.0487, 0.0268, 1), "clean30": (0.6703, 0.3545, 1),
  ]

  /// - Parameter seconds: of our steady state, by problem.
  static func figures(_ seconds: [String: Double]) throws -> [Figure] {
    let found = try numbers("hoag_reference", "problem", "seconds")
    return page.keys.sorted().compactMap { name in
      guard let peer = found[name], let own = seconds[name], let page = page[name] else { return nil }
      return Figure(
        name: "\(name), steady state by HOAG in numpy", value: own / peer, unit: "x",
        target: page.part * page.best / page.numpy,
        peer: "this HOAG here: \(peer.rounded(toDigits: 3)) s, on the page's machine \(page.numpy) s", peerValue: 1,
        how:
          "the same run and machine; the target is the page's, \(page.part) of its best peer's \(page.best) s, by the same HOAG"
      )
    }
  }

  /// What a script of `Benchmarks/Peers` prints, by name; empty where there is no python3 with numpy.
  static func numbers(_ script: String, _ name: String, _ number: String) throws -> [String: Double] {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let python = ProcessInfo.processInfo.environment["HONE_BENCH_PYTHON"] ?? "python3"
    process.arguments = [python, "Benchmarks/Peers/\(script).py"]
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"]
    ) { $1 }
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var found: [String: Double] = [:]
    for line in text.split(separator: "\n") {
      guard let value = try? Value.parse(json: line), let key = value[name]?.string else { continue }
      found[key] = value[number]?.number
    }
    return found
  }
}
