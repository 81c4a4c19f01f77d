import HoneTrace

/// What each trial would score on all examples that any trial was measured on: its mean where it has them all, and where it
/// has some of them a mean that lucky examples do not lift.
///
/// A score is y_ij = mu + a_i + b_j + e_ij, with a_i of trial i, b_j of example j and a rest; the a_i have the variance A, the
/// b_j B, the e_ij E. The variances are found by moments (Gao and Owen, "Efficient moment calculations for variance
/// components in large unbalanced crossed random effects models", Electronic Journal of Statistics 11, 2017, section 4), N_i
/// being the scores of a trial, M_j those of an example, N all of them:
///
///     U_a = sum over i of the squares about the trial's mean,   expected (B + E) (N - trials)                     (1)
///     U_b = sum over j of the squares about the example's mean, expected (A + E) (N - examples)                   (2)
///     U_e = N times the squares about the mean of all,          expected A (N^2 - sum N_i^2) + B (N^2 - sum M_j^2)
///                                                                        + E (N^2 - N)                            (3)
///
/// Given these the effects are the best linear unbiased predictions (Robinson, "That BLUP is a good thing", Statistical Science
/// 6, 1991), those that solve
///
///     mu = the mean of y_ij - a_i - b_j                                                                           (4)
///     a_i = sum over j of (y_ij - mu - b_j) / (N_i + E / A),   b_j = sum over i of (y_ij - mu - a_i) / (M_j + E / B)  (5)
///
/// so that a trial's distance from the others, on the examples that it met, is shrunk by n / (n + n0), n0 = E / A. What a
/// trial was not measured on counts as mu + a_i + b_j. The numbers of the equations are this file's. They are solved by
/// conjugate gradients (Hestenes and Stiefel 1952), scaled by the diagonal: O(scores) a step, mostly below 20 steps.
struct ShrunkenMeans {
  /// By trial: the mean of what was measured, and what stands for it.
  private var means: [Int: (measured: Double, shrunken: Double)] = [:]

  /// - Parameter table: nil where nobody keeps scores by example: nothing is shrunk.
  init(_ table: ScoreTable?) {
    let rows = (table?.rows ?? []).filter { !$0.hasFailed && $0.count > 0 }
    guard let effects = Effects(rows, examples: table?.examples ?? 0) else { return }
    for (place, row) in rows.enumerated() {
      guard let mean = row.estimate?.mean, let shrunken = effects.mean(place), shrunken.isFinite else { continue }
      means[row.trial] = (mean, shrunken)
    }
  }

  /// - Parameter told: the mean that events tell; one that is not the table's is of another kind, and stays as it is.
  func mean(of trial: Int, told: Double) -> Double {
    guard let known = means[trial], known.measured == told else { return told }
    return known.shrunken
  }
}

/// Effects of trials and of examples on their scores, which are divided by the greatest of them.
private struct Effects {
  private let cells: [[(example: Int, score: Double)]]
  private let unit: Double
  /// Examples that any trial has.
  private let met: Int
  /// mu, the a_i and the b_j, one after another.
  private var effects: [Double]

  /// Steps at most, and the part of the first residual at which they end.
  private static let steps = 200
  private static let precision = 1e-24
  /// E / A and E / B at least: equal scores have no rest.
  private static let ridge = 1e-9

  /// Nil where every trial has the same examples, or nothing tells trials from examples.
  init?(_ rows: [ScoreTable.Row], examples: Int) {
    let scores = rows.map { row in
      row.scores.prefix(examples).enumerated().compactMap { place, score in score.map { (example: place, score: $0) } }
    }
    let greatest = scores.joined().reduce(0) { max($0, abs($1.score)) }
    unit = greatest > 0 ? greatest : 1
    guard unit.isFinite else { return nil }
    let (scale, count) = (unit, examples)
    cells = scores.map { row in row.map { (example: $0.example, score: $0.score / scale) } }
    var columns = Array(repeating: 0, count: count)
    for cell in cells.joined() { columns[cell.example] += 1 }
    met = columns.count { $0 > 0 }
    effects = Array(repeating: 0, count: 1 + cells.count + count)
    let all = met
    guard cells.contains(where: { $0.count < all }), let variances = Self.variances(cells, columns, met: met) else {
      return nil
    }
    fit(columns, variances)
  }

  /// Equations 1 to 3, solved; none is below 0.
  private static func variances(
    _ cells: [[(example: Int, score: Double)]], _ columns: [Int], met: Int
  ) -> (a: Double, b: Double, e: Double)? {
    let n = Double(columns.reduce(0, +))
    guard n > Double(cells.count), n > Double(met) else { return nil }
    var sums = Array(repeating: 0.0, count: columns.count)
    for cell in cells.joined() { sums[cell.example] += cell.score }
    let mean = sums.reduce(0, +) / n
    var (ua, ub, ue, rowSquares) = (0.0, 0.0, 0.0, 0.0)
    for row in cells where !row.isEmpty {
      let own = row.reduce(0) { $0 + $1.score } / Double(row.count)
      for (example, score) in row {
        let other = sums[example] / Double(columns[example])
        ua += (score - own) * (score - own)
        ub += (score - other) * (score - other)
        ue += n * (score - mean) * (score - mean)
      }
      rowSquares += Double(row.count * row.count)
    }
    let (p, q) = (n * n - rowSquares, n * n - columns.reduce(0) { $0 + Double($1 * $1) })
    let (be, ae) = (ua / (n - Double(cells.count)), ub / (n - Double(met)))
    // A = ae - E and B = be - E in equation 3.
    let divisor = p + q - n * n + n
    guard divisor > 0 else { return nil }
    let e = max(0, (ae * p + be * q - ue) / divisor)
    return (max(0, ae - e), max(0, be - e), e)
  }

  /// Equations 4 and 5. An effect without variance is 0.
  private mutating func fit(_ columns: [Int], _ variances: (a: Double, b: Double, e: Double)) {
    let n0 = variances.a > 0 ? max(variances.e / variances.a, Self.ridge) : nil
    let m0 = variances.b > 0 ? max(variances.e / variances.b, Self.ridge) : nil
    let ridges: [Double] = [0] + cells.map { _ in n0 ?? 0 } + columns.map { _ in m0 ?? 0 }
    let isFree: [Bool] = [true] + cells.map { _ in n0 != nil } + columns.map { m0 != nil && $0 > 0 }
    let counts = [columns.reduce(0, +)] + cells.map(\.count) + columns
    let diagonal = zip(counts, ridges).map { Double(max(1, $0)) + $1 }
    var residual = sums { _, _, score in score }
    for place in residual.indices where !isFree[place] { residual[place] = 0 }
    var scaled = zip(residual, diagonal).map { $0 / $1 }
    var direction = scaled
    var size = Self.product(residual, scaled)
    let first = size
    for _ in 0..<Self.steps where size > Self.precision * first {
      let now = direction
      var image = sums { row, example, _ in now[0] + now[1 + row] + now[1 + cells.count + example] }
      for place in image.indices { image[place] = isFree[place] ? image[place] + ridges[place] * now[place] : 0 }
      let step = size / Self.product(now, image)
      for place in effects.indices {
        effects[place] += step * now[place]
        residual[place] -= step * image[place]
        scaled[place] = residual[place] / diagonal[place]
      }
      let next = Self.product(residual, scaled)
      for place in direction.indices { direction[place] = scaled[place] + next / size * now[place] }
      size = next
    }
  }

  /// Sums of a number of each score: of all, by trial, by example.
  private func sums(_ number: (_ row: Int, _ example: Int, _ score: Double) -> Double) -> [Double] {
    var sums = Array(repeating: 0.0, count: effects.count)
    for (row, own) in cells.enumerated() {
      for (example, score) in own {
        let value = number(row, example, score)
        sums[0] += value
        sums[1 + row] += value
        sums[1 + cells.count + example] += value
      }
    }
    return sums
  }

  private static func product(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  /// Of a trial that lacks examples; nil of one that has them all.
  func mean(_ place: Int) -> Double? {
    let row = cells[place]
    guard row.count < met else { return nil }
    let b = effects[(1 + cells.count)...]
    let known = row.reduce(0) { $0 + $1.score - b[1 + cells.count + $1.example] } + b.reduce(0, +)
    return (known + Double(met - row.count) * (effects[0] + effects[1 + place])) / Double(met) * unit
  }
}

extension ScoreTable {
  /// Scores of one trial minus those of another on the examples that both were measured on; nil where there are none, and
  /// where a mean that events told is not the table's.
  func difference(_ a: (trial: Int, told: Double), _ b: (trial: Int, told: Double)) -> Estimate? {
    guard let new = row(of: a.trial), let old = row(of: b.trial), new.estimate?.mean == a.told,
      old.estimate?.mean == b.told
    else { return nil }
    let pairs = zip(new.scores, old.scores).compactMap { new, old in new.flatMap { a in old.map { a - $0 } } }
    guard let difference = Estimate(pairs), difference.mean.isFinite, difference.deviation.isFinite else { return nil }
    return difference
  }

  private func row(of trial: Int) -> Row? {
    // A study's trials are numbered by their rows.
    rows.indices.contains(trial) && rows[trial].trial == trial ? rows[trial] : rows.first { $0.trial == trial }
  }
}
