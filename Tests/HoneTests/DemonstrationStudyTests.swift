import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

@testable import Hone

/// Studies that tune demonstrations, in a world where nothing else helps.
@Suite struct DemonstrationStudyTests {
  private static let world = SimulatedWorld(
    name: "shown", seed: 31, rules: [.init("Say the magic word", share: 1)], base: 0.3, ceiling: 0.9,
    demonstrations: 0.5, naming: 0)

  private static func study(_ store: any Store, trials: Int, seed: UInt64 = 1) async throws -> Report {
    let model = SimulatedModel(world, skill: .misleading, seed: seed)
    let runner = SimulatedRunner(world, model: model, hasShots: true)
    return try await Study(store: store, name: "shots").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: seed),
      data: SimulatedRunner.data(train: 60, validation: 60, test: 120),
      optimizer: try OptimizerCatalog.make(name: "mipro", space: runner.space),
      optimizerSettings: ["use": "mipro"], settings: StudySettings(parallel: 1, budget: Budget(trials: trials)),
      proposer: model, logger: nil)
  }

  @Test func demonstrationsAreFoundAndShownToHelp() async throws {
    let report = try await Self.study(MemoryStore(), trials: 12)
    let shots = try #require(report.assignment["shots"].flatMap(Demonstrations.init(parameterValue:)))
    #expect(shots.list.count >= 3 && report.isImproved)
    // Training rows alone, with their labels: right answers, and labels where the model was wrong.
    let training = Dictionary((0..<60).map { (Self.world.text($0), Self.world.label($0)) }) { first, _ in first }
    for one in shots.list { #expect(training[one.inputs["item"]?.string ?? ""] == one.output) }
  }

  /// A study that ended early and goes on makes the same trials as one that never ended.
  @Test func aResumedStudyIsTheSame() async throws {
    let (whole, resumed) = (MemoryStore(), MemoryStore())
    _ = try await Self.study(whole, trials: 9)
    for trials in [3, 6, 9] { _ = try await Self.study(resumed, trials: trials) }
    let first = try await whole.trials(of: "shots").map(\.proposal)
    #expect(first.count == 9)
    #expect(try await resumed.trials(of: "shots").map(\.proposal) == first)
  }
}
