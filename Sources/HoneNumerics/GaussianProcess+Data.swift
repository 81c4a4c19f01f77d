import Foundation

extension GaussianProcess {
  /// The observations with all pairwise squared distances.
  package struct Data: Sendable {
    let points: [[Double?]]
    let isChoice: [Bool]
    let values: [Double]
    /// How much of the noise's variance each observation has.
    let noiseShares: [Double]
    /// By coordinate, as `Coordinates` has them.
    let columns: [[Double]]
    /// By coordinate, pairs (1, 0), (2, 0), (2, 1), …
    let distances: [[Double]]

    /// - Parameter values: standardized; finite.
    package init(_ points: [[Double?]], isChoice: [Bool], values: [Double], noiseShares: [Double]) {
      let columns = isChoice.indices.map { coordinate in
        points.map { Coordinates.place($0[coordinate], isChoice[coordinate]) }
      }
      self.init(points, isChoice, values, noiseShares, columns)
    }

    private init(
      _ points: [[Double?]], _ isChoice: [Bool], _ values: [Double], _ noiseShares: [Double], _ columns: [[Double]]
    ) {
      self.points = points
      self.isChoice = isChoice
      self.values = values
      self.noiseShares = noiseShares
      self.columns = columns
      distances = columns.indices.map { Coordinates.pairs(columns[$0], isChoice[$0]) }
    }

    var count: Int { points.count }

    /// The same observations with every number where its warp takes it.
    func warped(_ warps: [Kumaraswamy]) -> Data {
      guard !warps.isEmpty else { return self }
      let moved = columns.indices.map { j in isChoice[j] ? columns[j] : columns[j].map { warps[j](orMissing: $0) } }
      return Data(points, isChoice, values, noiseShares, moved)
    }
  }
}

extension Kumaraswamy {
  func callAsFunction(orMissing u: Double) -> Double { u.isNaN ? u : self(u) }
}

/// One coordinate of many points as numbers: a missing number is NaN, a missing choice -1, which is one more choice.
enum Coordinates {
  static func place(_ value: Double?, _ isChoice: Bool) -> Double { value ?? (isChoice ? -1 : .nan) }

  /// Where one of two numbers is missing, 1 more than the squared distance of the other from the middle.
  private static func missing(_ a: Double, _ b: Double) -> Double {
    if a.isNaN, b.isNaN { return 0 }
    let gap = (a.isNaN ? b : a) - 0.5
    return 1 + gap * gap
  }

  static func squaredDistance(_ a: Double, _ b: Double, _ isChoice: Bool) -> Double {
    if isChoice { return a == b ? 0 : 1 }
    let square = (a - b) * (a - b)
    return square.isNaN ? missing(a, b) : square
  }

  /// Adds the weighted squared distances from x.
  static func add(
    _ column: [Double], from x: Double, _ weight: Double, _ isChoice: Bool, to sums: UnsafeMutablePointer<Double>
  ) {
    column.withUnsafeBufferPointer { column in
      guard let places = column.baseAddress else { return }
      add(places, column.count, from: x, weight, isChoice, to: sums)
    }
  }

  private static func add(
    _ places: UnsafePointer<Double>, _ count: Int, from x: Double, _ weight: Double, _ isChoice: Bool,
    to sums: UnsafeMutablePointer<Double>
  ) {
    var i = 0
    if isChoice {
      while i < count {
        if places[i] != x { sums[i] += weight }
        i += 1
      }
      return
    }
    while i < count {
      sums[i] += weight * squaredDistance(x, places[i], false)
      i += 1
    }
  }

  /// Squared distances of pairs (1, 0), (2, 0), (2, 1), …
  static func pairs(_ column: [Double], _ isChoice: Bool) -> [Double] {
    var pairs = Array(repeating: 0.0, count: column.count * max(0, column.count - 1) / 2)
    pairs.withUnsafeMutableBufferPointer { pairs in
      column.withUnsafeBufferPointer { column in
        guard var row = pairs.baseAddress, let places = column.baseAddress else { return }
        for i in 0..<column.count {
          add(places, i, from: places[i], 1, isChoice, to: row)
          row += i
        }
      }
    }
    return pairs
  }
}
