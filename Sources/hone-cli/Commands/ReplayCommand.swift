import ArgumentParser
import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Run a recorded study again from its own records, and compare.",
    discussion: """
      Every model call is answered from the study's record; no socket is opened. Commands are run again. Requests,
      proposals, scores and the report are compared byte for byte. A round or a test that a budget or a signal cut short is
      left out. Exit 1, with the first difference, when any differs.
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "The study.") var study: String
  @Option(
    help: ArgumentHelp("The task file (default: the one the study was run from).", valueName: "task"),
    completion: .file(extensions: ["yaml", "yml"]))
  var task: String?

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let definition = try await reader.definition(of: study)
    let source = try await TaskSource.stored(in: reader.store, study: study)
    guard let path = task ?? source?.path else {
      throw Failure(
        .missing, "\(study) was not run from a task file", hint: "name the task: hone replay \(study) --task TASK")
    }
    // Of a study whose space was widened, the trials before that can be made again.
    let earlier = try await reader.store.document(Study.earlierSpaces, study: study)?[0]
    let recorded = try await StudyRecord(
      of: study, in: reader.store, limit: earlier?["trials"]?.int, isReported: earlier == nil)
    console.status("Replaying", "\(Printable.line(study))  \(Format.plural(recorded.trials, "trial")), no network")
    let space = try earlier?["space"].map { try ValueDecoder.decode(Space.self, from: $0) }
    let caps = try await reader.store.document(SearchCaps.document, study: study)
    let resolved = try resolved(path, definition, recorded, model: source?.model, space: space, caps: caps)
    var data = try resolved.task.loadData()
    if !recorded.isTested { data.test = [] }
    let bench = try Workbench(resolved, data: data, transport: { NoTransport() })
    let copy = MemoryStore()
    var problem: (any Error)?
    do {
      // However many rounds were in vain: more trials came of it.
      _ = try await bench.run(
        in: copy,
        cassette: LoadedCalls(try await reader.store.replies(of: study), archive: reader.store.archive(of: study)),
        mode: .replay, emptyRounds: .max, caps: caps)
    } catch {
      problem = error
    }
    let replayed = try await StudyRecord(of: study, in: copy, limit: recorded.trials)
    let difference = try await recorded.difference(to: replayed, archive: reader.store.archive(of: study))
    try report(difference, recorded.trials, recorded.bytes(comparedWith: replayed), problem, console)
  }

  /// The task as the study was run with it: its seed, and no more trials than it made. Nothing ends it by the clock.
  private func resolved(
    _ path: String, _ definition: StudyDefinition, _ recorded: StudyRecord, model: String?, space: Space?,
    caps recordedCaps: Value?
  ) throws -> ResolvedTask {
    var task = try TaskFile.load(path: path).keepingStarts(of: definition.problem.space)
    task.study = study
    if let space { task.space = space }
    task.optimizer.seed = definition.problem.seed
    // A round of several is asked for as many as it was, also when not all of them ended.
    let isOneARound = (OptimizerCatalog.candidates(.object(task.optimizer.settings)) ?? 1) == 1
    let caps = task.budget
    task.budget = Budget(trials: max(1, isOneARound ? recorded.trials : recorded.begun))
    if let scheduler = task.optimizer.scheduler, try SchedulerCatalog.make(name: scheduler.name).plansWithRollouts {
      guard space == nil else {
        throw Failure(
          .no,
          "\(study): its space was widened while \(scheduler.name) measured trials bit by bit, old ones with new ones",
          hint: "such a study cannot be run again; one that measures each trial whole can, up to the change")
      }
      task.budget = recordedCaps == nil ? Budget(trials: caps.trials, rollouts: caps.rollouts) : Budget()
    }
    var environment = ProcessInfo.processInfo.environment
    // Where the model was does not matter; that it was named does.
    if let model { environment["HONE_MODEL"] = model }
    if task.model?.endpoint == nil { environment["HONE_ENDPOINT"] = "http://127.0.0.1:9/v1" }
    return ResolvedTask(task: task, settings: [], environment: environment)
  }

  private func report(
    _ difference: JSONDifference?, _ trials: Int, _ bytes: Int, _ problem: (any Error)?, _ console: Console
  ) throws {
    if console.json {
      console.json(
        "hone.replay/1",
        [
          "study": .string(study), "trials": .int(trials), "same": .bool(difference == nil), "bytes": .int(bytes),
          "path": (difference?.path).asValue, "recorded": (difference?.left).asValue,
          "replayed": (difference?.right).asValue,
        ])
    } else if difference == nil {
      console.result(
        "Same",
        "\(Format.plural(trials, "trial")), \(Format.count(bytes)) bytes of prompts, outputs, proposals, scores and report"
      )
    }
    guard let difference else { return }
    // A request that was never recorded says itself which one it is nearest to.
    let why = problem.map { "\(Failure($0).message); " } ?? ""
    throw Failure(
      .no, "\(study): the replay differs: \(why)\(difference)",
      hint: "the task, its data or hone have changed since: undo that, or tune it anew with hone tune --fresh")
  }
}

/// A study's replies, read once: a transaction for each of them would cost more than the call itself. Requests are read
/// when one is unknown and the nearest is to be named.
private struct LoadedCalls: CallArchive {
  private let replies: [String: CallRecord]
  private let archive: any CallArchive

  init(_ replies: [CallRecord], archive: any CallArchive) {
    self.replies = Dictionary(replies.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    self.archive = archive
  }

  func call(for key: String) async throws -> CallRecord? { replies[key] }
  func append(_ record: CallRecord) async throws {}
  func calls(path: String, limit: Int) async throws -> [CallRecord] {
    try await archive.calls(path: path, limit: limit)
  }
}
