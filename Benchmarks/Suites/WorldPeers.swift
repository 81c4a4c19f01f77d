import Foundation
import HoneTesting
import HoneTrace

/// gepa and OPRO in the simulated worlds, as `Benchmarks/Peers/worlds` measured them over the same endpoint, seeds and proposer.
///
/// Run from the repository's root: the record is `Benchmarks/Data/worlds/peers.json`.
struct WorldPeers {
  static let names = ["gepa": "gepa 0.1.4", "opro": "OPRO"]

  /// Metric calls after which a run counts as not having got there.
  let most: Double
  private let runs: [Value]

  /// - Throws: when the record cannot be read, or is of other worlds.
  init(path: String = "Benchmarks/Data/worlds/peers.json") throws {
    let record = try Value.parse(json: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    guard record["worlds"]?.int == SimulatedWorld.version else {
      throw CocoaError(.fileReadCorruptFile, userInfo: [NSFilePathErrorKey: path])
    }
    most = record["most_calls"]?.number ?? 0
    runs = record["runs"]?.array ?? []
  }

  /// The peer's median of metric calls, infinite where fewer than half got there, beside those of Hone's proposers.
  ///
  /// - Parameter ours: medians by proposer, the default first.
  func figures(_ world: SimulatedWorld, _ scheduler: String, _ ours: [(name: String, median: Double)]) -> [Figure] {
    Self.names.sorted { $0.key < $1.key }.flatMap { peer, title -> [Figure] in
      let mine = runs.filter { $0["world"]?.string == world.name && $0["peer"]?.string == peer }
      let calls = mine.map { $0["calls"]?.number ?? .infinity }.sorted()
      let truths = mine.compactMap { $0["truth"]?.number }.sorted()
      guard let first = ours.first, !calls.isEmpty, !truths.isEmpty else { return [] }
      let median = calls[calls.count / 2]
      let reached = calls.count(where: \.isFinite)
      let all = ours.map { "\($0.name) \(ratio($0.median, median).rounded(toDigits: 3))" }.joined(separator: ", ")
      let bound = median.isFinite || first.median.isFinite ? "" : "; neither got there within \(Int(most)) calls"
      return [
        Figure(
          name: "world \(world.name), \(title): metric calls to 90 % of the best accuracy",
          value: median.isFinite ? median : -1, unit: "calls",
          how:
            "median of \(calls.count) seeds, recorded, -1: not within \(Int(most)) calls; reached in \(reached); median true "
            + "accuracy at the end \(truths[truths.count / 2].rounded(toDigits: 3))"),
        Figure(
          name: "world \(world.name), \(first.name) (\(scheduler)) / \(title): metric calls",
          value: ratio(first.median, median),
          unit: "ratio", target: 0.6,
          how: "of medians, one that was not reached counts as \(Int(most)): \(all)\(bound)"),
      ]
    }
  }

  private func ratio(_ ours: Double, _ peer: Double) -> Double { min(ours, most) / min(peer, most) }
}
