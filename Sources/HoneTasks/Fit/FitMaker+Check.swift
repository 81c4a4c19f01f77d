import Hone
import HoneTrace

/// What is wrong with rows, told with their ids before anything is run.
extension FitMaker {
  /// - Parameter others: rows that are decided about, beside the training rows.
  /// - Throws: the first that is wrong.
  func check(_ others: [Example]) throws(FitError) {
    guard let first = rows.first else {
      throw FitError("there are no rows of train to fit to; give data.train a share")
    }
    var kinds: [String] = []
    for row in rows { kinds.append(try text(row, spec.label)) }
    switch spec.form {
    case .classify(let checked):
      let columns = try Self.of(first) { () throws(FitError) in try FitColumns(spec.groups, [first.fields]) }
      for row in rows + others {
        _ = try Self.of(row) { () throws(FitError) in try columns.numbers(row.fields) }
      }
      guard Set(kinds).count > 1 else {
        throw FitError("all training rows have the label \(quoted(kinds[0])): there is nothing to tell apart")
      }
      if checked == nil { _ = try parts(kinds: kinds) }
    case .rank(let rank):
      for field in candidateFields { try check(field, rank, others) }
    case .calibrate(let field, _):
      let labels = try Self.of(first) { () throws(FitError) in try Self.scores(first.fields, field, nil) }
      for row in rows + others {
        _ = try Self.of(row) { () throws(FitError) in try Self.scores(row.fields, field, labels.keys.sorted()) }
      }
      _ = try parts(kinds: kinds)
    }
  }

  private func check(_ field: String, _ rank: FitSpec.RankSpec, _ others: [Example]) throws(FitError) {
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
  }
}
