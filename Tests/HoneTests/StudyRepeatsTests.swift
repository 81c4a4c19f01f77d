import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import Testing

@Suite struct StudyRepeatsTests {
  /// Twelve answers to three questions are three observations: they can show nothing.
  @Test func repeatsOfARowAreOneObservation() async throws {
    let model = SimulatedModel(.few, seed: 3)
    let runner = SimulatedRunner(.few, model: model)
    let report = try await Study(store: MemoryStore(), name: "world").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 5),
      data: SimulatedRunner.data(train: 6, validation: 8, test: 3),
      optimizer: try OptimizerCatalog.make(name: "gepa", space: runner.space),
      settings: StudySettings(minibatch: 3, parallel: 1, repeats: 4, budget: Budget(trials: 8)), proposer: model,
      logger: nil
    ) { _ in }
    let test = try #require(report.test)
    #expect(test.count == 3 && !report.isImproved)
    #expect(report.validation?.count == 8)
  }
}
