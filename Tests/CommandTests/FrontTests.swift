import Foundation
import HoneTrace
import Testing

/// Several outcomes: the front of a study, and choices from it that ask for no rollout.
@Suite(.serialized) struct FrontTests {
  /// A script in which accuracy has its price: a larger `size` is right more often and costs more; `kind` b is dearer than
  /// a and no better.
  private func program(_ goal: String = "{ maximize: accuracy, outcomes: { tokens: minimize } }") throws -> Program {
    let program = try Program()
    let row = { (number: Int) in "{\"id\": \"r\(number)\", \"n\": \(number)}\n" }
    try program.write("train.jsonl", (0..<4).map(row).joined())
    try program.write("validation.jsonl", (4..<16).map(row).joined())
    try program.write("test.jsonl", (24..<30).map(row).joined())
    try program.write(
      "run.sh",
      """
      awk -v size="$1" -v kind="$2" -v n="$3" 'BEGIN {
        right = (n * 7 + 3) % 10 < size
        print "{\\"score\\": " right ", \\"tokens\\": " (kind == "b" ? 30 : 0) + size * 50 + n % 5 "}" }'

      """)
    try program.write(
      "task.yaml",
      """
      version: 1
      study: priced
      goal: \(goal)
      data: { train: train.jsonl, validation: validation.jsonl, test: test.jsonl }
      workflow: { command: [sh, run.sh, $size, $kind, "{n}"] }
      parameters:
        size: { int: [1, 9], initial: 4 }
        kind: { choice: [a, b], initial: b }
      score: { json: score }
      optimizer: { use: tpe, seed: 2, screening: false }
      budget: { trials: 12, parallel: 2 }

      """)
    return program
  }

  /// Trial, score and tokens of what is on no other trial's dark side, by definition.
  private func oracle(_ program: Program) async throws -> Set<Int> {
    let trials = try await program.run("list", "priced", "--json").objects().map { trial in
      (
        number: try #require(trial["trial"]?.int), score: try #require(trial["score"]?.number),
        tokens: try #require(trial["outcomes"]?["tokens"]?.number)
      )
    }
    return Set(
      trials.filter { trial in
        !trials.contains {
          $0.score >= trial.score && $0.tokens <= trial.tokens && ($0.score > trial.score || $0.tokens < trial.tokens)
        }
      }.map(\.number))
  }

  @Test func theReportShowsTheFront() async throws {
    let program = try program()
    defer { program.remove() }
    let checked = try await program.run("check", "task.yaml")
    #expect(checked.out.contains("maximize accuracy, minimize tokens"))
    #expect(checked.out.contains("tpe driven by ParEGO over accuracy and tokens"))
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0, "\(tuned)")
    let expected = try await oracle(program)
    #expect(expected.count > 1)
    let front = try #require(try await program.run("show", "priced", "--front", "--json").objects().first)
    #expect(front["schema"] == "hone.front/1" && front["outcomes"] == ["tokens": "minimize"])
    let points = try #require(front["points"]?.array)
    #expect(Set(points.compactMap { $0["trial"]?.int }) == expected)
    let scores = points.compactMap { $0["score"]?["mean"]?.number }
    #expect(scores == scores.sorted(by: >) && front["examples"] == 12 && front["trials"] == 12)
    let shown = try await program.run("show", "priced")
    #expect(shown.out.contains("tpe driven by ParEGO over accuracy and tokens") && !tuned.error.contains("parego"))
    // The same table three times: at the end of tune, in show, and under --front.
    let table = try await program.run("show", "priced", "--front").out
    let heading = try #require(table.split(separator: "\n").first)
    #expect(heading.contains("\(expected.count) of 12 trials"), "\(table)")
    let lines = table.split(separator: "\n").dropFirst().map { $0.split(separator: " ").map(String.init) }
    #expect(
      lines.first?.prefix(2) == ["TRIAL", "ACCURACY"]
        && lines.dropFirst().compactMap { Int($0[0]) } == points.compactMap { $0["trial"]?.int }, "\(table)")
    #expect(tuned.out.contains(table), "\(tuned.out)\n\(table)")
    #expect(try await program.run("show", "priced").out.contains(table))
    let report = try #require(try await program.run("show", "priced", "--json").objects().first?["report"])
    #expect(
      report["front"]?["points"]?.array?.compactMap { $0["trial"]?.int } == points.compactMap { $0["trial"]?.int })
    #expect(
      report["front"]?["points"]?[0]?["outcomes"]?["tokens"]?["mean"] == points[0]["outcomes"]?["tokens"]?["mean"])
    // The search itself moved along it.
    let notes = try await program.run("list", "priced", "--json").objects().compactMap { $0["note"]?.string }
    #expect(notes.dropFirst().allSatisfy { $0.hasPrefix("for accuracy ") } && Set(notes).count == 12, "\(notes)")
  }

  @Test func twiceTheSameAndResumedTheSame() async throws {
    var shown: [String] = []
    for caps in [["9"], ["9"], ["5", "9"]] {
      let program = try program()
      defer { program.remove() }
      for cap in caps { #expect(try await program.run("tune", "task.yaml", "--trials", cap).code == 0) }
      shown.append(
        try await program.run("show", "priced", "--front", "--json").out + program.run("list", "priced", "--json").out)
      if caps.count > 1 { #expect(try await program.run("replay", "priced").code == 0) }
    }
    #expect(shown[0] == shown[1] && shown[0] == shown[2])
  }

  /// Limits and weights choose among stored trials: with the endpoint gone, and nothing is added to the database.
  @Test func choosesAnewWithoutAnyRollout() async throws {
    let program = try Program()
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder)
    try program.writePromptTask(endpoint.base, trials: 5)
    let task = try program.read("task.yaml").replacingOccurrences(
      of: "{ maximize: accuracy, purpose:", with: "{ maximize: accuracy, outcomes: { tokens: minimize }, purpose:")
    try program.write("task.yaml", task)
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0, "\(tuned)")
    let requests = endpoint.begun.count
    endpoint.stop()
    let before = try await program.snapshot("support")
    let front = try #require(try await program.run("show", "support", "--front", "--json").objects().first)
    let points = try #require(front["points"]?.array)
    let cheapest = try #require(points.min { tokens($0) < tokens($1) })
    let upper = try #require(cheapest["outcomes"]?["tokens"]?["interval"]?["upper"]?.number)
    let limited = try await program.run("best", "support", "--at-most", "tokens=\(upper)", "--json")
    #expect(limited.code == 0, "\(limited)")
    #expect(try limited.objects().map { $0["schema"] } == ["hone.trial/1", "hone.choice/1"])
    // The upper end of the 95 % interval is where P(mean <= limit) is 0.975.
    let choice = try #require(try limited.objects().last)
    #expect(choice["admitted"]?.int ?? 0 >= 1 && (choice["limits"]?[0]?["probability"]?.number ?? 0) >= 0.95)
    let dear = try await program.run("best", "support", "--weight", "tokens=1", "--json")
    #expect(try dear.objects()[0]["trial"] == cheapest["trial"])
    let free = try await program.run("best", "support", "--weight", "tokens=0", "--json")
    #expect(try free.objects()[0]["score"]?.number == points[0]["score"]?["mean"]?.number)
    let balanced = try await program.run("best", "support", "--balance", "tokens=0", "--json")
    #expect(try balanced.objects()[0]["trial"] == cheapest["trial"])
    #expect(endpoint.begun.count == requests)
    #expect(try await program.snapshot("support") == before)
  }

  private func tokens(_ point: Value) -> Double { point["outcomes"]?["tokens"]?["mean"]?.number ?? .infinity }

  /// A study whose goal named no outcome has them in its rollouts all the same.
  @Test func aPlainGoalCanBeWeighedAfterwards() async throws {
    let program = try program("{ maximize: accuracy }")
    defer { program.remove() }
    let tuned = try await program.run("tune", "task.yaml")
    #expect(tuned.code == 0 && !tuned.out.contains("Front"), "\(tuned)")
    let front = try #require(try await program.run("show", "priced", "--front", "--json").objects().first)
    #expect(Set(front["points"]?.array?.compactMap { $0["trial"]?.int } ?? []) == (try await oracle(program)))
    // Mean tokens are 50 size + 2 (+ 30): at most 260 leaves sizes 1 to 5.
    let best = try await program.run("best", "priced", "--at-most", "tokens=260", "--confidence", "0.9")
    #expect(best.code == 0, "\(best)")
    #expect(best.error.contains("Why highest accuracy of the "), "\(best)")
    #expect(best.error.contains("Limit mean tokens <= 260 with probability "), "\(best)")
    let trial = try #require(
      try await program.run("best", "priced", "--at-most", "tokens=260", "--json").objects().first)
    #expect((trial["assignment"]?["size"]?.int ?? 99) <= 5 && best.out.contains("size: "))
    let written = try await program.run("best", "priced", "--at-most", "tokens=260", "--write", "cheap.yaml")
    #expect(written.code == 0)
    let check = try #require(try await program.run("check", "cheap.yaml", "--json").objects().first)
    #expect(check["parameters"]?[0]?["initial"] == trial["assignment"]?["size"])
    let none = try await program.run("best", "priced", "--at-most", "tokens=10")
    #expect(none.code == 1, "\(none)")
    #expect(none.error.contains("no trial is shown to keep mean tokens <= 10 with probability 0.95"), "\(none)")
    #expect(none.error.contains("hint: nearest is trial "), "\(none)")
    let unknown = try await program.run("best", "priced", "--weight", "token=1")
    #expect(unknown.code == 66 && unknown.error.contains("hint: its rollouts have tokens"), "\(unknown)")
  }

  @Test(arguments: [
    ["--at-most", "tokens"], ["--at-most", "=3"], ["--at-most", "tokens=inf"], ["--weight", "tokens=-1"],
    ["--confidence", "0.9"], ["--per-call"], ["--at-most", "tokens=3", "--confidence", "1"],
    ["--weight", "tokens=1", "--balance", "tokens=0.5"], ["--balance", "tokens=2"],
    ["--weight", "tokens=1", "--weight", "tokens=2"],
  ])
  func wrongOptions(_ options: [String]) async throws {
    let program = try Program()
    defer { program.remove() }
    let result = try await program.run(["best", "study"] + options)
    #expect(result.code == 64 && result.error.hasPrefix("error: "), "\(result)")
  }

  @Test func rolloutsWithoutOutcomesHaveNoFront() async throws {
    let program = try Program()
    defer { program.remove() }
    _ = try await program.run("init")
    #expect(try await program.run("tune", "task.yaml", "--trials", "2").code == 0)
    let front = try await program.run("show", "urgency", "--front")
    #expect(front.code == 66 && front.error.contains("no outcomes beside the score"), "\(front)")
    #expect(try await program.run("show", "urgency/1", "--front").code == 64)
  }
}
