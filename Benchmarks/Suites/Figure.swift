import Foundation
import HoneTrace

/// One measured number and the bound it is held to.
struct Figure {
  enum Better: String { case lower, higher }

  var name: String
  var value: Double
  var unit: String
  /// nil: measured for the record only.
  var target: Double?
  var better: Better = .lower
  /// What a peer reaches, as text: "trace-opt 0.1.3.8: 48 us".
  var peer: String?
  /// The same as a number in the figure's unit, where the peer did the same work.
  var peerValue: Double?
  /// How it was measured: "median of 5, release".
  var how: String

  /// A figure without a target always holds; one that is not a number never does.
  var holds: Bool {
    guard value.isFinite else { return false }
    guard let target else { return true }
    return better == .lower ? value <= target : value >= target
  }

  var asValue: Value {
    var members: [String: Value] = [
      "name": .string(name), "value": .double(value.rounded(toDigits: 4)), "unit": .string(unit),
      "better": .string(better.rawValue), "holds": .bool(holds), "how": .string(how),
    ]
    members["target"] = target.map(Value.double)
    members["peer"] = peer.map(Value.string)
    members["ratio"] = peerValue.map { .double((value / $0).rounded(toDigits: 4)) }
    return .object(members)
  }
}

extension Double {
  /// Rounded to so many significant digits.
  func rounded(toDigits digits: Int) -> Double {
    guard isFinite, self != 0 else { return self }
    let scale = pow(10, Double(digits) - 1 - log10(abs(self)).rounded(.down))
    return (self * scale).rounded() / scale
  }
}

/// CPU time and memory of this process.
enum Machine {
  /// User and system time of all threads, in seconds.
  static func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Memory in use now, in bytes; nil where there is no /proc.
  static func residentBytes() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * sysconf(Int32(_SC_PAGESIZE)) }
  }

  static var description: String {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
    let name = model.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
    return "\(ProcessInfo.processInfo.activeProcessorCount) x \(name)"
  }
}

/// Takes the same measurement several times.
enum Measure {
  /// The median of `runs` measurements of the CPU seconds that `body` takes. `setUp` is not measured.
  static func cpu<Input, Output>(
    runs: Int = 5, setUp: () throws -> Input, body: (Input) throws -> Output
  ) rethrows -> Double {
    var seconds: [Double] = []
    for _ in 0..<runs {
      let input = try setUp()
      let start = Machine.cpuSeconds()
      let output = try body(input)
      seconds.append(Machine.cpuSeconds() - start)
      withExtendedLifetime(output) {}
    }
    return median(seconds)
  }

  static func cpu<Output>(runs: Int = 5, _ body: () throws -> Output) rethrows -> Double {
    try cpu(runs: runs, setUp: {}, body: { try body() })
  }

  /// The same for asynchronous work.
  static func cpu<Output>(runs: Int = 5, _ body: () async throws -> Output) async rethrows -> Double {
    var seconds: [Double] = []
    for _ in 0..<runs {
      let start = Machine.cpuSeconds()
      let output = try await body()
      seconds.append(Machine.cpuSeconds() - start)
      withExtendedLifetime(output) {}
    }
    return median(seconds)
  }

  static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  /// The slope of a straight line through (log x, log y) by least squares.
  static func logLogSlope(_ points: [(x: Double, y: Double)]) -> Double {
    let logs = points.map { (log($0.x), log($0.y)) }
    let meanX = logs.reduce(0) { $0 + $1.0 } / Double(logs.count)
    let meanY = logs.reduce(0) { $0 + $1.1 } / Double(logs.count)
    let covariance = logs.reduce(0) { $0 + ($1.0 - meanX) * ($1.1 - meanY) }
    return covariance / logs.reduce(0) { $0 + ($1.0 - meanX) * ($1.0 - meanX) }
  }
}
