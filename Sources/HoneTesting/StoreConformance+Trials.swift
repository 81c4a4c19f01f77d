import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

extension StoreConformance {
  static let studyChecks: [Check] = [
    Check(name: "a study is made once and its definition kept") { store in
      let first = definition("a")
      try expectEqual(try await store.open(first), first, "new study")
      var second = first
      second.fingerprint = "other"
      try expectEqual(try await store.open(second), first, "opened again")
      try expectEqual(try await store.definition(of: "a"), first, "definition")
      try expectEqual(try await store.definition(of: "b"), nil, "unknown study")
    },
    Check(name: "studies are listed by name with their best trial") { store in
      for (name, direction) in [("b", Objective.Direction.minimize), ("a", .maximize)] {
        _ = try await store.open(definition(name, direction: direction))
        _ = try await store.begin((0..<5).map { proposal($0) }, attempts: [], study: name, owner: .current)
        try await store.finish(completed(0, 0.5), study: name)
        try await store.finish(completed(1, 0.75), study: name)
        try await store.finish(completed(2, 99, screened: true), study: name)
        try await store.finish(.failed(trial: 3, reason: "no"), study: name)
      }
      let list = try await store.studies()
      try expectEqual(list.map(\.name), ["a", "b"], "names")
      try expectEqual(list.map(\.bestTrial), [1, 0], "best trials")
      try expectEqual(list.map(\.best), [0.75, 0.5], "best scores")
      let counts = list.map { [$0.trials, $0.complete, $0.failed, $0.running] }
      try expectEqual(counts, [[5, 3, 1, 1], [5, 3, 1, 1]], "counts")
    },
    Check(name: "a removed study leaves nothing") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0)], attempts: [attempt(.applied)], study: "a", owner: .current)
      try await store.append(
        rollouts: [rollout(0, .train, "x", trace: trace("t"))], calls: [call("a")], study: "a")
      try await store.setDocument("report", ["x": 1], study: "a")
      try await store.remove("a")
      try expectEqual(try await store.studies(), [], "studies")
      try expectEqual(try await store.rollout(cacheKey: "0/train/x"), nil, "cached rollout")
      _ = try await store.open(definition("a"))
      try expectEqual(try await store.events(of: "a"), [], "events of a new study of that name")
      try expectEqual(try await store.spend(of: "a"), Spend(), "spend")
      try expectEqual(try await store.document("report", study: "a"), nil, "document")
      try await expectError(.notFound, "removing an unknown study") { try await store.remove("zzz") }
    },
    Check(name: "documents are kept by name and replaced") { store in
      _ = try await store.open(definition("a"))
      try await store.setDocument("report", ["score": .double(1)], study: "a")
      try await store.setDocument("report", ["score": .double(2), "n": 2], study: "a")
      try await store.setDocument("other", .null, study: "a")
      try expectEqual(try await store.document("report", study: "a"), ["score": .double(2), "n": 2], "document")
      try expectEqual(try await store.document("other", study: "a"), .null, "null document")
      try expectEqual(try await store.document("third", study: "a"), nil, "unknown document")
    },
    Check(name: "every method refuses an unknown study") { store in
      try await expectError(.notFound, "begin") {
        _ = try await store.begin([proposal(0)], attempts: [], study: "x", owner: .current)
      }
      try await expectError(.notFound, "finish") { try await store.finish(completed(0, 1), study: "x") }
      try await expectError(.notFound, "acquire") { try await store.acquire("x", owner: .current) }
      try await expectError(.notFound, "events") { _ = try await store.events(of: "x") }
      try await expectError(.notFound, "trials") { _ = try await store.trials(of: "x") }
      try await expectError(.notFound, "append") {
        try await store.append(rollouts: [rollout(0, .train, "e")], calls: [], study: "x")
      }
      try await expectError(.notFound, "archive") { try await store.archive(of: "x").append(call("k")) }
      try await expectError(.notFound, "spend") { _ = try await store.spend(of: "x") }
    },
    Check(name: "one driver at a time; seconds add up") { store in
      _ = try await store.open(definition("a"))
      try await store.acquire("a", owner: .current)
      try await expectError(.busy, "second driver") { try await store.acquire("a", owner: otherOwner) }
      try await expectError(.busy, "the same one twice") { try await store.acquire("a", owner: .current) }
      try await store.release("a", owner: otherOwner, seconds: 100)
      try await store.release("a", owner: .current, seconds: 1.5)
      try await store.acquire("a", owner: .current)
      try await store.release("a", owner: .current, seconds: 2)
      try expectEqual(try await store.seconds(of: "a"), 3.5, "seconds")
    },
  ]

  /// This process under another host's name: nothing is known of it but its heartbeat, which is fresh.
  static var otherOwner: Owner { Owner(host: "elsewhere.example", process: 7, started: 7) }

  static let trialChecks: [Check] = [
    Check(name: "trials are numbered without gaps and told in order") { store in
      _ = try await store.open(definition("a"))
      let long = String(repeating: "why ", count: 200)
      let first = [proposal(0), proposal(1, note: long)]
      let attempts = [attempt(.rejected), attempt(.applied)]
      try expectEqual(try await store.begin(first, attempts: [], study: "a", owner: .current), [0, 1], "numbers")
      try expectEqual(
        try await store.begin([proposal(2)], attempts: attempts, study: "a", owner: .current), [2], "numbers")
      let none = try await store.begin([], attempts: [attempt(.malformed)], study: "a", owner: .current)
      try expectEqual(none, [], "numbers")
      try await store.finish(completed(1, 0.5), study: "a")
      try await store.finish(.failed(trial: 0, reason: "infrastructure", kind: .infrastructure), study: "a")
      try expectEqual(
        try await store.events(of: "a"),
        [
          .began(trial: 0, first[0]), .began(trial: 1, first[1]), .attempted(attempts[0]), .attempted(attempts[1]),
          .began(trial: 2, proposal(2)), .attempted(attempt(.malformed)), completed(1, 0.5),
          .failed(trial: 0, reason: "infrastructure", kind: .infrastructure),
        ], "events")
      try expectEqual(
        try await store.trials(of: "a"),
        [
          TrialRecord(number: 0, state: .failed, proposal: first[0], reason: "infrastructure"),
          TrialRecord(
            number: 1, state: .complete, proposal: first[1], estimate: Estimate(mean: 0.5, deviation: 0.25, count: 4),
            outcomes: ["tokens": 12.5]),
          TrialRecord(number: 2, state: .running, proposal: proposal(2)),
        ], "trials")
    },
    Check(name: "many tasks begin and finish at once") { store in
      _ = try await store.open(definition("a"))
      let numbers = try await withThrowingTaskGroup(of: [Int].self) { group in
        for _ in 0..<8 {
          group.addTask {
            var mine: [Int] = []
            for k in 0..<10 {
              let begun = try await store.begin([proposal(k)], attempts: [], study: "a", owner: .current)
              for number in begun { try await store.finish(completed(number, 1), study: "a") }
              mine += begun
            }
            return mine
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      try expectEqual(numbers.sorted(), Array(0..<80), "numbers")
      try expectEqual(try await store.events(of: "a").count, 160, "events")
      try expect(try await store.trials(of: "a").allSatisfy { $0.state == .complete }, "all complete")
    },
    Check(name: "a result is accepted once, also late") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0), proposal(1)], attempts: [], study: "a", owner: .current)
      try await store.interrupt(trials: [0, 1], reason: "stopped", study: "a")
      try expectEqual(try await store.trials(of: "a").map(\.state), [.interrupted, .interrupted], "interrupted")
      try expectEqual(try await store.trials(of: "a").map(\.reason), ["stopped", "stopped"], "reason")
      try await store.finish(completed(0, 0.5), study: "a")
      try await store.finish(completed(0, 0.9), study: "a")
      try await store.finish(.failed(trial: 0, reason: "late"), study: "a")
      try await store.interrupt(trials: [0], reason: "late", study: "a")
      try expectEqual(try await store.trials(of: "a")[0].estimate?.mean, 0.5, "the first result stays")
      try expectEqual(try await store.trials(of: "a")[0].state, .complete, "state stays")
      try expectEqual(try await store.events(of: "a").count, 3, "events")
      try await expectError(.notFound, "unknown trial") { try await store.finish(completed(7, 1), study: "a") }
    },
    Check(name: "an interrupted trial goes on") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0), proposal(1)], attempts: [], study: "a", owner: .current)
      try await store.interrupt(trials: [0], reason: "stopped", study: "a")
      try await store.resume(trial: 0, study: "a", owner: .current)
      try expectEqual(try await store.trials(of: "a")[0].state, .running, "state")
      try expectEqual(try await store.trials(of: "a")[0].reason, "", "reason")
      try await store.finish(completed(0, 1, screened: true), study: "a")
      try await expectError(.notFound, "a trial that was dropped") {
        try await store.resume(trial: 0, study: "a", owner: .current)
      }
      try await expectError(.notFound, "an unknown trial") {
        try await store.resume(trial: 9, study: "a", owner: .current)
      }
      try await expectError(.busy, "a trial of a living process") {
        try await store.resume(trial: 1, study: "a", owner: otherOwner)
      }
    },
    Check(name: "a complete trial is measured again, and every result is told as it was") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0), proposal(1)], attempts: [], study: "a", owner: .current)
      for trial in 0..<2 {
        try await store.finish(completed(trial, 0.5), study: "a")
        try await store.resume(trial: trial, study: "a", owner: .current)
        try expectEqual(try await store.trials(of: "a")[trial].state, .running, "state")
        try expectEqual(try await store.trials(of: "a")[trial].estimate?.mean, 0.5, "the result so far stays")
      }
      try expectEqual(try await store.events(of: "a").suffix(2), [completed(0, 0.5), completed(1, 0.5)], "before")
      try await store.finish(completed(0, 0.75), study: "a")
      try await store.finish(.failed(trial: 1, reason: "broke"), study: "a")
      try expectEqual(try await store.trials(of: "a").map(\.estimate?.mean), [0.75, nil], "newest results")
      try expectEqual(
        try await store.events(of: "a").suffix(4),
        [completed(0, 0.5), completed(1, 0.5), completed(0, 0.75), .failed(trial: 1, reason: "broke")], "all results")
    },
    Check(name: "what a dead owner left running is interrupted at the next acquire") { store in
      _ = try await store.open(definition("a"))
      try await store.acquire("a", owner: deadOwner)
      _ = try await store.begin([proposal(0), proposal(1)], attempts: [], study: "a", owner: deadOwner)
      try await store.finish(completed(1, 1), study: "a")
      _ = try await store.begin([proposal(2)], attempts: [], study: "a", owner: otherOwner)
      try await store.acquire("a", owner: .current)
      try expectEqual(try await store.trials(of: "a").map(\.state), [.interrupted, .complete, .running], "states")
    },
    Check(name: "nothing that is not finite is a score") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin((0..<4).map { proposal($0) }, attempts: [], study: "a", owner: .current)
      for (trial, mean) in [Double.nan, .infinity, -.infinity].enumerated() {
        try await store.finish(completed(trial, mean), study: "a")
      }
      try await store.finish(
        .completed(
          trial: 3, Estimate(mean: 1, deviation: 0, count: 1), screened: false, outcomes: ["ms": .infinity]),
        study: "a")
      try expect(try await store.trials(of: "a").allSatisfy { $0.state == .failed }, "states")
      try expectEqual(try await store.studies().first?.best, nil, "best")
      let last = try await store.events(of: "a").last
      guard case .failed(3, _, nil) = last else { throw Violation(description: "told as \(String(describing: last))") }
    },
  ]
}
