import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

extension StoreConformance {
  static let rolloutChecks: [Check] = [
    Check(name: "rollouts come back whole, by trial, split and order") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0), proposal(1)], attempts: [], study: "a", owner: .current)
      let long = String(repeating: "long é ", count: 500)
      let all = [
        rollout(1, .test, "x"), rollout(0, .validation, "b", trace: trace(long)),
        rollout(0, .validation, "a\u{0}z", score: nil, failure: .init(.workflow, long)),
        rollout(0, .train, "c", trace: trace("short")), rollout(0, .train, "d", trace: Trace()),
      ]
      try await store.append(rollouts: Array(all[..<2]), calls: [], study: "a")
      try await store.append(rollouts: Array(all[2...]), calls: [], study: "a")
      let sorted = [all[3], all[4], all[1], all[2], all[0]]
      try expectEqual(try await store.rollouts(of: "a", trial: nil, split: nil, traces: true), sorted, "all")
      try expectEqual(
        try await store.rollouts(of: "a", trial: 0, split: .validation, traces: true), [all[1], all[2]], "chosen")
      try expectEqual(try await store.rollouts(of: "a", trial: 5, split: nil, traces: true), [], "none")
      let bare = try await store.rollouts(of: "a", trial: 0, split: .train, traces: false)
      try expectEqual(bare.map(\.trace), [nil, nil], "traces not asked for")
    },
    Check(name: "a failed rollout is replaced, a good one stays") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.begin([proposal(0)], attempts: [], study: "a", owner: .current)
      let failed = rollout(
        0, .train, "x", score: nil, failure: .init(.infrastructure, "503"), trace: trace("first"))
      let good = rollout(0, .train, "x", score: 0.75, trace: trace("second"))
      try await store.append(rollouts: [failed, rollout(0, .train, "y")], calls: [], study: "a")
      try expectEqual(try await store.rollout(cacheKey: failed.cacheKey), nil, "failed ones are not cached")
      try await store.append(rollouts: [good], calls: [], study: "a")
      try await store.append(rollouts: [rollout(0, .train, "x", score: 0.1)], calls: [], study: "a")
      let found = try await store.rollouts(of: "a", trial: nil, split: nil, traces: true)
      try expectEqual(found, [good, rollout(0, .train, "y")], "rollouts")
      try expectEqual(try await store.rollout(cacheKey: good.cacheKey), good, "cached")
      try expectEqual(try await store.rollout(cacheKey: "unknown"), nil, "unknown key")
    },
    Check(name: "the rollout cache reaches over studies") { store in
      for name in ["a", "b"] { _ = try await store.open(definition(name)) }
      let record = rollout(0, .train, "x", trace: trace("t"))
      try await store.append(rollouts: [record], calls: [], study: "b")
      try expectEqual(try await store.rollout(cacheKey: record.cacheKey), record, "found in another study")
    },
    Check(name: "a rollout's score that is not finite is a failure") { store in
      _ = try await store.open(definition("a"))
      var record = rollout(0, .train, "x", score: -.infinity)
      record.outcomes = ["ms": .nan, "n": 1]
      try await store.append(rollouts: [record], calls: [], study: "a")
      let found = try await store.rollouts(of: "a", trial: nil, split: nil, traces: false)
      try expectEqual(found.map(\.score), [nil], "score")
      try expectEqual(found.map(\.failure?.kind), [.score], "failure")
      try expectEqual(found.map(\.outcomes), [["n": 1]], "outcomes")
    },
  ]

  static let callChecks: [Check] = [
    Check(name: "calls are kept once, in order, and counted") { store in
      _ = try await store.open(definition("a"))
      _ = try await store.open(definition("b"))
      let archive = store.archive(of: "a")
      try await archive.append(call("one"))
      try await archive.append(call("two", attempts: 3))
      try await archive.append(call("one", attempts: 9))
      try await store.append(rollouts: [], calls: [call("three", cost: nil), call("two")], study: "a")
      try await store.archive(of: "b").append(call("four"))
      try expectEqual(
        try await store.calls(of: "a", limit: nil), [call("one"), call("two", attempts: 3), call("three", cost: nil)],
        "calls")
      try expectEqual(try await store.calls(of: "a", limit: 1), [call("one")], "limited")
      try expectEqual(try await archive.call(for: "two"), call("two", attempts: 3), "found")
      try expectEqual(try await archive.call(for: "four"), nil, "another study's")
      try expectEqual(try await archive.calls(path: "chat/completions", limit: 2).count, 2, "by path")
      try expectEqual(try await archive.calls(path: "embeddings", limit: 2).count, 0, "by another path")
      var expected = Spend()
      expected.requests = 5
      expected.promptTokens = 30
      expected.completionTokens = 15
      expected.estimatedTokens = 15
      expected.money = 1
      try expectEqual(try await store.spend(of: "a"), expected, "spend")
    },
    Check(name: "spending is known by who asked, failed calls included") { store in
      _ = try await store.open(definition("a"))
      try expectEqual(try await store.spendByRole(of: "a"), [:], "before any call")
      for (key, role, path, status) in [
        ("1", "workflow", "chat/completions", 200), ("2", "proposer", "messages", 200),
        ("3", "workflow", "embeddings", 200), ("4", "proposer", "embeddings", 200), ("5", "proposer", "messages", 503),
      ] {
        var record = call(key, attempts: 2)
        (record.role, record.path, record.status) = (role, path, status)
        try await store.archive(of: "a").append(record)
      }
      let roles = try await store.spendByRole(of: "a")
      try expectEqual(roles.mapValues(\.requests), ["workflow": 2, "proposer": 4, "embedding": 4], "requests")
      try expectEqual(roles.mapValues(\.tokens), ["workflow": 15, "proposer": 30, "embedding": 30], "tokens")
      try expectEqual(roles.values.reduce(Spend(), +), try await store.spend(of: "a"), "together")
    },
    Check(name: "what is stored stays although its task is cancelled") { store in
      _ = try await store.open(definition("a"))
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        let numbers = try await store.begin([proposal(0)], attempts: [], study: "a", owner: .current)
        try await store.archive(of: "a").append(call("paid"))
        try await store.append(rollouts: [rollout(0, .train, "x")], calls: [], study: "a")
        try await store.interrupt(trials: numbers, reason: "stopped", study: "a")
      }
      try await task.value
      try expectEqual(try await store.calls(of: "a", limit: nil).count, 1, "calls")
      try expectEqual(try await store.rollouts(of: "a", trial: nil, split: nil, traces: false).count, 1, "rollouts")
      try expectEqual(try await store.trials(of: "a").map(\.state), [.interrupted], "states")
    },
  ]
}
