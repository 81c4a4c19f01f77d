import Foundation
import HoneModel
import HoneNumerics
import HoneTesting
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct AutoTests {
  private func floats(_ count: Int) -> Space {
    Space((0..<count).map { ParameterSpec(name: "x\($0)", domain: .float(FloatDomain(0...1)), initial: 0.9) })
  }

  private func problem(_ space: Space) -> Problem {
    Problem(space: space, objective: Objective(direction: .minimize), seed: 2)
  }

  @Test func theChoiceFollowsSpaceAndHistory() {
    let flags = Space((0..<4).map { ParameterSpec(name: "s\($0)", domain: .bool, initial: false) })
    let few = Auto.Choice(floats(5), trials: 10)
    #expect(few.main == .process && few.other == .parzen)
    #expect(Auto.Choice(floats(5), trials: 201).main == .parzen)
    let many = Auto.Choice(floats(21), trials: 10)
    #expect(many.main == .parzen && many.other == .process)
    // In very many dimensions no process is fitted at all.
    #expect(Auto.Choice(floats(200), trials: 10).other == .parzen)
    #expect(Auto.Choice(flags, trials: 10).main == .process && Auto.Choice(flags, trials: 300).other == .process)
    func reason(_ optimizer: some Optimizer, _ problem: Problem, trials: Int = 0) -> String {
      optimizer.reason(for: problem, progress: SearchProgress(trials: trials)) ?? ""
    }
    let text = reason(Auto(), problem(floats(5)))
    #expect(text.contains("Gaussian process") && text.contains("One proposal in five"), "\(text)")
    #expect(reason(Auto(), problem(floats(5)), trials: 201).contains("beyond 200 trials"))
    #expect(reason(Auto(), problem(floats(200))).contains("200 parameters are many"))
    #expect(reason(Auto(), Triage.problem).contains("Text on every other turn"))
    // Behind several goals too; others have nothing to choose.
    #expect(reason(ParEGO(Auto()), problem(floats(5))) == text)
    #expect(TPE().reason(for: problem(floats(5)), progress: SearchProgress(trials: 9)) == nil)
    #expect(OptimizerDriver(Auto(), problem: problem(floats(5))).reason(SearchProgress(trials: 0)) == text)
  }

  /// What the budget allows: nothing but the start design, every assignment, or a search.
  @Test func theReasonNamesTheBudget() {
    func reason(_ space: Space, _ most: Int?) -> String {
      Auto().reason(for: problem(space), progress: SearchProgress(trials: 0, mostTrials: most)) ?? ""
    }
    let flags = Space((0..<4).map { ParameterSpec(name: "s\($0)", domain: .bool, initial: false) })
    #expect(!reason(floats(3), nil).contains("budget"))
    #expect(reason(floats(3), 4).contains("A budget of 4 trials is spent on a Sobol design"))
    #expect(reason(floats(3), 30).contains("The budget of 30 trials begins with a Sobol design of 4."))
    #expect(reason(flags, 15).contains("budget of 15 trials begins"))
    #expect(reason(flags, 16).contains("covers all 16 assignments"))
  }

  /// Ten means of 16 examples: their spread is beside their sampling variance, by hand.
  @Test func theReasonNamesTheNoise() {
    func reason(_ deviation: Double, _ count: Int = 10) -> String {
      let estimates = (0..<count).map { Estimate(mean: Double($0) / 10, deviation: deviation, count: 16) }
      let progress = SearchProgress(trials: count, estimates: estimates)
      // The variance of 0, 0.1 ... 0.9 is 0.0917.
      if count == 10 { #expect(abs((progress.noise ?? 9) - min(1, deviation * deviation / 16 / 0.091_667)) < 1e-4) }
      return Auto().reason(for: problem(floats(3)), progress: progress) ?? ""
    }
    #expect(reason(0.4).contains("Noise is small"))
    #expect(reason(0.8).contains("up to half"))
    #expect(reason(1.2).contains("most of the spread") && reason(9).contains("most of the spread"))
    #expect(!reason(1.2, 7).contains("Noise"))
  }

  @Test func noiseIsNotToldFromWhatDoesNotTell() {
    let single = Array(repeating: Estimate(mean: 1, deviation: 0, count: 1), count: 20)
    let equal = Array(repeating: Estimate(mean: 1, deviation: 0, count: 9), count: 20)
    let wild = (0..<20).map { Estimate(mean: $0 % 2 == 0 ? 1e300 : -1e300, deviation: 1e300, count: 9) }
    for estimates in [single, equal, []] { #expect(SearchProgress(trials: 20, estimates: estimates).noise == nil) }
    #expect(
      SearchProgress(trials: 20, estimates: equal.map { Estimate(mean: $0.mean, deviation: 1, count: 9) }).noise == 1)
    #expect((SearchProgress(trials: 20, estimates: wild).noise ?? 0).isFinite)
  }

  /// One proposal in five comes from the other model, and each says why.
  @Test func theOtherModelInsures() async throws {
    let problem = problem(floats(3))
    var driver = OptimizerDriver(Auto(), problem: problem)
    var origins: [String] = []
    var known: Set<String> = []
    for trial in 0..<20 {
      let context = AskContext(problem: problem, round: trial, known: known)
      let proposal = try #require(try await driver.ask(1, context: context).proposals.first)
      known.insert(proposal.assignment.key)
      origins.append(proposal.origin)
      #expect(proposal.note.contains(proposal.origin == "gp" ? "at most 20 parameters" : "one in five"))
      driver.tell(.began(trial: trial, proposal))
      let loss = proposal.assignment["x0"]?.number ?? 0
      let estimate = Estimate(mean: loss, deviation: 0, count: 1)
      driver.tell(.completed(trial: trial, estimate, screened: false, outcomes: [:]))
    }
    #expect(origins.count { $0 == "tpe" } == 4 && origins.count { $0 == "gp" } == 16)
  }

  /// Words and numbers take turns as in a joint search.
  @Test func wordsTakeEveryOtherTurn() async throws {
    let model = ScriptedModel { request in Triage.reply(instruction: "Text \(request.messages[1].content.hashed).") }
    var driver = OptimizerDriver(Auto(), problem: Triage.problem)
    var known: Set<String> = [Triage.space.initial.key]
    var origins: [String] = []
    for round in 0..<6 {
      let answer = try await driver.ask(1, context: Triage.context(round: round, known: known, model: model))
      let proposal = try #require(answer.proposals.first)
      known.insert(proposal.assignment.key)
      origins.append(proposal.origin)
      driver.tell(.began(trial: round + 1, proposal))
    }
    #expect(origins.enumerated().allSatisfy { ($0.offset % 2 == 0) == ($0.element == "optoprime") }, "\(origins)")
  }

  @Test func beatsRandomSearch() async throws {
    let wins = try await Synthetic.wins(Auto(), on: Synthetic.mixed, trials: 25, seeds: 6)
    #expect(wins >= 5, "\(wins) of 6")
  }

  @Test func survivesAnyScores() async throws { try await Hostile.survives(Auto(), trials: 10) }
}
