import Hone
import HoneOptimize
import HoneTrace

/// Logistic regression over the labels of the training rows, plain or with weights for rows whose labels may be wrong.
extension FitMaker {
  /// Labels, and rows as numbers with a constant at their end.
  private struct Table {
    let spec: FitSpec
    let columns: FitColumns
    let labels: [String]

    init(_ maker: FitMaker) throws(FitError) {
      spec = maker.spec
      columns = try FitColumns(maker.settings.groups, maker.rows.map(\.fields))
      var labels: Set<String> = []
      for row in maker.rows { labels.insert(try maker.text(row, maker.spec.label)) }
      self.labels = labels.sorted()
      guard labels.count > 1 else {
        throw FitError("all training rows have the label \(quoted(labels.first ?? "")): there is nothing to tell apart")
      }
    }

    func rows(_ maker: FitMaker, _ places: [Int]) throws(FitError) -> LogisticRows {
      var (features, classes): ([Double], [Int]) = ([], [])
      for place in places {
        let row = maker.rows[place]
        features += try FitMaker.of(row) { () throws(FitError) in try columns.numbers(row.fields) } + [1]
        classes.append(labels.firstIndex(of: try maker.text(row, maker.spec.label)) ?? 0)
      }
      return try FitMaker.fit { () throws(BilevelError) in
        try LogisticRows(features: features, labels: classes, width: columns.columns.count + 1, classes: labels.count)
      }
    }

    func decision(_ weights: [Double], _ row: Value) throws(FitError) -> (label: String, outcomes: [String: Double]) {
      let numbers = try columns.numbers(row) + [1]
      let right = row[spec.label]?.text
      let place = right.flatMap { labels.firstIndex(of: $0) }
      let one = try FitMaker.fit { () throws(BilevelError) in
        try LogisticRows(features: numbers, labels: [place ?? 0], width: numbers.count, classes: labels.count)
      }
      let p = one.probabilities(weights)
      let best = p.indices.max { (p[$0], -$0) < (p[$1], -$1) } ?? 0
      guard let right else { return (labels[best], [:]) }
      var outcomes = ["cost": labels[best] == right ? 0.0 : 1.0]
      if place != nil { outcomes["log_loss"] = one.meanLoss(weights) }
      return (labels[best], outcomes)
    }
  }

  func classifier() throws(FitError) -> FittedModel {
    let table = try Table(self)
    var kinds: [String] = []
    for row in rows { kinds.append(try text(row, spec.label)) }
    let parts = try parts(kinds: kinds)
    let (inner, outer) = (try table.rows(self, parts.inner), try table.rows(self, parts.outer))
    let places = table.columns.places(settings.penalty)
    let fit = try Self.fit { () throws(BilevelError) in
      try Fit.classifier(
        inner, outer: outer, groups: places.map { $0 } + [nil], from: begin(table.columns, places), calls: spec.calls)
    }
    let report = FitReport(spec: spec, settings: settings, rows: (inner.count, outer.count))
    return FittedModel(
      report: report.value(fit.tuned, names: names(table.columns), trainLoss: fit.trainLoss), fit.tuned,
      trainLoss: fit.trainLoss, strengths: strengths(fit.tuned.lambda, table.columns, places)
    ) { row, _ throws(FitError) in
      let (label, outcomes) = try table.decision(fit.weights, row)
      return FittedModel.Decision(text: label, outcomes: outcomes)
    }
  }

  /// - Parameter checked: the field that says whether a row's label is right.
  func cleaned(_ checked: String) throws(FitError) -> FittedModel {
    let table = try Table(self)
    let parts = try checkedParts(checked)
    let (open, sure) = (try table.rows(self, parts.open), try table.rows(self, parts.sure))
    let fit = try Self.fit { () throws(BilevelError) in
      try CleaningFit(
        open, checked: sure, ridge: settings.ridge, constant: table.columns.columns.count, calls: spec.calls)
    }
    let wrong = parts.open.indices.filter { fit.rowWeights[$0] < 0.5 }.map { Value.string(rows[parts.open[$0]].id) }
    let report = FitReport(spec: spec, settings: settings, rows: (open.count, sure.count))
    return FittedModel(
      report: report.value(
        fit.tuned, names: [], trainLoss: fit.trainLoss,
        more: ["penalty": .null, "ridge": .double(settings.ridge), "labels_taken_to_be_wrong": .array(wrong)]),
      fit.tuned, trainLoss: fit.trainLoss, strengths: [:]
    ) { row, _ throws(FitError) in
      let (label, outcomes) = try table.decision(fit.weights, row)
      let plain = [
        ("checked_only", try table.decision(fit.checkedOnly, row)), ("all_rows", try table.decision(fit.allRows, row)),
      ]
      return FittedModel.Decision(
        text: label,
        outcomes: plain.reduce(into: outcomes) { all, one in
          all["accuracy_\(one.0)"] = one.1.outcomes["cost"].map { 1 - $0 }
        })
    }
  }

  /// Rows whose label is right, and the others.
  func checkedParts(_ checked: String) throws(FitError) -> (sure: [Int], open: [Int]) {
    var parts: (sure: [Int], open: [Int]) = ([], [])
    for (place, row) in rows.enumerated() {
      let word = try text(row, checked)
      guard let isSure = ["true": true, "false": false, "1": true, "0": false][word.lowercased()] else {
        throw FitError("row \(quoted(row.id)): \(quoted(checked)) is \(quoted(word)), expected true or false")
      }
      if isSure { parts.sure.append(place) } else { parts.open.append(place) }
    }
    guard parts.sure.count >= Self.fewest, !parts.open.isEmpty else {
      throw FitError(
        "\(parts.sure.count) of \(rows.count) rows of train are checked: weights need \(Self.fewest) that are, "
          + "and at least one that is not")
    }
    return parts
  }
}
