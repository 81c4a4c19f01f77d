import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// A language model of known skill for LLAMBO's questions about a table: it samples configurations and predicts losses.
/// What it says depends on its seed and the request alone.
struct SimulatedProposer: ChatModel {
  enum Skill: String, CaseIterable {
    /// Half of its configurations lie near the best tenth of the table; predictions are off by half a deviation.
    case good
    /// Random configurations, random predictions.
    case useless
    /// All of its configurations lie near the worst tenth; it predicts bad where it is good.
    case misleading
  }

  let table: SearchTable
  let skill: Skill
  let seed: UInt64
  /// Rows in the order of their losses.
  private let order: [Int]
  private let deviation: Double

  init(_ table: SearchTable, _ skill: Skill, seed: Int) {
    self.table = table
    self.skill = skill
    self.seed = UInt64(seed)
    order = table.losses.indices.sorted { table.losses[$0] < table.losses[$1] }
    let mean = table.losses.reduce(0, +) / Double(table.losses.count)
    let squares = table.losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / Double(table.losses.count)).squareRoot()
  }

  func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    let text = request.messages.map(\.content).joined(separator: "\n")
    var random = RandomStream(seed: seed, name: "simulated/\(skill.rawValue)/\(text)")
    let isPrediction = text.contains("\"predictions\"")
    let answer: Value =
      isPrediction
      ? ["predictions": .array(asked(text).map { .double(prediction($0, &random)) })]
      : ["configurations": .array((0..<10).map { _ in configuration(&random) })]
    return ChatReply(
      text: answer.canonicalJSON, finish: .stop, usage: Usage(promptTokens: text.utf8.count / 4, completionTokens: 200),
      model: "simulated-\(skill.rawValue)", seconds: 0, callKey: "", replayed: false)
  }

  /// The numbered configurations of a question.
  private func asked(_ text: String) -> [[Double]] {
    text.split(separator: "\n").compactMap { line in
      guard let colon = line.firstIndex(of: ":"), Int(line[..<colon]) != nil,
        let values = try? Value.parse(json: line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
      else { return nil }
      return (0..<table.dimensions).map { values["u\($0)"]?.number ?? 0.5 }
    }
  }

  private func prediction(_ point: [Double], _ random: inout RandomStream) -> Double {
    let loss = table.loss(at: point)
    switch skill {
    case .good: return loss + 0.5 * deviation * random.normal()
    case .useless: return table.losses[Int(random.uniform() * Double(table.losses.count))]
    case .misleading: return (table.losses.min() ?? 0) + (table.losses.max() ?? 0) - loss
    }
  }

  private func configuration(_ random: inout RandomStream) -> Value {
    let tenth = max(1, order.count / 10)
    let place = Int(random.uniform() * Double(tenth))
    let row: Int? =
      switch skill {
      case .good: random.uniform() < 0.5 ? order[place] : nil
      case .useless: nil
      case .misleading: order[order.count - 1 - place]
      }
    var values: [String: Value] = [:]
    for coordinate in 0..<table.dimensions {
      let near = row.map { min(max(table.points[$0][coordinate] + 0.05 * random.normal(), 0), 1) }
      values["u\(coordinate)"] = .double(near ?? random.uniform())
    }
    return .object(values)
  }
}
