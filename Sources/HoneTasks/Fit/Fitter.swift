import Hone
import HoneNumerics
import HoneOptimize
import HoneTrace

/// Fits one model a setting, once for all rows of a trial. What comes out follows from the settings and the training rows
/// alone, whatever was fitted before: strengths begin at those of the start's settings, never at those of the last trial.
actor Fitter {
  nonisolated let spec: FitSpec
  private let filling: Filling
  private let rows: [Example]
  private var models: [FitSettings: Task<Result<FittedModel, FitError>, Never>] = [:]

  init(_ spec: FitSpec, space: Space, rows: [Example]) {
    self.spec = spec
    filling = Filling(space: space)
    self.rows = rows
  }

  /// The model of an assignment; made when it is first asked for.
  func model(_ assignment: Assignment) async -> Result<FittedModel, FitError> {
    let settings = FitSettings(spec, filling, assignment)
    let first = FitSettings(spec, filling, filling.space.initial)
    if settings == first { return await model(settings, from: [:]) }
    let start = try? await model(first, from: [:]).get().strengths
    return await model(settings, from: start ?? [:])
  }

  /// - Parameter start: logarithms of strengths, by group.
  private func model(_ settings: FitSettings, from start: [String: Double]) async -> Result<FittedModel, FitError> {
    if let known = models[settings] { return await known.value }
    let (spec, rows) = (spec, rows)
    let task = Task { () -> Result<FittedModel, FitError> in
      do throws(FitError) {
        return .success(try FitMaker(spec: spec, settings: settings, rows: rows, start: start).model())
      } catch {
        return .failure(error)
      }
    }
    models[settings] = task
    return await task.value
  }

  nonisolated func topK(_ assignment: Assignment) -> Int {
    guard case .rank(let rank) = spec.form else { return 1 }
    return filling.value(rank.topK, assignment).int ?? 1
  }
}

/// Makes one model of the training rows.
struct FitMaker {
  let spec: FitSpec
  let settings: FitSettings
  let rows: [Example]
  let start: [String: Double]

  func model() throws(FitError) -> FittedModel {
    guard case .calibrate = spec.form else {
      guard !settings.groups.isEmpty else {
        throw FitError("no group of features is used; there are \(spec.groups.map(\.name).joined(separator: ", "))")
      }
      if case .classify(let checked) = spec.form {
        guard let checked else { return try classifier() }
        return try cleaned(checked)
      }
      return try ranker()
    }
    return try calibration()
  }

  /// The rows that weights are fitted to and those that choose the strengths: drawn with one seed, alike in every kind.
  func parts(kinds: [String]) throws(FitError) -> (inner: [Int], outer: [Int]) {
    var stream = RandomStream(seed: 0, name: "fit/outer")
    let order = Array(rows.indices).shuffled(using: &stream)
    let places = Dictionary(zip(order, order.indices), uniquingKeysWith: { first, _ in first })
    let sorted = order.sorted { (kinds[$0], places[$0] ?? 0) < (kinds[$1], places[$1] ?? 0) }
    var (inner, outer): ([Int], [Int]) = ([], [])
    for (count, row) in sorted.enumerated() {
      // The share's multiples fall evenly on the sorted rows.
      let isOuter =
        (Double(count + 1) * settings.outer).rounded(.down) > (Double(count) * settings.outer).rounded(.down)
      if isOuter { outer.append(row) } else { inner.append(row) }
    }
    guard inner.count >= Self.fewest, outer.count >= Self.fewest else {
      throw FitError(
        "\(rows.count) rows of train are too few: \(inner.count) to fit and \(outer.count) to choose the strengths, "
          + "and each needs \(Self.fewest)")
    }
    return (inner.sorted(), outer.sorted())
  }

  static let fewest = 4

  /// Strengths to begin with, one a place.
  func begin(_ columns: FitColumns, _ places: [Int]) -> [Double]? {
    guard !start.isEmpty else { return nil }
    let mean = start.keys.sorted().reduce(0.0) { $0 + (start[$1] ?? 0) } / Double(start.count)
    var (sums, counts) = ([Double](), [Double]())
    for (column, place) in zip(columns.columns, places) {
      while sums.count <= place {
        sums.append(0)
        counts.append(0)
      }
      sums[place] += start[columns.groups[column.group].name] ?? mean
      counts[place] += 1
    }
    return zip(sums, counts).map { $0 / max(1, $1) }
  }

  /// What each lambda is of.
  func names(_ columns: FitColumns) -> [String] {
    switch settings.penalty {
    case .one: ["all"]
    case .group: settings.groups.map(\.name)
    case .feature:
      columns.columns.enumerated().map { place, column in
        let before = columns.columns[..<place].count { $0.group == column.group }
        return "\(columns.groups[column.group].name) \(before + 1)"
      }
    }
  }

  /// Mean logarithm of each group's strengths.
  func strengths(_ lambda: [Double], _ columns: FitColumns, _ places: [Int]) -> [String: Double] {
    var sums: [String: (sum: Double, count: Double)] = [:]
    for (column, place) in zip(columns.columns, places) {
      let name = columns.groups[column.group].name
      let known = sums[name] ?? (0, 0)
      sums[name] = (known.sum + lambda[place], known.count + 1)
    }
    return sums.mapValues { $0.sum / $0.count }
  }

  func text(_ row: Example, _ field: String) throws(FitError) -> String {
    guard let value = row.fields[field], value != .null, value.array == nil, !value.text.isEmpty else {
      throw FitError("row \(quoted(row.id)): \(quoted(field)) holds no label")
    }
    return value.text
  }

  /// What a numeric error says of the rows.
  static func fit<T>(_ body: () throws(BilevelError) -> T) throws(FitError) -> T {
    do throws(BilevelError) {
      return try body()
    } catch {
      throw FitError(error.description)
    }
  }

  /// What a row lacks, with its id.
  static func of<T>(_ row: Example, _ body: () throws(FitError) -> T) throws(FitError) -> T {
    do throws(FitError) {
      return try body()
    } catch {
      throw FitError("row \(quoted(row.id)): \(error.message)")
    }
  }
}
