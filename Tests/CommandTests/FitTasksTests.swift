import Foundation
import HoneTrace
import Testing

/// The ready tasks that fit models inside their trials: offline, whole, shown and replayed.
@Suite(.serialized) struct FitTasksTests {
  static func file(_ path: String) -> String { Program.sources.appendingPathComponent(path).path }

  /// Two trials of each; what is had without the fit stands beside the score, on validation and on the test.
  @Test(arguments: [
    ("intent-calibration", "cost_uncalibrated"), ("retrieval-fusion", "hit_best_single"), ("intent-classifier", ""),
  ])
  func aReadyTaskTunesOffline(_ name: String, _ baseline: String) async throws {
    let program = try Program([:])
    defer { program.remove() }
    let result = try await program.run("tune", Self.file("tasks/\(name).yaml"), "--trials", "2", "--quiet")
    #expect(result.code == 0, "\(result)")
    #expect(result.out.contains("     Spent 0 requests, 0 tokens"), "\(result.out)")
    #expect(result.out.contains(" oracle calls of the trial") && result.out.contains("a cold start differs by"))
    if !baseline.isEmpty {
      #expect(result.out.contains("Beside") && result.out.contains("\(baseline) 0."), "\(result.out)")
    }
    let listed = try await program.run("show", name)
    #expect(listed.out.contains("Trial 1") && listed.out.contains("Fitted"), "\(listed.out)")
    let trial = try await program.run("show", "\(name)/1")
    #expect(trial.out.contains("Outcome oracle_calls"), "\(trial.out)")
    // One stands for all: each runs its fits once more.
    guard name == "intent-calibration" else { return }
    let again = try await program.run("replay", name)
    #expect(again.code == 0 && again.out.contains("Same 2 trials"), "\(again)")
  }

  /// Wrong labels, with fewer rows than the ready task has: both baselines are printed, and the trace names the labels.
  @Test func cleaningPrintsItsBaselines() async throws {
    let program = try Program([:])
    defer { program.remove() }
    try program.write("task.yaml", String(contentsOfFile: Self.file("tasks/digits-cleaning.yaml"), encoding: .utf8))
    for (name, places) in [("train", [0..<40, 600..<620]), ("validation", [0..<40]), ("test", [0..<40])] {
      let text = try String(contentsOfFile: Self.file("tasks/data/digits-noisy/\(name).jsonl"), encoding: .utf8)
      let lines = text.split(separator: "\n")
      try program.write(
        "data/digits-noisy/\(name).jsonl", places.flatMap { lines[$0] }.joined(separator: "\n") + "\n")
    }
    let result = try await program.run("tune", "task.yaml", "--trials", "1", "--force", "--quiet")
    #expect(result.code == 0, "\(result)")
    for name in ["accuracy_checked_only", "accuracy_all_rows"] {
      #expect(result.out.contains("\(name) 0."), "\(result.out)")
    }
    let trace = try await program.run("show", "digits-cleaning/0/1", "--json")
    #expect(trace.out.contains("labels_taken_to_be_wrong") && trace.out.contains("\"train-"), "\(trace.out)")
  }
}
