import HoneNumerics

/// Successive halving: all arms answer the same questions, the better half goes on to more, until one is left.
///
/// Karnin, Koren and Somekh, "Almost Optimal Exploration in Multi-Armed Bandits" (ICML 2013), algorithm 3 (sequential
/// halving), with three changes: the survivors of a round answer the same questions, so that the difficulty of a question
/// cancels in their comparison; answers of earlier rounds are kept; and the last round is that of a few finalists, which
/// leaves more questions to the first rounds. The budget is spread evenly over the rounds; without a budget every round
/// adds one batch. O(answers) a round.
public struct PairedHalving: Bandit {
  /// At most so many arms are not halved any more.
  public var finalists: Int

  public var name: String { "paired-halving" }

  public init(finalists: Int = 4) { self.finalists = max(1, finalists) }

  public func start(_ task: BanditTask) -> any BanditRun { Run(finalists: finalists, tally: BanditTally(task)) }

  struct Run: BanditRun {
    let finalists: Int
    var tally: BanditTally

    private struct Phase {
      var survivors: [Int]
      /// Questions 0..<questions are what each of them has to have answered.
      var questions: Int
    }

    /// Where the rounds stand: a function of the answers, as each round is decided by those it asked for.
    private var phase: Phase? {
      let task = tally.task
      var random = RandomStream(seed: task.seed, name: "paired-halving")
      // Shuffled, so that ties are broken by the seed and not by the order of the arms.
      var survivors = task.arms.count > 0 ? Array(0..<task.arms.count).shuffled(using: &random) : []
      var byArm = Array(repeating: [Int: Double](), count: task.arms.count)
      for answer in tally.answers { byArm[answer.arm][answer.question] = tally.unit(answer) }
      var rounds = 1
      var size = survivors.count
      while size > finalists {
        size = (size + 1) / 2
        rounds += 1
      }
      var (questions, spent) = (0, 0)
      while true {
        survivors.removeAll { tally.hasFailed[$0] }
        guard survivors.count > 1, task.budget == nil || rounds > 0 else { return nil }
        var more = task.batch
        if let budget = task.budget { more = max(1, max(0, budget - spent) / (survivors.count * max(1, rounds))) }
        let end = min(questions + more, task.questions ?? .max)
        if end == questions {
          // No question is left to tell them apart by.
          return nil
        }
        spent += (end - questions) * survivors.count
        questions = end
        rounds -= 1
        guard survivors.allSatisfy({ arm in (0..<questions).allSatisfy { byArm[arm][$0] != nil } }) else {
          return Phase(survivors: survivors, questions: questions)
        }
        let means = survivors.map { arm in
          (0..<questions).reduce(0.0) { $0 + (byArm[arm][$1] ?? 0) } / Double(questions)
        }
        let order = survivors.indices.sorted { (means[$0], $1) > (means[$1], $0) }
        survivors = order.prefix((survivors.count + 1) / 2).map { survivors[$0] }
      }
    }

    func next() -> [Pull] {
      guard let phase else { return [] }
      return phase.survivors.compactMap { arm in
        let questions = (0..<phase.questions).filter { !tally.asked[arm].contains($0) }
        return questions.isEmpty ? nil : Pull(arm: arm, questions: questions)
      }
    }

    mutating func tell(_ event: BanditEvent) { tally.tell(event) }

    /// Those that came further before those that were dropped, then by mean: arms with more answers passed more rounds.
    var estimates: [Double] {
      tally.counts.indices.map { tally.counts[$0] > 0 ? Double(tally.counts[$0]) + tally.means[$0] : -1 }
    }
    var best: Int { tally.best { estimates[$0] } }
  }
}
