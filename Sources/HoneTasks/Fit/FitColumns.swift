import Hone
import HoneOptimize
import HoneTrace

/// Why rows cannot be fitted.
struct FitError: Error, Hashable, Sendable {
  var message: String
  init(_ message: String) { self.message = message }
}

/// Numbers of rows, or of their candidates, as columns of about 1: centred, and divided by their standard deviation over
/// the training rows. The numbers of a list are of one kind and are divided by one number.
struct FitColumns: Sendable {
  struct Column: Sendable {
    /// The place of its group.
    var group: Int
    var mean = 0.0
    var scale = 1.0
  }

  let groups: [FitSpec.Group]
  private(set) var columns: [Column] = []
  /// Numbers in each field, by field; 1 for a number.
  private let sizes: [String: Int]

  /// - Parameter rows: what the columns are scaled by.
  init(_ groups: [FitSpec.Group], _ rows: [Value]) throws(FitError) {
    self.groups = groups
    var sizes: [String: Int] = [:]
    for field in groups.flatMap(\.fields) { sizes[field] = try Self.numbers(field, rows.first ?? .null).count }
    self.sizes = sizes
    var places: [Range<Int>] = []
    for (place, group) in groups.enumerated() {
      for field in group.fields {
        let size = sizes[field] ?? 0
        places.append(columns.count..<columns.count + size)
        columns += Array(repeating: Column(group: place), count: size)
      }
    }
    var raw: [[Double]] = []
    for row in rows { raw.append(try self.raw(row)) }
    let count = Double(max(1, raw.count))
    for place in columns.indices { columns[place].mean = raw.reduce(0) { $0 + $1[place] / count } }
    for range in places {
      let largest = range.reduce(0.0) { most, place in
        raw.reduce(most) { max($0, abs($1[place] - columns[place].mean)) }
      }
      guard largest.isFinite else { throw FitError("numbers as large as these do not fit: scale them") }
      guard largest > 0 else { continue }
      let squares = range.reduce(0.0) { sum, place in
        raw.reduce(sum) { sum, row in
          let part = (row[place] - columns[place].mean) / largest
          return sum + part * part
        }
      }
      let deviation = largest * (squares / count / Double(max(1, range.count))).squareRoot()
      // Of a column that is all but constant, rounding would be taken for news.
      let size = range.reduce(largest) { max($0, abs(columns[$1].mean)) }
      for place in range where deviation > 1e-12 * size { columns[place].scale = deviation }
    }
  }

  /// One row's numbers, scaled.
  func numbers(_ row: Value) throws(FitError) -> [Double] {
    let raw = try raw(row)
    return columns.indices.map { (raw[$0] - columns[$0].mean) / columns[$0].scale }
  }

  private func raw(_ row: Value) throws(FitError) -> [Double] {
    var numbers: [Double] = []
    for field in groups.flatMap(\.fields) {
      let found = try Self.numbers(field, row)
      guard found.count == sizes[field] else {
        throw FitError("\(quoted(field)) has \(found.count) numbers, elsewhere it has \(sizes[field] ?? 0)")
      }
      numbers += found
    }
    return numbers
  }

  private static func numbers(_ field: String, _ row: Value) throws(FitError) -> [Double] {
    guard let value = row[field] else { throw FitError("there is no \(quoted(field))") }
    func number(_ value: Value) throws(FitError) -> Double {
      if let bool = value.bool { return bool ? 1 : 0 }
      // Values of CSV files are texts.
      guard let number = value.number ?? value.string.flatMap(Double.init), number.isFinite else {
        throw FitError("\(quoted(field)) holds \(quoted(value.text)), which is no number")
      }
      return number
    }
    guard let list = value.array else { return [try number(value)] }
    guard !list.isEmpty else { throw FitError("\(quoted(field)) is an empty list") }
    var numbers: [Double] = []
    for element in list { numbers.append(try number(element)) }
    return numbers
  }

  /// The place among the lambdas of each column under a penalty.
  func places(_ penalty: PenaltyKind) -> [Int] {
    switch penalty {
    case .one: columns.map { _ in 0 }
    case .group: columns.map(\.group)
    case .feature: Array(columns.indices)
    }
  }
}
