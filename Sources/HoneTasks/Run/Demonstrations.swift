import Hone
import HoneTrace

/// The rows a prompt may show as worked examples, in the order they are taken.
struct DemonstrationRows: Sendable {
  private let order: [Example]

  /// - Parameter balance: the field whose values take turns, in the order they first appear; within a value the rows'
  ///   order counts. Nil: the rows' order.
  init(_ rows: [Example], balance: String?) {
    guard let balance else {
      order = rows
      return
    }
    var values: [String] = []
    var groups: [String: [Example]] = [:]
    for row in rows {
      let value = row.fields[balance]?.text ?? ""
      if groups[value] == nil { values.append(value) }
      groups[value, default: []].append(row)
    }
    let rounds = groups.values.map(\.count).max() ?? 0
    order = (0..<rounds).flatMap { round in
      values.compactMap { value in groups[value].flatMap { round < $0.count ? $0[round] : nil } }
    }
  }

  /// The first `count` rows that are not the example itself.
  func rows(_ count: Int, for example: Example) -> [Example] {
    Array(order.lazy.filter { $0.id != example.id }.prefix(max(0, count)))
  }
}
