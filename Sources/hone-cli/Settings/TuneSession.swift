import ArgumentParser
import Hone
import HoneModel
import HoneStore
import HoneTasks
import HoneTrace

/// One run of a study from the command line: signals, progress, and the words at its end.
struct TuneSession: Sendable {
  let resolved: ResolvedTask
  let bench: Workbench
  let store: SQLiteStore
  let database: Setting<String>
  /// As they were given, for commands that are shown to be copied.
  let options: TaskOptions
  /// The other words of the command that a raised cap does not change: `--record tape.jsonl`.
  let kept: [String]
  let console: Console

  var study: String { resolved.task.study }

  /// - Throws: `ExitCode` 130, 143 or 129 after a signal; 1 under `requireImprovement`; what the study throws.
  func run(cassette: Cassette?, mode: CassetteMode, requireImprovement: Bool) async throws {
    let view = TuneView(resolved, console: console)
    if try await store.definition(of: study) != nil {
      view.start(try await store.trials(of: study), best: try await Study(store: store, name: study).best())
    }
    let (events, feed) = AsyncStream.makeStream(of: Hone.Progress.self)
    let work = Task {
      defer { feed.finish() }
      return try await bench.run(in: store, cassette: cassette, mode: mode) { feed.yield($0) }
    }
    let interruption = Interruption(console: console) { work.cancel() }
    console.whenOutputCloses { work.cancel() }
    for await event in events { show(event, view) }
    let result = await work.result
    interruption.end()
    console.endProgress()
    if console.isOutputClosed { return }
    if case .failure = result, let code = interruption.exitCode {
      console.status("Stopped", "what was done is kept", .warn)
      console.status("Resume", resumeLine, .info, wraps: false)
      throw ExitCode(code)
    }
    let report = try result.get()
    try ReportView(
      report: report, task: resolved,
      test: try await store.rollouts(of: study, trial: report.bestTrial, split: .test, traces: false),
      trials: try await store.trials(of: study),
      roles: Roles(spends: try await store.spendByRole(of: study)), database: database, options: options,
      kept: kept, isReplay: mode == .replay, console: console
    ).print()
    if requireImprovement, !report.isImproved { throw ExitCode(Exit.no.rawValue) }
  }

  private func show(_ event: Hone.Progress, _ view: TuneView) {
    switch event {
    case .opened(let done, let resumed): view.opening(database.value, done: resumed ? done : nil)
    case .plan(let plan): view.plan(plan)
    case .began(let trial): view.began(trial)
    case .rollouts(let trial, let done, let total): view.rollouts(trial, done, total)
    case .ended(let trial, let incumbent, let spend, let seconds):
      view.ended(trial, incumbent: incumbent, seconds: seconds, tokens: spend.tokens)
    case .remark(let trial, let text): view.remark(trial, text)
    case .attempted(let attempt): view.attempted(attempt)
    case .optimizer(let name, let reason): view.optimizer(name, reason)
    case .asking(let optimizer): view.note("asking \(optimizer)")
    case .testing(let done, let total): view.testing(done, total)
    case .warning(let text): view.warning(text)
    case .finished: break
    }
  }

  /// The command that goes on: as it was typed, without `--fresh`, which would begin again.
  private var resumeLine: String {
    (["hone"] + CommandLine.arguments.dropFirst().filter { $0 != "--fresh" }.map(Shell.quoted)).joined(separator: " ")
  }
}
