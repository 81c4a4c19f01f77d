import Foundation
import HoneNumerics
import Testing

@testable import HoneOptimize

/// A game of a bandit against rewards that are known.
struct BanditGame {
  var task: BanditTask
  var reward: @Sendable (_ arm: Int, _ question: Int) -> Double
  var failing: Set<Int> = []

  /// Four by three by two arms with main effects and one interaction; the best is arm 17.
  static let points: [[Double?]] = grid([4, 3, 2])

  /// Every combination of so many places on each axis, the last axis moving fastest.
  static func grid(_ sizes: [Int]) -> [[Double?]] {
    var points: [[Double?]] = [[]]
    for size in sizes {
      let places: [Double] = (0..<size).map { Double($0) / Double(max(1, size - 1)) }
      points = points.flatMap { point in places.map { point + [$0] } }
    }
    return points
  }

  static let arms = Arms(
    factors: [Arms.Factor(isOrdered: true), Arms.Factor(isOrdered: true), Arms.Factor(isOrdered: false)],
    points: points)

  static func mean(_ arm: Int) -> Double {
    let (a, b, c) = (arm / 6, arm / 2 % 3, arm % 2)
    let first: Double = [0.1, 0.3, 0.4, 0.2][a]
    let second: Double = [0, 0.1, 0.15][b]
    let third: Double = c == 1 ? 0.1 : 0
    return first + second + third + (a == 2 && b == 2 ? 0.1 : 0)
  }

  static func noisy(seed: UInt64, questions: Int? = nil, budget: Int? = nil, scale: Double = 1, offset: Double = 0)
    -> BanditGame
  {
    BanditGame(task: BanditTask(arms: arms, questions: questions, batch: 2, budget: budget, seed: seed)) {
      arm, question in
      var random = RandomStream(seed: seed, name: "\(question)")
      let hard = random.normal()
      var own = RandomStream(seed: seed, name: "\(question)/\(arm)")
      return offset + scale * (mean(arm) + 0.15 * hard + 0.1 * own.normal())
    }
  }

  /// Plays up to so many answers; gives the events and the run.
  func play(_ bandit: any Bandit, answers: Int) -> (events: [BanditEvent], run: any BanditRun) {
    var run = bandit.start(task)
    var events: [BanditEvent] = []
    func tell(_ event: BanditEvent) {
      events.append(event)
      run.tell(event)
    }
    var count = 0
    while count < answers {
      let pulls = run.next()
      guard !pulls.isEmpty else { break }
      tell(.pulled(pulls))
      for pull in pulls {
        guard !failing.contains(pull.arm) else {
          tell(.failed(arm: pull.arm))
          continue
        }
        for question in pull.questions {
          tell(.rewarded(arm: pull.arm, question: question, reward: reward(pull.arm, question)))
          count += 1
        }
      }
    }
    return (events, run)
  }
}

@Suite struct BanditTests {
  static let all: [any Bandit] = [
    UCB1(), Thompson(), HierarchicalUCB(), PairedHalving(), StructuredThompson(), StructuredThompson(width: 1),
  ]

  static func pulls(_ events: [BanditEvent]) -> [Pull] {
    events.flatMap { event -> [Pull] in
      if case .pulled(let pulls) = event { return pulls }
      return []
    }
  }

  @Test(arguments: all.indices) func theBestArmIsFound(_ index: Int) {
    let bandit = Self.all[index]
    var regret = 0.0
    for seed in 0..<6 {
      let game = BanditGame.noisy(seed: UInt64(seed), budget: 1_200)
      regret += BanditGame.mean(17) - BanditGame.mean(game.play(bandit, answers: 1_200).run.best)
    }
    #expect(regret / 6 <= 0.05, "\(bandit.name)")
  }

  @Test(arguments: all.indices) func theSameHistoryGivesTheSameRun(_ index: Int) {
    let bandit = Self.all[index]
    let game = BanditGame.noisy(seed: 3, budget: 200)
    let first = game.play(bandit, answers: 200)
    var again = bandit.start(game.task)
    for event in first.events {
      // Looking does not change what comes.
      if case .pulled(let pulls) = event {
        _ = again.next()
        #expect(again.next() == pulls)
      }
      again.tell(event)
    }
    #expect(again.estimates == first.run.estimates)
    #expect(again.best == first.run.best)
  }

  /// Powers of two, so that not even rounding differs.
  @Test(arguments: all.indices) func scaleAndOffsetDoNotMatter(_ index: Int) {
    let bandit = Self.all[index]
    let plain = BanditGame.noisy(seed: 5, budget: 120).play(bandit, answers: 120)
    let scaled = BanditGame.noisy(seed: 5, budget: 120, scale: 0x1p-40).play(bandit, answers: 120)
    #expect(Self.pulls(plain.events) == Self.pulls(scaled.events), "\(bandit.name)")
  }

  @Test(arguments: all.indices) func hostileRewardsAreSurvived(_ index: Int) {
    let bandit = Self.all[index]
    for (name, score) in Hostile.scores {
      let task = BanditTask(arms: BanditGame.arms, questions: 40, batch: 3, budget: 150, seed: 1)
      let game = BanditGame(task: task) { arm, question in
        let value = score(arm + 7 * question)
        return value.isFinite ? value : 0
      }
      let run = game.play(bandit, answers: 150).run
      #expect(run.estimates.allSatisfy { $0.isFinite }, "\(bandit.name), \(name)")
      #expect(BanditGame.arms.points.indices.contains(run.best))
    }
  }

  @Test(arguments: all.indices) func noQuestionIsAnsweredTwice(_ index: Int) {
    let bandit = Self.all[index]
    let game = BanditGame.noisy(seed: 2, questions: 5)
    let (events, _) = game.play(bandit, answers: 10_000)
    var seen: Set<[Int]> = []
    for pull in Self.pulls(events) {
      for question in pull.questions {
        #expect(0..<5 ~= question)
        #expect(seen.insert([pull.arm, question]).inserted, "\(bandit.name)")
      }
    }
    // Halving ends with its last round, the others when every arm has answered everything.
    if bandit.name != "paired-halving" { #expect(seen.count == 24 * 5, "\(bandit.name)") }
  }

  @Test(arguments: all.indices) func failedArmsAreLeft(_ index: Int) {
    let bandit = Self.all[index]
    var game = BanditGame.noisy(seed: 4, budget: 400)
    game.failing = [17, 16, 0, 5]
    let (events, run) = game.play(bandit, answers: 400)
    var failures: [Int: Int] = [:]
    for case .failed(let arm) in events { failures[arm, default: 0] += 1 }
    #expect(failures.values.allSatisfy { $0 == 1 }, "\(bandit.name)")
    #expect(!game.failing.contains(run.best), "\(bandit.name)")
    game.failing = Set(0..<24)
    #expect(game.play(bandit, answers: 400).events.count <= 48, "\(bandit.name)")
  }

  @Test(arguments: all.indices) func oneArmAndManyArms(_ index: Int) {
    var bandit = Self.all[index]
    // Far fewer than there are, and cheap to compute without optimization.
    if var structured = bandit as? StructuredThompson {
      structured.modelled = 64
      bandit = structured
    }
    let one = BanditGame(task: BanditTask(arms: Arms(count: 1), questions: 6, batch: 4, seed: 1)) { _, _ in 1 }
    #expect(one.play(bandit, answers: 100).run.best == 0)
    let points = BanditGame.grid([100, 100])
    let arms = Arms(factors: Array(repeating: Arms.Factor(isOrdered: true), count: 2), points: points)
    let many = BanditGame(task: BanditTask(arms: arms, questions: 50, batch: 4, budget: 48, seed: 1)) { arm, _ in
      let (row, column) = (Double(arm / 100), Double(arm % 100))
      return -abs(row - 70) - abs(column - 20)
    }
    let run = many.play(bandit, answers: 48).run
    #expect(run.estimates.count == 10_000)
    if bandit.name == "structured-thompson" { #expect(many.reward(run.best, 0) > -60, "\(run.best)") }
  }

  @Test(arguments: all.indices) func lateUnaskedAndLostRewards(_ index: Int) {
    let bandit = Self.all[index]
    var run = bandit.start(BanditTask(arms: BanditGame.arms, batch: 1, seed: 1))
    run.tell(.rewarded(arm: 3, question: 900, reward: 1))
    run.tell(.rewarded(arm: 99, question: 1, reward: 1))
    run.tell(.rewarded(arm: 4, question: 2, reward: .nan))
    var open: [(Int, Int)] = []
    for round in 0..<30 {
      let pulls = run.next()
      run.tell(.pulled(pulls))
      open += pulls.flatMap { pull in pull.questions.map { (pull.arm, $0) } }
      // Every third is lost, the rest come newest first, ten rounds late.
      guard round % 10 == 9 else { continue }
      for (offset, (arm, question)) in open.reversed().enumerated() where offset % 3 != 0 {
        run.tell(.rewarded(arm: arm, question: question, reward: BanditGame.mean(arm)))
      }
      open = []
    }
    #expect(run.estimates.allSatisfy { $0.isFinite }, "\(bandit.name)")
  }
}

/// Each algorithm against its own paper.
@Suite struct BanditFormulaTests {
  @Test func ucb1PullsTheGreatestIndex() {
    let task = BanditTask(arms: Arms(count: 3), batch: 1, seed: 0)
    var run = UCB1(alpha: 0.5).start(task)
    let rewards: [[Double]] = [[0, 1, 0.5, 0.75], [0.9, 0.8], [0.2]]
    var question = 0
    for (arm, rewards) in rewards.enumerated() {
      for reward in rewards {
        run.tell(.pulled([Pull(arm: arm, questions: [question])]))
        run.tell(.rewarded(arm: arm, question: question, reward: reward))
        question += 1
      }
    }
    let indices = rewards.map { rewards in
      rewards.reduce(0, +) / Double(rewards.count) + 0.5 * (log(7) / Double(rewards.count)).squareRoot()
    }
    #expect(indices.firstIndex(of: indices.max() ?? 0) == 1)
    #expect(run.next().map { $0.arm } == [1])
    var bold = UCB1(alpha: 5).start(task)
    for event in [(0, 0.0), (0, 1), (1, 0.9), (1, 0.8), (1, 0.85), (2, 0.2)].enumerated() {
      bold.tell(.pulled([Pull(arm: event.element.0, questions: [event.offset])]))
      bold.tell(.rewarded(arm: event.element.0, question: event.offset, reward: event.element.1))
    }
    // So bold that the arm pulled least comes next.
    #expect(bold.next().map { $0.arm } == [2])
  }

  @Test func thompsonPullsInProportionToTheProbabilityOfBeingBest() {
    var wins = [0, 0]
    for seed in 0..<2_000 {
      var run = Thompson().start(BanditTask(arms: Arms(count: 2), batch: 1, seed: UInt64(seed)))
      for (question, (arm, reward)) in [(0, 0.0), (0, 1), (0, 0.5), (1, 0.4), (1, 0.8), (1, 0.9)].enumerated() {
        run.tell(.rewarded(arm: arm, question: question, reward: reward))
      }
      if let arm = run.next().first?.arm { wins[arm] += 1 }
    }
    // Pooled variance (0.5 + 0.14)/4 = 0.16, prior mean 0.6: means (0.6 + 1.5)/4 and (0.6 + 2.1)/4, variances 0.16/4.
    let expected = Normal.cumulative((0.675 - 0.525) / (2 * 0.16 / 4).squareRoot())
    #expect(abs(Double(wins[1]) / 2_000 - expected) < 0.03)
  }

  @Test func hierarchicalUCBChangesOneParameterARound() {
    let game = BanditGame.noisy(seed: 9)
    let arms = BanditTests.pulls(game.play(HierarchicalUCB(), answers: 300).events).map(\.arm)
    for (before, after) in zip(arms, arms.dropFirst()) {
      #expect(zip(BanditGame.points[before], BanditGame.points[after]).count { $0 != $1 } <= 1)
    }
  }

  @Test func halvingHalvesOnSharedQuestions() {
    let game = BanditGame.noisy(seed: 1, budget: 960)
    let (events, _) = game.play(PairedHalving(finalists: 3), answers: 960)
    var rounds: [[Pull]] = []
    for case .pulled(let pulls) in events { rounds.append(pulls) }
    #expect(rounds.map { $0.count } == [24, 12, 6, 3])
    for round in rounds {
      #expect(Set(round.map { $0.questions }).count == 1)
      // Each round costs the same, but for what does not divide.
      #expect(abs(round.reduce(0) { $0 + $1.questions.count } - 240) <= 24)
    }
  }

  @Test func structureTellsOfArmsThatWereNotTried() {
    var run = StructuredThompson().start(BanditTask(arms: BanditGame.arms, batch: 1, seed: 0))
    // Every arm but 17 and 0, without noise.
    for question in 0..<10 {
      for arm in 1..<24 where arm != 17 {
        run.tell(.rewarded(arm: arm, question: question, reward: BanditGame.mean(arm)))
      }
    }
    let estimates = run.estimates
    // Its neighbours are the best of the others, so it stands near them.
    let tried = estimates.indices.filter { $0 != 17 }.map { estimates[$0] }.sorted()
    #expect(estimates[17] > tried[20])
    #expect(estimates[0] < estimates.sorted()[4])
  }

  @Test func structuredRoundsShareQuestionsAndShrink() {
    let game = BanditGame.noisy(seed: 8)
    let (events, _) = game.play(StructuredThompson(width: 8), answers: 1_500)
    var rounds: [[Pull]] = []
    for case .pulled(let pulls) in events { rounds.append(pulls) }
    for round in rounds {
      #expect(Set(round.map { $0.questions }).count == 1)
      #expect(Set(round.map { $0.arm }).count == round.count)
    }
    let early = rounds.prefix(10).reduce(0) { $0 + $1.count }
    let late = rounds.suffix(10).reduce(0) { $0 + $1.count }
    #expect(late < early)
  }
}
