import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace
import Testing

@testable import hone_cli

@Suite struct LineageTests {
  private let space = Space([
    ParameterSpec(name: "prompt", domain: .text(TextDomain()), initial: "Sort it."),
    ParameterSpec(name: "k", domain: .int(IntDomain(0...99)), initial: 0),
  ])

  private func trial(_ number: Int, k: Int, prompt: String = "Sort it.", from parent: Int?) -> TrialRecord {
    TrialRecord(
      number: number, state: .complete,
      proposal: Proposal(
        Assignment(["prompt": .string(prompt), "k": .int(k)]), origin: number == 0 ? "initial" : "gepa",
        parent: parent), estimate: Estimate(mean: Double(number) / 100, deviation: 0, count: 8))
  }

  @Test func leadsOverTheParents() {
    let long = "Sort it into the classes that follow, and give no reason: bug, praise, billing."
    let trials = [
      trial(0, k: 0, from: nil), trial(1, k: 1, from: 0), trial(2, k: 2, from: 0),
      trial(3, k: 2, prompt: long, from: 2),
    ]
    let lineage = Lineage(of: 3, among: trials, space: space)
    #expect(lineage.steps.map { $0.trial?.number } == [0, 2, 3])
    #expect(
      lineage.lines(columns: 80, colored: false) == [
        "0.000  the start", "0.020  trial 2 (gepa)  k 0 -> 2", "0.030  trial 3 (gepa)",
        "       prompt  Sort [-it.-]{+it into the classes that …+} … 8 words more",
      ])
    #expect(Lineage(of: 0, among: trials, space: space).lines(columns: 80, colored: false) == [])
  }

  /// Numbers are searched without parents; a start that was never run, parents that are gone and a damaged circle end it too.
  @Test func endsAtTheStartWhateverIsMissing() {
    let trials = [
      trial(0, k: 0, from: nil), trial(5, k: 5, from: nil), trial(7, k: 7, from: 6), trial(8, k: 8, from: 8),
    ]
    for number in [5, 7] {
      let lines = Lineage(of: number, among: trials, space: space).lines(columns: 80, colored: false)
      #expect(lines == ["0.000  the start", "0.0\(number)0  trial \(number) (gepa)  k 0 -> \(number)"])
    }
    #expect(Lineage(of: 8, among: trials, space: space).steps.count == 2)
    let unrun = Lineage(of: 5, among: [trial(5, k: 5, from: nil)], space: space)
    #expect(unrun.steps.count == 2 && unrun.steps[0].trial == nil)
  }

  @Test func aLongOneIsCutAtTheEndOfTuneAlone() {
    let trials = (0..<30).map { trial($0, k: $0, from: $0 == 0 ? nil : $0 - 1) }
    let lineage = Lineage(of: 29, among: trials, space: space)
    #expect(lineage.lines(columns: 80, colored: false).count == 30)
    let cut = lineage.lines(columns: 80, colored: false, isWhole: false)
    #expect(cut.count == 9 && cut[1] == "… 22 more steps; hone show lists them" && cut[2].contains("trial 23"))
    #expect(cut[0].hasSuffix("the start") && cut[8].contains("trial 29"))
  }

  @Test func repliesBelongToTheTrialsOfTheirRound() {
    func reply(_ origin: String, _ outcome: Attempt.Outcome, _ text: String) -> Event {
      .attempted(Attempt(origin: origin, outcome: outcome, reasoning: text))
    }
    func began(_ number: Int, _ origin: String) -> Event {
      .began(trial: number, Proposal(Assignment(["k": .int(number)]), origin: origin))
    }
    let done = Event.completed(trial: 0, Estimate(mean: 1, deviation: 0, count: 1), screened: false, outcomes: [:])
    let events = [
      began(0, "initial"), done, reply("opro", .malformed, "a"), reply("opro", .rejected, "b"),
      reply("opro", .applied, "c"), reply("gepa", .applied, "d"), began(1, "opro"), began(2, "gepa"), began(3, "sobol"),
      done, began(4, "sobol"), done, reply("gepa", .modelFailed, "e"),
    ]
    func texts(_ trial: Int) -> [String] { Reflection.attempts(for: trial, in: events).map(\.reasoning) }
    #expect(texts(0) == [] && texts(1) == ["a", "b", "c"] && texts(2) == ["d"])
    #expect(texts(3) == [] && texts(4) == [] && texts(9) == [])
  }
}
