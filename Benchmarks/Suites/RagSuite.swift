import Foundation
import HoneNumerics
import HoneOptimize

/// Figures of the bandits on a real retrieval table, beside AutoRAG-HP's algorithm and other recorded peers.
///
/// Run from the repository's root: the table is in `Benchmarks/Data/rag`.
enum RagSuite {
  private static let folder = "Benchmarks/Data/rag"
  private static let marks = [1_500, 6_000]
  private static let weights = [0.1, 0.5, 0.9]
  private static let seeds = 0..<20

  /// One of the page's settings, with its targets by weight.
  private struct Case {
    var label: String
    /// The case's name in `peers.csv`.
    var peer: String
    var table: @Sendable (Double) -> BanditTable
    /// Regret of the pick at 1,500 questions, and the best of the page at 6,000.
    var pick: [Double]
    var late: [Double]
    var online: [Double]?
  }

  static func run() async throws -> [Figure] {
    let rag = try RagTable.load(folder)
    let peers = try RagPeers(folder)
    let cases = [
      Case(
        label: "3 parameters (75 arms)", peer: "3p(K+C+E)",
        table: { .rag(rag, name: "3p", weight: $0, chunk: 2, retrievers: [0, 1, 3]) }, pick: [0.005, 0.006, 0.008],
        late: [0, 0.001, 0.004], online: [0.065, 0.066, 0.034]),
      Case(
        label: "400 arms", peer: "4p(K+C+E+chunk)", table: { .rag(rag, name: "4p", weight: $0) },
        pick: [0.005, 0.022, 0.015], late: [0.002, 0.011, 0.011], online: nil),
    ]
    var figures: [Figure] = []
    for part in cases {
      for (index, weight) in weights.enumerated() {
        figures += await recommended(part, index, weight, peers)
        figures += await others(part, weight, peers)
      }
    }
    for part in cases { figures += await unseen(part) }
    figures += await elsewhere(rag)
    figures += await rotated()
    figures += await DriftSuite.figures(rag)
    return figures + [cost(cases[1])]
  }

  /// The trials of all seeds, two at a time.
  static func trials(
    _ bandit: any Bandit, _ table: BanditTable, seeds: Range<Int>, marks: [Int], replacement: Bool = true
  ) async -> [BanditTrial] {
    await withTaskGroup(of: (Int, BanditTrial).self) { group in
      for seed in seeds {
        group.addTask {
          (seed, BanditTrial.run(bandit, table, seed: seed, marks: marks, replacement: replacement))
        }
      }
      var found: [(Int, BanditTrial)] = []
      for await trial in group { found.append(trial) }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  // MARK: The page's protocol

  private static func recommended(_ part: Case, _ index: Int, _ weight: Double, _ peers: RagPeers) async -> [Figure] {
    let trials = await trials(StructuredThompson(), part.table(weight), seeds: seeds, marks: marks)
    var figures: [Figure] = []
    for (place, mark) in marks.enumerated() {
      let name = "\(part.label), w \(weight), \(mark) questions: structured-thompson"
      let picks = Sample(trials.map { $0.pick[place] })
      figures.append(
        Figure(
          name: "\(name), regret of the pick", value: picks.mean, unit: "regret",
          target: place == 0 ? part.pick[index] : part.late[index] + 0.005,
          peer: peers.text(part.peer, weight, mark, .pick), how: "20 seeds, \(picks.interval)"))
      let online = Sample(trials.map { $0.online[place] })
      figures.append(
        Figure(
          name: "\(name), mean regret per question asked", value: online.mean, unit: "regret",
          target: place == 1 ? part.online?[index] : nil, peer: peers.text(part.peer, weight, mark, .online),
          how: "20 seeds, \(online.interval)"))
    }
    return figures
  }

  private static func others(_ part: Case, _ weight: Double, _ peers: RagPeers) async -> [Figure] {
    let bandits: [any Bandit] = [UCB1(), Thompson(), HierarchicalUCB(), PairedHalving()]
    var figures: [Figure] = []
    for bandit in bandits {
      // Halving plans for its budget, so each mark is a study of its own.
      let runs = bandit is PairedHalving ? marks.map { [$0] } : [marks]
      for marks in runs {
        let trials = await trials(bandit, part.table(weight), seeds: seeds, marks: marks)
        for (place, mark) in marks.enumerated() {
          let picks = Sample(trials.map { $0.pick[place] })
          let online = Sample(trials.map { $0.online[place] })
          figures.append(
            Figure(
              name: "\(part.label), w \(weight), \(mark) questions: \(bandit.name), regret of the pick",
              value: picks.mean, unit: "regret",
              how: "20 seeds, \(picks.interval); mean regret per question \(online.mean.rounded(toDigits: 3))"))
        }
      }
    }
    return figures
  }

  // MARK: Beyond the page

  /// Tuned on every second question without asking one twice, scored on the others.
  private static func unseen(_ part: Case) async -> [Figure] {
    var figures: [Figure] = []
    for weight in weights {
      let (tuned, held) = (part.table(weight).questions(0), part.table(weight).questions(1))
      let trials = await trials(StructuredThompson(), tuned, seeds: seeds, marks: [1_500], replacement: false)
      let regrets = Sample(trials.map { held.best - held.means[$0.arm] })
      let floor = held.best - held.means[tuned.means.firstIndex(of: tuned.best) ?? 0]
      figures.append(
        Figure(
          name: "\(part.label), w \(weight), 1500 questions: structured-thompson, regret on unseen questions",
          value: regrets.mean, unit: "regret",
          how: "tuned on the questions of even index, none asked twice of an arm, scored on the others; 20 seeds, "
            + "\(regrets.interval); the best arm of the even ones has \(floor.rounded(toDigits: 3))"))
    }
    return figures
  }

  /// Slices that the page does not name.
  private static func elsewhere(_ rag: RagTable) async -> [Figure] {
    var figures: [Figure] = []
    for (chunk, retrievers, weight) in [(0, [0, 1, 2], 0.3), (1, [0, 2, 3], 0.7), (3, [0, 1, 3], 0.5)] {
      let table = BanditTable.rag(rag, name: "", weight: weight, chunk: chunk, retrievers: retrievers)
      let used = retrievers.map { RagTable.retrievers[$0] }.joined(separator: "/")
      for bandit in [StructuredThompson(), HierarchicalUCB(), UCB1(), PairedHalving()] as [any Bandit] {
        let trials = await trials(bandit, table, seeds: seeds, marks: [1_500])
        let picks = Sample(trials.map { $0.pick[0] })
        let online = Sample(trials.map { $0.online[0] })
        figures.append(
          Figure(
            name:
              "\(used), \(RagTable.chunks[chunk]) words, w \(weight), 1500 questions: \(bandit.name), regret of the pick",
            value: picks.mean, unit: "regret",
            how: "20 seeds, \(picks.interval); mean regret per question \(online.mean.rounded(toDigits: 3))"))
      }
    }
    return figures
  }

  /// A long valley, along the axes and turned: only the turned one needs two parameters to change together.
  private static func rotated() async -> [Figure] {
    var figures: [Figure] = []
    for isRotated in [false, true] {
      let table = BanditTable.valley(isRotated: isRotated)
      var coordinatewise = 0.0
      for bandit in [HierarchicalUCB(), UCB1(), PairedHalving(), StructuredThompson()] as [any Bandit] {
        let trials = await trials(bandit, table, seeds: seeds, marks: [1_500])
        let picks = Sample(trials.map { $0.pick[0] })
        if bandit is HierarchicalUCB { coordinatewise = picks.mean }
        let isOurs = bandit is StructuredThompson
        figures.append(
          Figure(
            name: "\(table.name), 1500 questions: \(bandit.name), regret of the pick", value: picks.mean,
            unit: "regret", target: isOurs && isRotated ? coordinatewise : nil,
            how: "343 arms, best 0, mean -0.42; 20 seeds, \(picks.interval)"))
      }
    }
    return figures
  }

  private static func cost(_ part: Case) -> Figure {
    let table = part.table(0.5)
    let start = Machine.cpuSeconds()
    _ = BanditTrial.run(StructuredThompson(), table, seed: 1, marks: [6_000])
    return Figure(
      name: "structured-thompson, 400 arms x 6,000 questions", value: (Machine.cpuSeconds() - start) / 6,
      unit: "ms CPU",
      how: "choosing, learning and refits, a question asked; one run")
  }
}

/// Some values, their mean and its bootstrap interval.
struct Sample {
  let values: [Double]
  var mean: Double { values.reduce(0, +) / Double(values.count) }

  init(_ values: [Double]) { self.values = values }

  /// 90 %, by resampling.
  var interval: String {
    var random = RandomStream(seed: 1, name: "bootstrap")
    let means = (0..<2_000).map { _ in
      values.indices.reduce(0.0) { sum, _ in sum + (values.randomElement(using: &random) ?? 0) } / Double(values.count)
    }.sorted()
    let (low, high) = (means[means.count / 20], means[means.count - 1 - means.count / 20])
    return "90 % bootstrap interval [\(low.rounded(toDigits: 2)), \(high.rounded(toDigits: 2))]"
  }
}

/// The recorded figures of others on the same table.
private struct RagPeers {
  enum Column: Int {
    case pick = 6
    case online = 7
  }

  private let rows: [[Substring]]

  init(_ folder: String) throws { rows = try SearchTable.rows("\(folder)/peers.csv") }

  func text(_ part: String, _ weight: Double, _ questions: Int, _ column: Column) -> String {
    rows.filter { $0[0] == part && Double($0[2]) == weight && Int($0[4]) == questions }
      .map { "\($0[3]): \($0[column.rawValue])" }.joined(separator: ", ")
  }
}

extension BanditTable {
  /// -(steep distance across the valley) - (gentle distance along it), with questions that are hard for all arms.
  static func valley(isRotated: Bool) -> BanditTable {
    let size = 7
    var levels: [[Int]] = []
    for a in 0..<size { for b in 0..<size { for c in 0..<size { levels.append([a, b, c]) } } }
    // Orthonormal; its first axis crosses all three parameters.
    let turn =
      isRotated
      ? [
        [0.577_350_269, 0.577_350_269, 0.577_350_269], [0.707_106_781, -0.707_106_781, 0],
        [0.408_248_29, 0.408_248_29, -0.816_496_581],
      ]
      : [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    let bottom = [4, 1, 5]
    let means = levels.map { level in
      let x = zip(level, bottom).map { Double($0 - $1) / Double(size - 1) }
      let y = turn.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
      return -(3 * y[0] * y[0] + 0.6 * y[1] * y[1] + 0.3 * y[2] * y[2])
    }
    var random = RandomStream(seed: 11, name: "valley")
    let hard = (0..<1_200).map { _ in 0.3 * random.normal() }
    return BanditTable(
      name: isRotated ? "turned valley" : "valley along the axes", levels: levels, isOrdered: [true, true, true],
      rewards: means.map { mean in
        let noise = hard.map { $0 + 0.3 * random.normal() }
        let shift = noise.reduce(0, +) / Double(noise.count)
        return noise.map { mean + $0 - shift }
      })
  }
}
