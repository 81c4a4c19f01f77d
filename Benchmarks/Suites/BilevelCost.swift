import Foundation
import HoneOptimize
import HoneTrace

/// CPU from the start to within 1e-3 of the best validation loss, of a whole process and of a search within one.
enum BilevelCost {
  /// What peers took on the page's machine, in CPU seconds: jaxopt after and for its compilation, fabianp/hoag (the better of
  /// its schedules).
  static let peers: [String: (jaxopt: Double?, compile: Double, hoag: Double?)] = [
    "bc-scalar": (0.0050, 3.7, 0.0060), "bc-feature": (0.0760, 3.6, 0.6172), "digits-scalar": (0.2775, 4.3, 0.0268),
    "digits-feature": (nil, 4.3, nil), "clean30": (0.3545, 4.2, 0.4751),
  ]

  static func figures(_ data: BilevelData) throws -> [Figure] {
    let tasks = try data.tasks()
    let own = try tasks.map { ($0.name, try steady($0)) }
    let seconds = Dictionary(own.compactMap { name, figures in figures.first.map { (name, $0.value) } }) { $1 }
    return try tasks.flatMap(wholeProcess) + own.flatMap(\.1) + BilevelPeers.figures(seconds) + maid(tasks[2])
  }

  /// MAID from first steps and accuracies over four decades.
  private static func maid(_ task: BilevelTask) throws -> [Figure] {
    var counts: [Int] = []
    for step in [1e-3, 1e-1, 1e1] {
      for accuracy in [1e-3, 1e-1, 1e1] {
        let search = BilevelSearch(step: .maid(MAIDStepper(step: step, accuracy: accuracy)))
        guard try hit(task, search) != nil else { continue }
        counts.append(try search.run(task.problem).count.total)
      }
    }
    let ratio = Double(counts.max() ?? 0) / Double(max(1, counts.min() ?? 0))
    return [
      Figure(
        name: "\(task.name), MAID over four decades of settings", value: counts.count == 9 ? ratio : .nan,
        unit: "x calls, worst to best", target: 4,
        how: "beta_0 and epsilon_0 in 1e-3, 1e-1, 10; all of 9 reach the best + 1e-3, else not a number")
    ]
  }

  /// The CPU seconds of this process at each new lambda, and the lambdas.
  final class Watch: @unchecked Sendable {
    private let lock = NSLock()
    private var seen: [(lambda: [Double], cpu: Double)] = []

    func note(_ lambda: [Double]) {
      lock.withLock {
        if seen.last?.lambda != lambda { seen.append((lambda, Machine.cpuSeconds())) }
      }
    }

    var all: [(lambda: [Double], cpu: Double)] { lock.withLock { seen } }
  }

  /// The problem itself; tells when it was asked at which lambda.
  struct Watched: BilevelProblem {
    let problem: LogisticProblem
    let watch: Watch
    var innerDimension: Int { problem.innerDimension }
    var outerDimension: Int { problem.outerDimension }
    var domain: [ClosedRange<Double>] { problem.domain }
    var innerStart: [Double] { problem.innerStart }
    func inner(_ w: [Double], _ lambda: [Double], gradient: inout [Double]) -> Double {
      problem.inner(w, lambda, gradient: &gradient)
    }
    func innerOuterGradient(_ w: [Double], _ lambda: [Double], into result: inout [Double]) {
      problem.innerOuterGradient(w, lambda, into: &result)
    }
    func outer(_ w: [Double], _ lambda: [Double], gradientW: inout [Double], gradientLambda: inout [Double]) -> Double {
      defer { watch.note(lambda) }
      return problem.outer(w, lambda, gradientW: &gradientW, gradientLambda: &gradientLambda)
    }
    func curvature(_ w: [Double], _ lambda: [Double]) -> any BilevelCurvature { problem.curvature(w, lambda) }
  }

  /// CPU seconds at the first lambda whose re-solved validation loss is within 1e-3 of the best (the scoring is not counted);
  /// nil: never.
  static func hit(_ task: BilevelTask, _ search: BilevelSearch = BilevelSearch()) throws -> (cpu: Double, place: Int)? {
    let watch = Watch()
    let report = try search.run(Watched(problem: task.problem, watch: watch))
    let judge = BilevelSearch(tolerance: 1e-6)
    guard try judge.hypergradient(of: task.problem, at: report.lambda).value <= task.best + 1e-3 else { return nil }
    for (place, (lambda, cpu)) in watch.all.enumerated()
    where try judge.hypergradient(of: task.problem, at: lambda).value <= task.best + 1e-3 {
      return (cpu, place + 1)
    }
    return nil
  }

  /// `hone-bench bilevel one NAME`: prints the CPU seconds of this process at the hit, and its memory then in MiB.
  static func one(_ data: BilevelData, _ name: String) throws -> Never {
    guard let task = try data.tasks().first(where: { $0.name == name }) else { throw CocoaError(.fileNoSuchFile) }
    let found = try hit(task)
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    #else
      getrusage(RUSAGE_SELF, &usage)
    #endif
    print(found?.cpu ?? -1, Double(usage.ru_maxrss) / 1_024)
    exit(0)
  }

  private static func wholeProcess(_ task: BilevelTask) throws -> [Figure] {
    var (seconds, memory): ([Double], [Double]) = ([], [])
    for _ in 0..<3 {
      let (process, output) = (Process(), Pipe())
      process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["bilevel", "one", task.name]
      process.standardOutput = output
      try process.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
      guard numbers.count == 2 else { throw CocoaError(.fileReadCorruptFile) }
      seconds.append(numbers[0] < 0 ? .nan : numbers[0])
      memory.append(numbers[1])
    }
    let peer = peers[task.name]
    let whole = peer.flatMap { peer in peer.jaxopt.map { $0 + peer.compile } }
    return [
      Figure(
        name: "\(task.name), whole process to the best + 1e-3", value: Measure.median(seconds), unit: "s CPU",
        target: whole.map { 0.05 * $0 },
        peer: whole.map { "jaxopt 0.8.5 with its compilation: \($0) s (other machine)" } ?? "jaxopt: none within 150 s",
        peerValue: whole,
        how: "default settings, rows read, median of 3 processes; not a number: not reached"),
      Figure(
        name: "\(task.name), memory", value: memory.max() ?? .nan, unit: "MiB", target: 50,
        peer: "jaxopt: 505 to 565 MiB", how: "largest resident set of those, scoring included"),
    ]
  }

  private static func steady(_ task: BilevelTask) throws -> [Figure] {
    var seconds: [Double] = []
    var place = 0
    for _ in 0..<5 {
      let start = Machine.cpuSeconds()
      guard let found = try hit(task) else { return [] }
      seconds.append(found.cpu - start)
      place = found.place
    }
    let peer = peers[task.name]
    let target: Double? =
      switch task.name {
      case "bc-scalar": (peer?.hoag).map { 0.5 * $0 }
      case "bc-feature": min(0.25 * (peer?.jaxopt ?? .infinity), 0.03 * (peer?.hoag ?? .infinity))
      case "digits-scalar": peer?.hoag
      case "clean30": peer?.jaxopt
      default: nil
      }
    let text = peer.map { "jaxopt \($0.jaxopt.map { "\($0)" } ?? "none"), hoag \($0.hoag.map { "\($0)" } ?? "none") s" }
    return [
      Figure(
        name: "\(task.name), steady", value: Measure.median(seconds), unit: "s CPU", target: target,
        peer: text.map { "\($0) (other machine)" }, peerValue: [peer?.jaxopt, peer?.hoag].compactMap(\.self).min(),
        how: "search alone to the best + 1e-3, \(place) lambdas, median of 5")
    ]
  }
}
