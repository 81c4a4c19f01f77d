import HoneNumerics
import HoneOptimize

/// One run of a bandit on a table.
struct BanditTrial {
  /// Regret of the arm it would use, and mean regret of the answers so far, at each mark.
  var pick: [Double] = []
  var online: [Double] = []
  /// The arm it would use at the last mark.
  var arm = 0

  /// Asks until the last of `marks` answers are paid for.
  ///
  /// - Parameter replacement: questions are drawn with replacement, the same draws for all arms that are asked the same, as
  ///   AutoRAG-HP and the recorded peers do it; else they come from a shuffled list and none is answered twice.
  static func run(
    _ bandit: any Bandit, _ table: BanditTable, seed: Int, marks: [Int], batch: Int = 4, replacement: Bool = true
  ) -> BanditTrial {
    let questions = table.rewards.first?.count ?? 0
    let budget = marks.last ?? 0
    let arms = Arms(factors: table.isOrdered.map(Arms.Factor.init), points: table.points)
    let task = BanditTask(
      arms: arms, questions: replacement ? nil : questions, batch: batch, budget: budget, seed: UInt64(seed))
    var run = bandit.start(task)
    var random = RandomStream(seed: UInt64(seed), name: "rag/questions")
    var order = replacement ? [] : Array(0..<questions).shuffled(using: &random)
    var trial = BanditTrial()
    var (asked, regret) = (0, 0.0)
    func mark() {
      while trial.pick.count < marks.count, asked >= marks[trial.pick.count] {
        trial.arm = run.best
        trial.pick.append(table.best - table.means[run.best])
        trial.online.append(regret / Double(max(1, asked)))
      }
    }
    while asked < budget {
      var pulls: [Pull] = []
      var left = budget - asked
      for pull in run.next() where left > 0 {
        pulls.append(Pull(arm: pull.arm, questions: Array(pull.questions.prefix(left))))
        left -= min(left, pull.questions.count)
      }
      guard !pulls.isEmpty else { break }
      run.tell(.pulled(pulls))
      for pull in pulls {
        for question in pull.questions {
          while order.count <= question { order.append(Int.random(in: 0..<questions, using: &random)) }
          run.tell(
            .rewarded(arm: pull.arm, question: question, reward: table.rewards[pull.arm][order[question]]))
          asked += 1
          regret += table.best - table.means[pull.arm]
          mark()
        }
      }
    }
    // It ended before: what it has stays.
    asked = max(asked, budget)
    mark()
    return trial
  }
}
