import Foundation
import HoneNumerics
import Testing

@testable import Hone

@Suite struct OnlineTests {
  static let space = Space([
    ParameterSpec(name: "k", domain: .ordinal([1, 3, 5, 7]), initial: 1),
    ParameterSpec(name: "style", domain: .categorical(["short", "long"]), initial: "short"),
  ])

  /// Thumbs up with a probability that is highest at 5, long.
  static func thumbs(_ assignment: Assignment, _ number: Int) -> Double {
    let k: Double = [1: 0.2, 3: 0.4, 5: 0.7, 7: 0.5][assignment["k"]?.int ?? 1] ?? 0
    let style: Double = assignment["style"] == "long" ? 0.2 : 0
    var random = RandomStream(seed: 3, name: "user/\(number)")
    return random.uniform() < k + style ? 1 : 0
  }

  static func open(_ store: any Store, space: Space = space, name: String = "live") async throws -> Online {
    try await Online.open(store, named: name, space: space, seed: 7)
  }

  @Test func servesTheBestMoreAndMore() async throws {
    let online = try await Self.open(MemoryStore())
    var last: [Assignment] = []
    for number in 0..<400 {
      let ticket = try await online.ask()
      try await online.tell(ticket.id, reward: Self.thumbs(ticket.assignment, number))
      if number >= 300 { last.append(ticket.assignment) }
    }
    let best = Assignment(["k": 5, "style": "long"])
    #expect(await online.status.best.key == best.key)
    #expect(last.count { $0.key == best.key } > 60)
    let status = await online.status
    #expect(status.asked == 400 && status.told == 400 && status.switches == 0)
  }

  @Test func aCostIsMadeLess() async throws {
    let online = try await Online.open(
      MemoryStore(), named: "latency", space: Self.space, direction: .minimize, seed: 1)
    for _ in 0..<150 {
      let ticket = try await online.ask()
      let k = Double(ticket.assignment["k"]?.int ?? 0)
      try await online.tell(ticket.id, reward: 100 * k + (ticket.assignment["style"] == "long" ? 80 : 0))
    }
    #expect(await online.status.best.key == Assignment(["k": 1, "style": "short"]).key)
  }

  /// Late, out of order, lost, twice: after a restart that nobody announced everything goes on as if nothing had happened.
  @Test func aKilledServerGoesOnExactly() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func play(_ path: String, reopenAt: Set<Int>) async throws -> [String] {
      var store = try await SQLiteStore(path: path)
      var online = try await Self.open(store)
      var asked: [String] = []
      var open: [Online.Ticket] = []
      for number in 0..<90 {
        if reopenAt.contains(number) {
          // As after kill -9: nothing was closed, and the old owner's mark is taken away as a dead process's is.
          try await store.release("live", owner: .current, seconds: 0)
          store = try await SQLiteStore(path: path)
          online = try await Self.open(store)
        }
        if number == 50 { try await online.switched(to: "small-2") }
        let ticket = try await online.ask()
        asked.append(ticket.assignment.key)
        open.append(ticket)
        guard number % 6 == 5 else { continue }
        // The newest first; one of them is lost, one comes twice.
        for (offset, ticket) in open.reversed().enumerated() where offset != 3 {
          try await online.tell(ticket.id, reward: Self.thumbs(ticket.assignment, number + offset))
          if offset == 1 { try await online.tell(ticket.id, reward: 0.5) }
        }
        open = []
      }
      let status = await online.status
      #expect(status.asked == 90 && status.told == 75 && status.switches == 1)
      try await online.close()
      return asked
    }
    let whole = try await play(folder.appendingPathComponent("whole.db").path, reopenAt: [])
    let cut = try await play(folder.appendingPathComponent("cut.db").path, reopenAt: [1, 20, 41, 51, 77])
    #expect(whole == cut)
  }

  @Test func closedAndOpenedAgainItRemembers() async throws {
    let store = MemoryStore()
    var online = try await Self.open(store)
    let first = try await online.ask()
    let second = try await online.ask()
    try await online.tell(second.id, reward: 1)
    try await online.close()
    try await online.close()
    await #expect(throws: StudyError.self) { _ = try await online.ask() }
    online = try await Self.open(store)
    try await online.tell(first.id, reward: 0)
    let status = await online.status
    #expect(status.asked == 2 && status.told == 2)
    #expect(status.best.key == second.assignment.key)
    let rewards = try await store.rollouts(of: "live", trial: nil, split: nil, traces: false).compactMap(\.score)
    #expect(rewards.sorted() == [0, 1])
  }

  @Test func mistakesAreNamed() async throws {
    let store = MemoryStore()
    let online = try await Self.open(store)
    let ticket = try await online.ask()
    await #expect(throws: StudyError.self) { try await online.tell("request-7", reward: 1) }
    await #expect(throws: StudyError.self) { try await online.tell("nonsense", reward: 1) }
    await #expect(throws: StudyError.self) { try await online.tell(ticket.id, reward: .nan) }
    // Taken already; no end of settings; another space under the same name.
    await #expect(throws: StudyError.self) { _ = try await Self.open(store) }
    let endless = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0)])
    await #expect(throws: StudyError.self) { _ = try await Self.open(store, space: endless, name: "other") }
    try await online.close()
    let other = Space([ParameterSpec(name: "k", domain: .ordinal([1, 2]), initial: 1)])
    await #expect(throws: StudyError.self) { _ = try await Self.open(store, space: other) }
  }

  /// A space that grew: every reward counts on, the new settings are tried, and a reopened study goes on exactly.
  @Test func aGrownSpaceKeepsWhatWasLearned() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("live.db").path
    func open(_ space: Space) async throws -> Online {
      try await Online.open(path, named: "live", space: space, seed: 7)
    }
    func serve(_ online: Online, _ count: Int) async throws -> [Assignment] {
      var served: [Assignment] = []
      for _ in 0..<count {
        let ticket = try await online.ask()
        let isNew = ticket.assignment["style"] == "table" && ticket.assignment["k"] == 9
        try await online.tell(ticket.id, reward: isNew ? 1 : Self.thumbs(ticket.assignment, served.count))
        served.append(ticket.assignment)
      }
      return served
    }
    func counts() async throws -> [String: Int] {
      let store = try await SQLiteStore(path: path)
      let trials = try await store.trials(of: "live")
      let rollouts = try await store.rollouts(of: "live", trial: nil, split: nil, traces: false)
      return Dictionary(grouping: rollouts) { trials[$0.trial].proposal.assignment.key }.mapValues(\.count)
    }
    var online = try await open(Self.space)
    _ = try await serve(online, 120)
    let late = try await online.ask()
    let before = await online.status
    try await online.close()
    let old = try await counts()
    var grown = Self.space
    grown.parameters[0].domain = .ordinal([1, 3, 5, 7, 9])
    grown.parameters[1].domain = .categorical(["table", "short", "long"])
    online = try await open(grown)
    var status = await online.status
    #expect(status.asked == 121 && status.told == 120 && status.best.key == before.best.key)
    // Also a ticket of the smaller space.
    try await online.tell(late.id, reward: 1)
    let first = try await serve(online, 150)
    status = await online.status
    #expect(status.asked == 271 && status.told == 271)
    #expect(status.best.key == Assignment(["k": 9, "style": "table"]).key, "\(status.best)")
    #expect(first.contains { $0["style"] == "table" && $0["k"] == 3 })
    try await online.close()
    let new = try await counts()
    let served = Dictionary(grouping: first, by: \.key).mapValues(\.count)
    #expect(old.allSatisfy { new[$0.key] == $0.value + (served[$0.key] ?? 0) }, "an old arm is one trial still")
    // Closed once more in between, it serves the same.
    online = try await open(grown)
    #expect(await online.status == status)
    try await online.close()
    for (space, word) in [
      (Self.space, "k is"), (Space(Array(grown.parameters.dropLast())), "style is not there"),
      (Space([grown.parameters[0], ParameterSpec(name: "tone", domain: .bool, initial: false)]), "style is not there"),
      (Space(grown.parameters, forbidden: [["k": 9]]), "forbidden"),
    ] {
      let error = try #require(await #expect(throws: StudyError.self) { _ = try await open(space) })
      #expect("\(error)".contains(word), "\(error)")
    }
    // Nothing of a refused opening stays: the study is free.
    try await open(grown).close()
  }

  /// Hints are about serving, not about workflows that fail or the command line.
  @Test func hintsFit() async throws {
    let online = try await Self.open(MemoryStore())
    _ = try await online.ask()
    var errors: [StudyError?] = []
    errors.append(await #expect(throws: StudyError.self) { try await online.tell("request-7", reward: 1) })
    errors.append(await #expect(throws: StudyError.self) { try await online.tell("request-0", reward: .nan) })
    try await online.close()
    errors.append(await #expect(throws: StudyError.self) { _ = try await online.ask() })
    let endless = Space([ParameterSpec(name: "x", domain: .float(FloatDomain(0...1)), initial: 0)])
    errors.append(
      await #expect(throws: StudyError.self) { _ = try await Self.open(MemoryStore(), space: endless, name: "other") })
    for error in errors {
      let hint = try #require(error).hint
      #expect(["ticket", "open it again", "thumbs", "step"].contains { hint.contains($0) }, "\(hint)")
      #expect(!hint.contains("workflow") && !hint.contains("--"))
    }
  }

  @Test func manyAsksAtOnce() async throws {
    let store = MemoryStore()
    let online = try await Self.open(store)
    let tickets = try await withThrowingTaskGroup(of: Online.Ticket.self) { group in
      for _ in 0..<40 { group.addTask { try await online.ask() } }
      var tickets: [Online.Ticket] = []
      for try await ticket in group { tickets.append(ticket) }
      return tickets
    }
    #expect(Set(tickets.map { $0.id }).count == 40)
    // An arm is one trial, however many asked for it at the same time.
    let trials = try await store.trials(of: "live")
    #expect(Set(trials.map { $0.proposal.assignment.key }).count == trials.count)
    #expect(try await store.rollouts(of: "live", trial: nil, split: nil, traces: false).count == 40)
  }
}
