import Foundation
import HoneNumerics
import HoneTrace

/// Test functions with choices, conditions and rotated axes, each with least value 0. Frozen: what is tuned is tuned elsewhere.
///
/// Rotated, so that a method that looks at one parameter at a time is not flattered.
struct MixedFunction {
  let name: String
  let space: Space
  /// Without noise.
  let loss: @Sendable (Assignment) -> Double
  /// Standard deviation of one example's score, where there is noise: 16 examples a trial.
  var noise = 0.0

  static let all: [MixedFunction] = [
    rotated("ellipsoid", 6) { x in
      var sum = 0.0
      for (index, value) in x.enumerated() {
        let weight: Double = pow(100, Double(index) / Double(x.count - 1))
        sum += weight * value * value
      }
      return sum
    },
    rotated("rosenbrock", 4) { x in
      var sum = 0.0
      for index in 0..<(x.count - 1) {
        let (a, b) = (3 * x[index] + 1, 3 * x[index + 1] + 1)
        let valley: Double = b - a * a
        sum += (1 - a) * (1 - a) + 10 * valley * valley
      }
      return sum
    },
    rotated("rastrigin", 4) { x in
      let waves: Double = x.reduce(0.0) { $0 + 1 - cos(4 * Double.pi * $1) }
      return 16 * square(x) + 2 * waves
    },
    rotated("ridge", 8) { x in
      let rest = x.dropFirst().reduce(0.0) { $0 + $1 * $1 }
      return abs(x[0]) + 3 * rest.squareRoot()
    },
    rotated("noisy bowl", 5, noise: 0.8) { x in 2 * square(x) },
    shiftedByChoice, settingsOfAService, switches, algorithms, nested,
  ]

  private static func square(_ x: [Double]) -> Double { x.reduce(0.0) { $0 + $1 * $1 } }

  private static func float(_ name: String, condition: Condition? = nil) -> ParameterSpec {
    ParameterSpec(name: name, domain: .float(FloatDomain(0...1)), initial: 0.9, condition: condition)
  }

  private static func rotated(
    _ name: String, _ dimensions: Int, noise: Double = 0, _ function: @escaping @Sendable ([Double]) -> Double
  ) -> MixedFunction {
    let rotation = Rotation(name, dimensions)
    let space = Space((0..<dimensions).map { float("x\($0)") })
    return MixedFunction(
      name: "rotated \(name)", space: space,
      loss: { values in
        function(rotation.apply((0..<dimensions).map { values["x\($0)"]?.number ?? 0 }))
      }, noise: noise)
  }

  /// A rotated bowl whose bottom depends on a choice; another choice adds a slope.
  private static let shiftedByChoice: MixedFunction = {
    let bowls = ["a", "b", "c", "d"].map { Rotation("choice \($0)", 3) }
    let offsets = [0.0, 0.15, 0.3, 0.1]
    let space = Space([
      ParameterSpec(name: "kind", domain: .categorical(["a", "b", "c", "d"]), initial: "c"),
      ParameterSpec(name: "mode", domain: .categorical(["p", "q", "r"]), initial: "r"),
      float("x0"), float("x1"), float("x2"),
    ])
    return MixedFunction(name: "bowl shifted by a choice", space: space) { values in
      let kind = ["a", "b", "c", "d"].firstIndex(of: values["kind"]?.string ?? "") ?? 0
      let mode: Double = ["p": 0.0, "q": 0.05, "r": 0.2][values["mode"]?.string ?? ""] ?? 1
      let x = bowls[kind].apply((0..<3).map { values["x\($0)"]?.number ?? 0 })
      let slope: Double = mode * (1 + abs(x[0]))
      return square(x) + offsets[kind] + slope
    }
  }()

  /// As the knobs of a workflow: temperature, top-k, chunk size, retriever, model.
  private static let settingsOfAService: MixedFunction = {
    let space = Space([
      ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 1),
      ParameterSpec(name: "top_k", domain: .int(IntDomain(1...20)), initial: 1),
      ParameterSpec(name: "chunk", domain: .int(IntDomain(32...2048, scale: .log)), initial: 2048),
      ParameterSpec(name: "retriever", domain: .categorical(["words", "vectors", "both"]), initial: "words"),
      ParameterSpec(name: "model", domain: .categorical(["small", "middle", "large"]), initial: "small"),
    ])
    return MixedFunction(name: "settings of a service", space: space) { values in
      let retriever = values["retriever"]?.string ?? ""
      let model = values["model"]?.string ?? ""
      let temperature: Double = values["temperature"]?.number ?? 0
      let chunk: Double = (log2(Double(values["chunk"]?.int ?? 32)) - 8) / 6
      let top: Double = log2(Double(values["top_k"]?.int ?? 1)) / 6
      // What is shown is chunk times top-k: neither is right by itself.
      let shown: Double = chunk + top - (model == "small" ? 0.2 : 0.45)
      let heat: Double = temperature - (model == "large" ? 0.7 : 0.2)
      let byRetriever: Double = ["words": 0.15, "vectors": 0.05][retriever] ?? 0
      let byModel: Double = ["small": 0.2, "middle": 0.08][model] ?? 0
      let base = byRetriever + byModel
      let fine: Double = retriever == "vectors" ? 0.3 * abs(chunk + 0.3) : 0.3 * abs(chunk)
      return base + fine + 2 * shown * shown + 0.5 * heat * heat
    }
  }()

  /// Eight switches, two of which are only good together, and a rotated pair of numbers.
  private static let switches: MixedFunction = {
    let rotation = Rotation("switches", 2)
    let space = Space(
      (0..<8).map { ParameterSpec(name: "s\($0)", domain: .bool, initial: false) } + [float("x0"), float("x1")])
    return MixedFunction(name: "switches", space: space) { values in
      let on = (0..<8).map { values["s\($0)"]?.bool ?? false }
      var sum = 0.0
      for (index, weight) in [0.3, 0.2, 0.1, 0.05].enumerated() { sum += on[index] == (index % 2 == 0) ? 0 : weight }
      if on[4] != on[5] { sum += 0.3 } else if !on[4] { sum += 0.15 }
      if on[6], !on[7] { sum += 0.1 }
      let x = rotation.apply((0..<2).map { values["x\($0)"]?.number ?? 0 })
      return sum + square(x) * (on[0] ? 1 : 2)
    }
  }()

  /// A choice of three algorithms, each with parameters of its own.
  private static let algorithms: MixedFunction = {
    let kinds = ["tree", "net", "kernel"]
    let rotations = kinds.map { Rotation("algorithm \($0)", 3) }
    let offsets = [0.1, 0.0, 0.05]
    let space = Space(
      [ParameterSpec(name: "kind", domain: .categorical(["tree", "net", "kernel"]), initial: "tree")]
        + kinds.flatMap { kind in
          (0..<3).map { float("\(kind)\($0)", condition: Condition(["kind": [.string(kind)]])) }
        })
    return MixedFunction(name: "algorithms with settings of their own", space: space) { values in
      let index = kinds.firstIndex(of: values["kind"]?.string ?? "") ?? 0
      let x = rotations[index].apply((0..<3).map { values["\(kinds[index])\($0)"]?.number ?? 0 })
      // The best one is the hardest to set.
      return offsets[index] + (index == 1 ? 4 : 1) * square(x)
    }
  }()

  /// Conditions under conditions: a stage that may be left out, with a choice that may need a number.
  private static let nested: MixedFunction = {
    let rotation = Rotation("nested", 3)
    let on = Condition(["rerank": [true]])
    let space = Space([
      float("x0"), float("x1"), ParameterSpec(name: "rerank", domain: .bool, initial: false),
      ParameterSpec(name: "by", domain: .categorical(["score", "votes"]), initial: "score", condition: on),
      float("weight", condition: Condition(["by": ["votes"]])),
    ])
    return MixedFunction(name: "conditions under conditions", space: space) { values in
      let pair = (0..<2).map { values["x\($0)"]?.number ?? 0 }
      let weight = values["weight"]?.number
      let x = rotation.apply(pair + [weight ?? 0.5])
      let stage: Double = weight != nil ? 0.0 : values["rerank"]?.bool == true ? 0.15 : 0.1
      let third: Double = weight == nil ? 0 : x[2] * x[2]
      return stage + x[0] * x[0] + 2 * x[1] * x[1] + third
    }
  }()
}

/// A random rotation about a random point inside the unit cube.
private struct Rotation: Sendable {
  private let rows: [[Double]]
  private let centre: [Double]

  /// Gram and Schmidt on normal vectors of a stream of this name.
  init(_ name: String, _ dimensions: Int) {
    var random = RandomStream(seed: 20, name: name)
    var rows: [[Double]] = []
    while rows.count < dimensions {
      var row = (0..<dimensions).map { _ in random.normal() }
      for other in rows {
        let inner = zip(row, other).reduce(0.0) { $0 + $1.0 * $1.1 }
        row = zip(row, other).map { $0 - inner * $1 }
      }
      let length = row.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      if length > 1e-3 { rows.append(row.map { $0 / length }) }
    }
    self.rows = rows
    centre = (0..<dimensions).map { _ in 0.15 + 0.7 * random.uniform() }
  }

  func apply(_ point: [Double]) -> [Double] {
    rows.map { row in
      var sum = 0.0
      for index in row.indices { sum += row[index] * (point[index] - centre[index]) }
      return sum
    }
  }
}
