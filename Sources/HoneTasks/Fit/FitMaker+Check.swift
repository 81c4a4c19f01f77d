import Hone
import HoneTrace

/// What is wrong with rows, told with their ids before anything is run.
extension FitMaker {
  /// - Parameters:
  ///   - others: rows that are decided about, beside the training rows.
  ///   - candidates: fields that may hold candidates.
  ///   - needsLoss: each of them is scored by its loss or cost.
  /// - Throws: the first that is wrong.
  func check(_ others: [Example], candidates: [String], needsLoss: Bool) throws(FitError) {
    guard let first = rows.first else {
      throw FitError("there are no rows of train to fit to; give data.train a share")
    }
    var kinds: [String] = []
    if case .rank = spec.form {} else { for row in rows { kinds.append(try text(row, spec.label)) } }
    switch spec.form {
    case .classify(let checked):
      let columns = try Self.of(first) { () throws(FitError) in try FitColumns(spec.groups, [first.fields]) }
      for row in rows + others {
        _ = try Self.of(row) { () throws(FitError) in try columns.numbers(row.fields) }
      }
      guard Set(kinds).count > 1 else {
        throw FitError("all training rows have the label \(quoted(kinds[0])): there is nothing to tell apart")
      }
      if let checked { _ = try checkedParts(checked) } else { _ = try parts(kinds: kinds) }
      if needsLoss { try known(others, Set(kinds)) }
    case .rank(let rank):
      for field in candidates { try check(field, rank, others, needsLoss: needsLoss) }
    case .calibrate(let field, let costs):
      let labels = try Self.of(first) { () throws(FitError) in try Self.scores(first.fields, field, nil) }
      for row in rows + others {
        _ = try Self.of(row) { () throws(FitError) in try Self.scores(row.fields, field, labels.keys.sorted()) }
      }
      if let unknown = costs.keys.sorted().first(where: { labels[$0] == nil }) {
        throw FitError(
          "costs names \(quoted(unknown)), which has no score: there are \(labels.keys.sorted().joined(separator: ", "))"
        )
      }
      try known(rows + (needsLoss ? others : []), Set(labels.keys))
      _ = try parts(kinds: kinds)
    }
  }

  /// A row whose label is none of these has neither loss nor cost.
  private func known(_ others: [Example], _ labels: Set<String>) throws(FitError) {
    for row in others {
      let right = try text(row, spec.label)
      guard !labels.contains(right) else { continue }
      throw FitError(
        "row \(quoted(row.id)): the label \(quoted(right)) is none of \(labels.sorted().joined(separator: ", "))")
    }
  }

  private func check(_ field: String, _ rank: FitSpec.RankSpec, _ others: [Example], needsLoss: Bool) throws(FitError) {
    guard let first = rows.first else { return }
    let columns = try Self.of(first) { () throws(FitError) in
      try FitColumns(spec.groups, try Self.candidates(first.fields, field, name: rank.name).prefix(1).map(\.1))
    }
    for row in rows + others {
      try Self.of(row) { () throws(FitError) in
        for (_, candidate) in try Self.candidates(row.fields, field, name: rank.name) {
          _ = try columns.numbers(candidate)
        }
      }
    }
    func isUseful(_ row: Example) throws(FitError) -> Bool {
      let right = Self.names(row.fields[spec.label])
      return try Self.candidates(row.fields, field, name: rank.name).contains { right.contains($0.0) }
    }
    var useful = 0
    for row in rows where try isUseful(row) { useful += 1 }
    try enough(useful, in: field)
    guard needsLoss else { return }
    for row in others where try !isUseful(row) {
      throw FitError(
        "row \(quoted(row.id)): none of the candidates in \(quoted(field)) is right, so it has no log_loss; score by "
          + "reciprocal_rank or hit")
    }
  }
}
