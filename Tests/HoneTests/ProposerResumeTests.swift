import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

/// Every proposer in a simulated world: a study that is cut again and again ends as one that never was, and its recording
/// gives it once more without a request.
@Suite struct ProposerResumeTests {
  static let names = OptimizerCatalog.askingModel.union(["auto", "joint", "portfolio"]).sorted()

  /// One process's share of a study.
  private struct Session {
    let name: String
    var cassette: (any CallArchive)?
    var mode = CassetteMode.off
    /// News after which it is cancelled.
    var cut: Int?
    /// A cap on all requests of the study.
    var requestsCap: Int?
    /// Rows of the sealed test.
    var test = 6
    let workflow = SimulatedEndpoint(SimulatedModel(.few, seed: 3))
    let proposer = SimulatedEndpoint(SimulatedModel(.few, seed: 4))

    var requests: Int { workflow.books.requests + proposer.books.requests }

    /// - Returns: nil when it was cut.
    func run(in store: any Store) async throws -> Report? {
      let runner = SimulatedRunner(
        .few, model: workflow.client(alias: "workflow"),
        hasNumbers: ["auto", "joint", "llambo", "portfolio"].contains(name))
      let optimizer = try OptimizerCatalog.make(name: name, space: runner.space)
      let (proposer, cut, cassette, mode) = (proposer.client(alias: "proposer"), cut, cassette, mode)
      let (test, requestsCap) = (test, requestsCap)
      let news = Lock(0)
      do {
        return try await Task {
          try await Study(store: store, name: "world").run(
            runner, problem: Problem(space: runner.space, objective: Objective(), seed: 5),
            data: SimulatedRunner.data(train: 6, validation: 8, test: test), optimizer: optimizer,
            settings: StudySettings(
              minibatch: 3, parallel: requestsCap == nil ? 2 : 1, budget: Budget(trials: 7, requests: requestsCap)),
            proposer: proposer,
            cassette: cassette, mode: mode, logger: nil
          ) { progress in
            switch progress {
            case .asking, .rollouts, .attempted, .ended, .testing: break
            default: return
            }
            let count = news.withLock { news in
              news += 1
              return news
            }
            if count == cut { withUnsafeCurrentTask { $0?.cancel() } }
          }
        }.value
      } catch StudyError.interrupted {
        return nil
      } catch StudyError.model(let error) where error.kind == .budget {
        return nil
      }
    }
  }

  /// What a study leaves, but for times, as bytes.
  private func left(_ store: any Store, _ report: Report) async throws -> [String] {
    var report = report
    report.seconds = 0
    let rollouts = try await store.rollouts(of: "world", trial: nil, split: nil, traces: true).map { rollout in
      var rollout = rollout
      rollout.seconds = 0
      return try Self.json(rollout)
    }
    return [try Self.json(report), try Self.json(try await store.events(of: "world"))] + rollouts.sorted()
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Where two of them part, for messages.
  private static func difference(_ found: [String], _ expected: [String]) -> String {
    guard found.count == expected.count else { return "\(found.count) and \(expected.count) lines" }
    guard let (a, b) = zip(found, expected).first(where: { $0 != $1 }) else { return "the same" }
    let shared = zip(a, b).prefix { $0 == $1 }.count
    let place = max(0, shared - 60)
    return "\(a.dropFirst(place).prefix(200)) and \(b.dropFirst(place).prefix(200))"
  }

  @Test(arguments: names) func resumeAndReplayHold(_ name: String) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("hone-resume-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("calls.jsonl").path
    let whole = MemoryStore()
    let recording = Session(name: name, cassette: try Cassette(path: path, writable: true), mode: .record)
    let uncut = try await recording.run(in: whole)
    let report = try #require(uncut)
    let expected = try await left(whole, report)
    #expect(recording.proposer.books.requests > 0 && report.trials > 3)

    // Cut after one piece of news, then after two, and so on.
    let cut = try await SQLiteStore(path: folder.appendingPathComponent("study.db").path)
    var (sessions, requests, ended) = (0, 0, Report?.none)
    while ended == nil, sessions < 60 {
      sessions += 1
      let session = Session(name: name, cut: sessions)
      ended = try await session.run(in: cut)
      requests += session.requests
    }
    let resumed = try #require(ended)
    let found = try await left(cut, resumed)
    #expect(found == expected, "\(sessions) sessions: \(Self.difference(found, expected))")
    #expect(sessions > 4 && requests == recording.requests, "\(sessions) sessions")

    // From the cassette, and from the record of the study that was cut.
    let archives: [any CallArchive] = [try Cassette(path: path, writable: false), cut.archive(of: "world")]
    for archive in archives {
      let copy = MemoryStore()
      let replaying = Session(name: name, cassette: archive, mode: .replay)
      let again = try await replaying.run(in: copy)
      let replayed = try #require(again)
      let found = try await left(copy, replayed)
      #expect(found == expected, "\(Self.difference(found, expected))")
      #expect(replaying.requests == 0)
    }
  }

  /// A cap that ends the study between any two requests, also those of one ask (directions and a step in one, insights and
  /// what takes them up): what was received is in the store, is paid for once, and leads to the same study in the end.
  @Test(arguments: ["alphaopt", "forest", "mipro", "portfolio", "textgrad"])
  func nothingPaidIsLostWhenAnAskIsCutShort(_ name: String) async throws {
    let whole = MemoryStore()
    let uncut = Session(name: name, requestsCap: 10_000, test: 0)
    let report = try await uncut.run(in: whole)
    #expect(report != nil)
    let expected = try Self.json(try await whole.events(of: "world"))

    let cut = MemoryStore()
    var (requests, cap, shortAsks) = (0, 0, 0)
    while requests < uncut.requests, cap < uncut.requests {
      cap += 1
      let session = Session(name: name, requestsCap: cap, test: 0)
      do {
        _ = try await session.run(in: cut)
      } catch StudyError.budget {
        // There is nothing to report before the start is measured; what was paid for is kept all the same.
      }
      requests += session.requests
      #expect(requests <= cap)
      #expect(try await cut.spend(of: "world").requests == requests)
      if session.proposer.books.requests > 0 { shortAsks += 1 }
    }
    #expect(requests == uncut.requests && shortAsks > 4)
    let last = try await Session(name: name, requestsCap: 10_000, test: 0).run(in: cut)
    #expect(last != nil)
    #expect(try Self.json(try await cut.events(of: "world")) == expected)
  }
}
