import Foundation
import HoneModel
import HoneTesting

/// Caps over randomised studies, by the books that the simulated endpoints keep themselves.
enum CapFigures {
  static func figures(_ runs: Int = 1_000) async throws -> [Figure] {
    var over: [ModelError.Cap: (runs: Int, overshot: Int, most: Double, bound: Int)] = [:]
    var unbooked = 0
    var (requests, faults) = (0, 0)
    for run in 0..<runs {
      let outcome = try await CapRehearsal(seed: 20_261_121).run(run)
      requests += outcome.books.reduce(0) { $0 + $1.requests }
      faults += outcome.books.reduce(0) { $0 + $1.faults }
      if outcome.unbooked > 0 { unbooked += 1 }
      for (cap, excess) in outcome.overshoot {
        var entry = over[cap] ?? (0, 0, 0, 0)
        entry.runs += 1
        if excess > 0 {
          entry.overshot += 1
          FileHandle.standardError.write(Data("\(outcome.plan): \(cap.rawValue) over by \(excess)\n".utf8))
        }
        entry.most = max(entry.most, excess)
        if outcome.ends.contains(cap.rawValue) { entry.bound += 1 }
        over[cap] = entry
      }
    }
    let how = "\(runs) randomised studies, \(requests) requests of which \(faults) met a fault"
    return [ModelError.Cap.requests, .tokens, .money, .time].map { cap in
      let entry = over[cap] ?? (0, 0, 0, 0)
      // The simulated clock adds up what would run side by side.
      let alone = cap == .time ? "; studies that make one request at a time alone have it" : ""
      return Figure(
        name: "cap on \(cap.rawValue): most used beyond it", value: entry.most,
        unit: cap == .time ? "seconds" : cap.rawValue, target: 0,
        how: "\(how); \(entry.runs) with this cap, which ended \(entry.bound); by the endpoints' books or the study's"
          + alone)
    } + [
      Figure(
        name: "studies whose count of requests is not the endpoints'", value: Double(unbooked), unit: "studies",
        target: 0,
        how: how)
    ]
  }
}
