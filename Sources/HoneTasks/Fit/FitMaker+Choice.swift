import Foundation
import Hone
import HoneOptimize
import HoneTrace

/// The conditional logit: candidates ranked by their features, and scores of labels calibrated.
extension FitMaker {
  // MARK: - Candidates

  /// A row's candidates by name.
  static func candidates(_ row: Value, _ field: String, name: String) throws(FitError) -> [(String, Value)] {
    guard let list = row[field]?.array, !list.isEmpty else {
      throw FitError("\(quoted(field)) is no list of candidates")
    }
    var found: [(String, Value)] = []
    for candidate in list {
      guard let text = candidate[name]?.text else { throw FitError("a candidate has no \(quoted(name))") }
      found.append((text, candidate))
    }
    return found
  }

  /// The names that are right: a list's elements, or one.
  static func names(_ value: Value?) -> [String] {
    guard let value, value != .null else { return [] }
    return value.array.map { $0.map(\.text) } ?? [value.text]
  }

  func ranker() throws(FitError) -> FittedModel {
    guard case .rank(let rank) = spec.form else { throw FitError("this fit ranks nothing") }
    let (field, label) = (settings.candidates, spec.label)
    var lists: [(candidates: [(String, Value)], right: [String])] = []
    for row in rows {
      let found = try Self.of(row) { () throws(FitError) in try Self.candidates(row.fields, field, name: rank.name) }
      let right = Self.names(row.fields[label])
      // A row none of whose candidates is right says nothing about how to rank.
      if found.contains(where: { right.contains($0.0) }) { lists.append((found, right)) }
    }
    try enough(lists.count, in: field)
    let columns = try FitColumns(settings.groups, lists.flatMap { $0.candidates.map(\.1) })
    func table(_ places: [Int]) throws(FitError) -> ChoiceRows {
      var (features, targets): ([Double], [Double]) = ([], [])
      for place in places {
        for (name, candidate) in lists[place].candidates {
          features += try columns.numbers(candidate)
          targets.append(lists[place].right.contains(name) ? 1 : 0)
        }
      }
      return try Self.fit { () throws(BilevelError) in
        try ChoiceRows(
          features: features, sizes: places.map { lists[$0].candidates.count }, targets: targets,
          width: columns.columns.count)
      }
    }
    let share = FitMaker(spec: spec, settings: settings, rows: Array(rows.prefix(lists.count)), start: start)
    let parts = try share.parts(kinds: lists.map { _ in "" })
    let (inner, outer) = (try table(parts.inner), try table(parts.outer))
    let places = columns.places(settings.penalty)
    let fit = try Self.fit { () throws(BilevelError) in
      try Fit.choice(
        inner, outer: outer, groups: places.map { $0 }, from: begin(columns, places), calls: spec.calls)
    }
    let report = FitReport(spec: spec, settings: settings, rows: (inner.count, outer.count))
    // Of all features, not only of those this trial uses.
    let each = try FitColumns(spec.groups, lists.flatMap { $0.candidates.map(\.1) })
    let alone = try single(lists, each)
    return FittedModel(
      report: report.value(
        fit.tuned, names: names(columns), trainLoss: fit.trainLoss, more: ["best_single_feature": .string(alone.name)]),
      fit.tuned, trainLoss: fit.trainLoss, strengths: strengths(fit.tuned.lambda, columns, places)
    ) { row, topK throws(FitError) in
      let found = try Self.candidates(row, field, name: rank.name)
      var numbers: [[Double]] = []
      for (_, candidate) in found { numbers.append(try columns.numbers(candidate)) }
      let scores = numbers.map { x in zip(x, fit.weights).reduce(0) { $0 + $1.0 * $1.1 } }
      let right = Self.names(row[label])
      var outcomes = Self.outcomes(found.map(\.0), scores, right, topK: topK)
      var single: [Double] = []
      for (_, candidate) in found { single.append(try each.numbers(candidate)[alone.column] * alone.sign) }
      let plain = Self.outcomes(found.map(\.0), single, right, topK: topK)
      for name in ["hit", "reciprocal_rank"] { outcomes["\(name)_best_single"] = plain[name] }
      let best = Self.order(scores).prefix(max(1, topK)).map { found[$0].0 }
      return FittedModel.Decision(text: best.joined(separator: "\n"), outcomes: outcomes)
    }
  }

  /// Rows none of whose candidates is right cannot be fitted to.
  func enough(_ useful: Int, in field: String) throws(FitError) {
    guard Double(useful) * min(settings.outer, 1 - settings.outer) < Double(Self.fewest) else { return }
    throw FitError(
      "only \(useful) of \(rows.count) rows of train have a right candidate in \(quoted(field)), too few to fit to and to "
        + "choose the strengths: are the names in \(quoted(spec.label)) the same?")
  }

  /// Places by falling score; equal ones in their order.
  private static func order(_ scores: [Double]) -> [Int] {
    scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
  }

  private static func outcomes(_ names: [String], _ scores: [Double], _ right: [String], topK: Int) -> [String: Double]
  {
    let first = order(scores).firstIndex { right.contains(names[$0]) }
    var outcomes: [String: Double] = [
      "reciprocal_rank": first.map { 1 / Double($0 + 1) } ?? 0.0,
      "hit": first.map { $0 < max(1, topK) ? 1 : 0 } ?? 0.0,
    ]
    func logSum(_ scores: [Double]) -> Double? {
      scores.max().map { top in top + log(scores.reduce(0) { $0 + exp($1 - top) }) }
    }
    let own = names.indices.filter { right.contains(names[$0]) }.map { scores[$0] }
    if let own = logSum(own), let all = logSum(scores) { outcomes["log_loss"] = all - own }
    return outcomes
  }

  /// The feature that ranks the training rows best by itself: the baseline that a fit has to beat.
  private func single(_ lists: [(candidates: [(String, Value)], right: [String])], _ columns: FitColumns)
    throws(FitError) -> (column: Int, sign: Double, name: String)
  {
    var tables: [(names: [String], numbers: [[Double]], right: [String])] = []
    for list in lists {
      var numbers: [[Double]] = []
      for (_, candidate) in list.candidates { numbers.append(try columns.numbers(candidate)) }
      tables.append((list.candidates.map(\.0), numbers, list.right))
    }
    var best = (column: 0, sign: 1.0, value: -1.0)
    for column in columns.columns.indices {
      for sign in [1.0, -1.0] {
        let value = tables.reduce(0.0) { sum, table in
          let found = Self.outcomes(table.names, table.numbers.map { sign * $0[column] }, table.right, topK: 1)
          return sum + (found["reciprocal_rank"] ?? 0)
        }
        if value > best.value { best = (column, sign, value) }
      }
    }
    let fields = spec.groups.flatMap(\.fields)
    let name =
      fields.indices.contains(best.column) && fields.count == columns.columns.count
      ? fields[best.column] : "feature \(best.column + 1)"
    return (best.column, best.sign, name)
  }

  // MARK: - Calibration

  /// The scores of a row's labels.
  static func scores(_ row: Value, _ field: String, _ labels: [String]?) throws(FitError) -> [String: Double] {
    guard let object = row[field]?.object, object.count > 1 else {
      throw FitError("\(quoted(field)) holds no scores of labels, such as {\"yes\": -0.2, \"no\": -1.7}")
    }
    var scores: [String: Double] = [:]
    for (label, value) in object {
      guard let number = value.number, number.isFinite else {
        throw FitError("\(quoted(field)) has for \(quoted(label)) \(quoted(value.text)), which is no number")
      }
      scores[label] = number
    }
    if let labels, scores.keys.sorted() != labels {
      throw FitError(
        "\(quoted(field)) has scores of \(scores.keys.sorted().joined(separator: ", ")), elsewhere of "
          + labels.joined(separator: ", "))
    }
    return scores
  }

  func calibration() throws(FitError) -> FittedModel {
    guard case .calibrate(let field, let costs) = spec.form else { throw FitError("this fit calibrates nothing") }
    var (labels, table): ([String]?, [(scores: [String: Double], right: String)]) = (nil, [])
    for row in rows {
      let right = try text(row, spec.label)
      let scores = try Self.of(row) { () throws(FitError) in try Self.scores(row.fields, field, labels) }
      labels = labels ?? scores.keys.sorted()
      guard scores[right] != nil else {
        throw FitError("row \(quoted(row.id)): \(quoted(right)) is right and has no score")
      }
      table.append((scores, right))
    }
    let all = labels ?? []
    if let unknown = costs.keys.sorted().first(where: { !all.contains($0) }) {
      throw FitError(
        "costs names \(quoted(unknown)), which no row has a score of: there are \(all.joined(separator: ", "))")
    }
    let judge = CalibratedScores(labels: all, costs: costs, label: spec.label)
    guard settings.use != "none" else {
      return FittedModel(report: ["fit": "calibrate", "use": "none"], nil, strengths: [:]) { row, _ throws(FitError) in
        let scores = try Self.scores(row, field, all)
        let raw = judge.decision(all.map { scores[$0] ?? 0 }, row)
        let plain = raw.outcomes.map { ("\($0.key)_uncalibrated", $0.value) }
        return FittedModel.Decision(text: raw.text, outcomes: raw.outcomes.merging(plain) { own, _ in own })
      }
    }
    let hasBiases = settings.use != "temperature"
    let width = hasBiases ? all.count + 1 : 1
    /// Of each label the score, then which one it is.
    @Sendable func features(_ scores: [String: Double]) -> [Double] {
      all.indices.flatMap { place in
        [scores[all[place]] ?? 0] + (hasBiases ? all.indices.map { $0 == place ? 1 : 0 } : [])
      }
    }
    func choices(_ places: [Int]) throws(FitError) -> ChoiceRows {
      try Self.fit { () throws(BilevelError) in
        try ChoiceRows(
          features: places.flatMap { features(table[$0].scores) }, sizes: places.map { _ in all.count },
          targets: places.flatMap { row in all.map { $0 == table[row].right ? 1 : 0 } },
          weights: places.map { costs[table[$0].right] ?? 1 }, offsets: places.flatMap { _ in judge.offsets },
          width: width)
      }
    }
    let parts = try parts(kinds: table.map(\.right))
    let (inner, outer) = (try choices(parts.inner), try choices(parts.outer))
    let (groups, names) = calibrationGroups(hasBiases ? all : [])
    let begin = start.isEmpty ? nil : names.map { name in start[name] ?? start["bias"] ?? start["all"] ?? 0 }
    let fit = try Self.fit { () throws(BilevelError) in
      try Fit.choice(
        inner, outer: outer, groups: groups, prior: [1] + (1..<width).map { _ in 0 }, from: begin, calls: spec.calls)
    }
    var strengths: [String: Double] = [:]
    for (name, lambda) in zip(names, fit.tuned.lambda) { strengths[name] = lambda }
    let temperature = fit.weights[0] == 0 ? Value.null : .double(1 / fit.weights[0])
    let biases = Dictionary(zip(all, fit.weights.dropFirst().map { Value.double($0) }), uniquingKeysWith: { $1 })
    let report = FitReport(spec: spec, settings: settings, rows: (inner.count, outer.count))
    return FittedModel(
      report: report.value(
        fit.tuned, names: names, trainLoss: fit.trainLoss,
        more: ["use": .string(settings.use), "temperature": temperature, "biases": .object(biases)]),
      fit.tuned, trainLoss: fit.trainLoss, strengths: strengths
    ) { row, _ throws(FitError) in
      let x = features(try Self.scores(row, field, all))
      func scores(_ w: [Double]) -> [Double] {
        all.indices.map { place in (0..<width).reduce(0) { $0 + x[place * width + $1] * w[$1] } }
      }
      let (text, own) = judge.decision(scores(fit.weights), row)
      let raw = judge.decision(scores([1] + (1..<width).map { _ in 0 }), row)
      var outcomes = own
      for (name, value) in raw.outcomes { outcomes["\(name)_uncalibrated"] = value }
      return FittedModel.Decision(text: text, outcomes: outcomes)
    }
  }

  /// The lambda of each weight, and what it is called: one for all, one for temperature and one for biases, or one for each.
  private func calibrationGroups(_ labels: [String]) -> (groups: [Int?], names: [String]) {
    guard !labels.isEmpty else { return ([0], [settings.penalty == .one ? "all" : "temperature"]) }
    return switch settings.penalty {
    case .one: ([0] + labels.map { _ in 0 }, ["all"])
    case .group: ([0] + labels.map { _ in 1 }, ["temperature", "bias"])
    case .feature: ([0] + labels.indices.map { $0 + 1 }, ["temperature"] + labels.map { "bias of \($0)" })
    }
  }
}

/// Decides by scores: the label whose mistake would cost most, weighed by how likely it is.
private struct CalibratedScores: Sendable {
  let labels: [String]
  let costs: [String: Double]
  let label: String

  /// Logarithms of the costs. Rows count by their cost, and a label's part in such rows is p c: with these added the scores
  /// of the fit stay those of p.
  var offsets: [Double] { labels.map { log(costs[$0] ?? 1) } }

  func decision(_ plain: [Double], _ row: Value) -> (text: String, outcomes: [String: Double]) {
    let weighted = zip(plain, offsets).map { $0 + $1 }
    let best = weighted.indices.max { (weighted[$0], -$0) < (weighted[$1], -$1) } ?? 0
    guard let right = row[label]?.text, let place = labels.firstIndex(of: right) else { return (labels[best], [:]) }
    let top = plain.max() ?? 0
    let all = plain.reduce(0) { $0 + exp($1 - top) }
    return (
      labels[best],
      ["cost": best == place ? 0 : costs[right] ?? 1, "log_loss": log(all) - (plain[place] - top)]
    )
  }
}
