import Foundation
import HoneTrace

/// What the program takes to start: `hone --help`, from the build folder that holds this benchmark.
enum CommandSuite {
  struct Run {
    var wall: Double
    var cpu: Double
    var resident: Double
  }

  static func run() async throws -> [Figure] {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let hone = own.deletingLastPathComponent().appendingPathComponent("hone").path
    guard FileManager.default.isExecutableFile(atPath: hone) else {
      throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: hone])
    }
    let runs = try (0..<42).map { _ in try start([hone, "--help"]) }.dropFirst(2)
    let how = "hone --help, 40 starts, output to nowhere"
    let starts = [
      Figure(
        name: "hone --help, median", value: Measure.median(runs.map(\.wall)), unit: "ms wall", target: 20, how: how),
      Figure(name: "hone --help, least", value: runs.map(\.wall).min() ?? .nan, unit: "ms wall", target: 20, how: how),
      Figure(name: "hone --help, CPU", value: Measure.median(runs.map(\.cpu)), unit: "ms CPU", target: 20, how: how),
      Figure(
        name: "hone --help, memory", value: runs.map(\.resident).max() ?? .nan, unit: "MiB", target: 30,
        how: "\(how); largest resident set"),
    ]
    return try starts + ReplayFigures.figures(hone: hone)
  }

  /// Starts a program, its output going nowhere, and waits for its end.
  static func start(_ arguments: [String]) throws -> Run {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    var words = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    let clock = ContinuousClock()
    let began = clock.now
    var child = pid_t()
    let failure = posix_spawn(&child, arguments[0], &actions, nil, &words, environ)
    guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .EINVAL) }
    var (status, usage) = (Int32(), rusage())
    guard wait4(child, &status, 0, &usage) == child, status == 0 else { throw POSIXError(.ECHILD) }
    func milliseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1_000 + Double(time.tv_usec) / 1_000 }
    return Run(
      wall: (clock.now - began) / .milliseconds(1), cpu: milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
      resident: Double(usage.ru_maxrss) / 1_024)
  }
}
