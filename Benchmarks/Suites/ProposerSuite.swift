import Foundation
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Figures of proposers: LLAMBO over the ten tables with a simulated model of three skills, beside the search layer alone; what
/// comes of a million mutated replies; caps over a thousand randomised studies.
///
/// Run from the repository's root: the tables are in `Benchmarks/Data/hpo`.
enum ProposerSuite {
  private static let folder = "Benchmarks/Data/hpo"
  private static let marks = [5, 10]
  private static let seeds = 0..<20

  static func run() async throws -> [Figure] {
    let tables = try SearchTable.all(folder)
    let alone = try await regrets("gp", tables, nil)
    var figures = alone.figures("gp alone")
    for skill in SimulatedProposer.Skill.allCases {
      let ours = try await regrets("llambo", tables, skill)
      figures += ours.figures("llambo, \(skill.rawValue) model")
      for (index, trial) in marks.enumerated() {
        let ratio = ours.regrets.mean(seeds, index) / alone.regrets.mean(seeds, index)
        let interval = ours.regrets.ratioInterval(to: alone.regrets, seeds, index)
        figures.append(
          Figure(
            name: "llambo, \(skill.rawValue) model / gp alone, regret at trial \(trial)", value: ratio, unit: "ratio",
            target: skill == .good ? 1 : 1.05,
            how: "10 tables x 20 seeds; 90 % bootstrap interval [\(interval.low.rounded(toDigits: 3)), "
              + "\(interval.high.rounded(toDigits: 3))] over tables, then seeds"))
      }
      figures.append(
        Figure(
          name: "llambo, \(skill.rawValue) model, requests per evaluated point", value: ours.requests, unit: "requests",
          target: 3, peer: "LLAMBO as published: 22", how: "mean of 10 trials x 10 tables x 20 seeds"))
    }
    return try await figures + ReplyFigures.figures() + CapFigures.figures()
  }

  private struct Outcome {
    var regrets: Regrets
    var requests: Double

    func figures(_ name: String) -> [Figure] {
      marks.enumerated().map { index, trial in
        Figure(
          name: "\(name), normalised regret at trial \(trial)", value: regrets.mean(seeds, index), unit: "regret",
          how: "mean of 10 tables x 20 seeds")
      }
    }
  }

  private static func regrets(_ name: String, _ tables: [SearchTable], _ skill: SimulatedProposer.Skill?) async throws
    -> Outcome
  {
    var all: [[[Double]]] = []
    var (requests, trials) = (0, 0)
    for table in tables {
      var bySeed: [[Double]] = []
      for seed in seeds {
        let model = skill.map { SimulatedProposer(table, $0, seed: seed) }
        let space = SearchTable.cube(table.dimensions)
        let problem = Problem(space: space, objective: Objective(direction: .minimize), seed: UInt64(seed))
        var driver = OptimizerDriver(try OptimizerCatalog.make(name: name, space: space), problem: problem)
        var known: Set<String> = []
        var curve: [Double] = []
        for trial in 0..<(marks.last ?? 0) {
          let context = AskContext(problem: problem, round: trial, known: known, model: model)
          let answer = try await driver.ask(1, context: context)
          requests += answer.attempts.reduce(0) { $0 + $1.callKeys.count }
          for attempt in answer.attempts { driver.tell(.attempted(attempt)) }
          guard let proposal = answer.proposals.first else { break }
          trials += 1
          known.insert(proposal.assignment.key)
          driver.tell(.began(trial: trial, proposal))
          let value = table.loss(at: (0..<table.dimensions).map { proposal.assignment["u\($0)"]?.number ?? 0.5 })
          driver.tell(
            .completed(trial: trial, Estimate(mean: value, deviation: 0, count: 1), screened: false, outcomes: [:]))
          curve.append(min(curve.last ?? .infinity, table.regret(value)))
        }
        bySeed.append(marks.map { curve[$0 - 1] })
      }
      all.append(bySeed)
    }
    return Outcome(regrets: Regrets(byTable: all), requests: Double(requests) / Double(max(1, trials)))
  }
}
