import Foundation
import HoneOptimize
import HoneTesting

/// Mutated replies through every proposer's own path: what comes out is judged by an oracle that shares no code with it.
enum ReplyFigures {
  /// Those that also ask for numbers fit a model for each proposal, and get fewer replies.
  private static let slow: Set = ["auto", "joint", "llambo", "portfolio"]

  static func figures(_ replies: Int = 1_000_000) async throws -> [Figure] {
    let names = (OptimizerCatalog.askingModel.union(["auto", "joint", "portfolio"])).sorted()
    let few = replies / 50
    let many = (replies - few * names.count(where: slow.contains)) / names.count { !slow.contains($0) }
    var all = ReplyFuzz.Tally()
    for (index, name) in names.enumerated() {
      let isLast = index == names.count - 1
      let count = isLast ? replies - all.replies : slow.contains(name) ? few : many
      let tallies = try await ReplyFuzz(seed: 20_261_121 + UInt64(index)).run(
        count, [{ try OptimizerCatalog.make(name: name) }])
      all = tallies.values.reduce(all, +)
    }
    for finding in all.findings { FileHandle.standardError.write(Data("\(finding)\n".utf8)) }
    let how =
      "\(all.replies) replies to \(names.joined(separator: ", ")) in random spaces, \(all.applied) used, \(all.rejected) with "
      + "rejections; \(all.proposals) proposals judged by an oracle of its own"
    return [
      Figure(
        name: "mutated replies: out-of-domain assignments", value: Double(all.outOfDomain), unit: "assignments",
        target: 0,
        how: how),
      Figure(
        name: "mutated replies: known assignments proposed again", value: Double(all.duplicates), unit: "assignments",
        target: 0, how: how),
      Figure(
        name: "mutated replies: asks that threw, rejections without a reason", value: Double(all.faults),
        unit: "faults",
        target: 0, how: how),
    ]
  }
}
