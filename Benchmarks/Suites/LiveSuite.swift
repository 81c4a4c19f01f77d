import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// The tasks of `Benchmarks/Live` with a real model: start, best, sealed test, and what became of the proposer's replies.
///
/// `Scripts/bench live [TASK ...]`, from the repository's root. The task files name a server on this machine; HONE_ENDPOINT
/// or OPENAI_BASE_URL and HONE_MODEL name another. Studies are kept in HONE_LIVE_DB (hone-live.db), so a run that was
/// stopped goes on, and one that has ended is only read.
enum LiveSuite {
  private static let folder = "Benchmarks/Live"

  static func run() async throws -> [Figure] {
    let database = ProcessInfo.processInfo.environment["HONE_LIVE_DB"] ?? "hone-live.db"
    let asked = CommandLine.arguments.dropFirst(2).map { $0.hasSuffix(".yaml") ? String($0.dropLast(5)) : $0 }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.sorted()
      .map { String($0.dropLast(5)) }.filter { asked.isEmpty || asked.contains($0) }
    guard !names.isEmpty else {
      throw LiveError(message: "no task of \(folder) is called \(asked.joined(separator: ", "))")
    }
    var results: [LiveResult] = []
    for name in names {
      let task = try TaskFile.load(path: "\(folder)/\(name).yaml")
      try tune("\(folder)/\(name).yaml", database)
      let store = try await SQLiteStore(path: database, readOnly: true)
      guard let result = try await LiveResult(name: name, task: task, store: store) else {
        throw LiveError(message: "\(name): the study ended without a report")
      }
      results.append(result)
    }
    write(LiveTable.text(results))
    return results.flatMap(\.figures) + Replies(results.flatMap(\.attempts)).figures(of: "all tasks", target: 95)
  }

  /// Runs the built program, which goes on with a study that was begun.
  private static func tune(_ task: String, _ database: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appendingPathComponent("hone")
    process.arguments = ["tune", task, "--db", database, "--plain"]
    process.standardOutput = FileHandle.standardError
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw LiveError(message: "hone tune \(task) ended with code \(process.terminationStatus)")
    }
  }

  private static func write(_ text: String) { FileHandle.standardError.write(Data("\n\(text)\n".utf8)) }
}

struct LiveError: Error, CustomStringConvertible {
  var message: String
  var description: String { message }
}

/// What a study has stored.
struct LiveResult {
  var name: String
  var optimizer: String
  var report: Report
  var attempts: [Attempt]
  /// Requests and tokens by role.
  var spend: [String: Spend] = [:]

  /// Nil: the study has no report.
  init?(name: String, task: TaskFile, store: SQLiteStore) async throws {
    guard let stored = try await store.document("report", study: task.study) else { return nil }
    self.name = name
    optimizer = task.optimizer.name
    report = try JSONDecoder().decode(Report.self, from: Data(stored.canonicalJSON.utf8))
    attempts = try await store.events(of: task.study).compactMap {
      if case .attempted(let attempt) = $0 { attempt } else { nil }
    }
    for call in try await store.calls(of: task.study, limit: nil) {
      spend[call.role, default: Spend()].add(call.usage, requests: call.attempts)
    }
  }

  var figures: [Figure] {
    let prefix = "live \(name), \(optimizer)"
    let rows = report.validation.map { "\($0.count) validation rows" } ?? "no other trial was better"
    var figures = [
      Figure(
        name: "\(prefix): start", value: report.start?.mean ?? .nan, unit: "accuracy", better: .higher,
        how: "untuned, \(report.start?.count ?? 0) validation rows"),
      Figure(
        name: "\(prefix): best", value: report.best.mean, unit: "accuracy", better: .higher,
        how: "\(report.trials) trials, chosen on \(rows)"),
    ]
    if let test = report.test {
      let (lower, upper) = (test.gainInterval.lower.rounded(toDigits: 3), test.gainInterval.upper.rounded(toDigits: 3))
      figures.append(
        Figure(
          name: "\(prefix): gain on the sealed test", value: test.gain, unit: "accuracy", better: .higher,
          how: "\(test.count) rows, \(test.start.rounded(toDigits: 3)) to \(test.best.rounded(toDigits: 3)), "
            + "95 % interval \(lower) to \(upper), p \(test.pValue.rounded(toDigits: 2)); "
            + (report.isImproved ? "improvement shown" : "no improvement shown")))
    }
    for role in spend.keys.sorted() {
      guard let spend = spend[role] else { continue }
      figures.append(
        Figure(
          name: "\(prefix): requests, \(role)", value: Double(spend.requests), unit: "requests",
          how: "\(spend.promptTokens) prompt and \(spend.completionTokens) reply tokens"))
    }
    return figures + Replies(attempts).figures(of: "\(name), \(optimizer)")
  }
}

/// What became of a proposer's replies to requests with a JSON schema.
struct Replies {
  private(set) var counts: [Attempt.Outcome: Int] = [:]

  /// Attempts without a reply (a failed request, a point of numeric search) do not count.
  init(_ attempts: [Attempt]) {
    for attempt in attempts where attempt.outcome != .modelFailed && attempt.outcome != .fallback {
      counts[attempt.outcome, default: 0] += 1
    }
  }

  var total: Int { counts.values.reduce(0, +) }
  var applied: Int { counts[.applied] ?? 0 }
  /// Read, of the right form, and every value in its domain: applied, known already, or the wish to stop.
  var usable: Int { applied + (counts[.duplicate] ?? 0) + (counts[.terminated] ?? 0) }

  var words: String {
    counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
      .joined(separator: ", ")
  }

  static func percent(_ part: Int, of total: Int) -> Double { total > 0 ? 100 * Double(part) / Double(total) : .nan }

  func figures(of name: String, target: Double? = nil) -> [Figure] {
    guard total > 0 else { return [] }
    return [
      Figure(
        name: "live \(name): replies with json_schema that are usable", value: Self.percent(usable, of: total),
        unit: "%", target: target, better: .higher,
        how: "\(usable) of \(total) replies, repairs included, can be read and have every value in its domain: \(words)"
      ),
      Figure(
        name: "live \(name): replies with json_schema that are used", value: Self.percent(applied, of: total),
        unit: "%", better: .higher, how: "\(applied) of \(total) replies; what is known already is not run again"),
    ]
  }
}

/// The results as a Markdown table.
enum LiveTable {
  static func text(_ results: [LiveResult]) -> String {
    var lines = [
      "| task | proposer | trials | start | best | sealed test: start, best | gain, 95 % interval | p | requests: workflow, proposer | tokens: workflow, proposer | replies: used, usable, all |",
      "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results {
      let report = result.report
      let test = report.test.map { test in
        let interval = "\(two(test.gainInterval.lower)) to \(two(test.gainInterval.upper))"
        return
          "\(two(test.start)), \(two(test.best)) (n = \(test.count)) | \(two(test.gain)) (\(interval)) | \(two(test.pValue))"
      }
      let replies = Replies(result.attempts)
      let cells = [
        result.name, result.optimizer, String(report.trials), two(report.start?.mean), two(report.best.mean),
        test ?? "not opened: \(report.untested) | - | -",
        roles(result) { String($0.requests) }, roles(result) { String($0.tokens) },
        "\(replies.applied), \(replies.usable), \(replies.total)",
      ]
      lines.append("| \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n")
  }

  private static func roles(_ result: LiveResult, _ number: (Spend) -> String) -> String {
    ["workflow", "proposer"].map { number(result.spend[$0] ?? Spend()) }.joined(separator: ", ")
  }

  private static func two(_ number: Double?) -> String {
    guard let number else { return "-" }
    return number != 0 && abs(number) < 0.005 ? String(format: "%.1e", number) : String(format: "%.2f", number)
  }
}
