import Foundation
import HoneOptimize
import HoneTrace

/// Figures of the bilevel layer: CPU to the best validation loss, certified errors, memory, the guard, cleaning.
///
/// Run from the repository's root: the rows are in `Benchmarks/Data/bilevel`. `hone-bench bilevel one NAME` is one whole
/// process; `hone-bench bilevel cost|accuracy|guard|kernels` measures a part.
enum BilevelSuite {
  static func run() async throws -> [Figure] {
    let arguments = CommandLine.arguments.dropFirst(2)
    let data = try BilevelData()
    if arguments.first == "one", let name = arguments.dropFirst().first {
      try BilevelCost.one(data, name)
    }
    let parts: [(name: String, figures: () throws -> [Figure])] = [
      ("cost", { try BilevelCost.figures(data) }), ("accuracy", { try BilevelAccuracy.figures(data) }),
      ("guard", { try BilevelGuard.figures(data) }), ("kernels", { try BilevelKernels.figures() }),
    ]
    return try parts.filter { arguments.first == nil || arguments.first == $0.name }.flatMap { try $0.figures() }
  }
}

/// A problem of the page, the loss to reach, and test rows.
struct BilevelTask {
  var name: String
  var problem: LogisticProblem
  var best: Double
  var test: LogisticRows
}

/// The rows, read once.
struct BilevelData {
  let cancer: (train: LogisticRows, valid: LogisticRows, test: LogisticRows)
  let digits: (train: LogisticRows, valid: LogisticRows, test: LogisticRows)
  /// Labels of the training digits with 30 % and 50 % of them wrong, and which are.
  let noisy: [(labels: [Int], isWrong: [Bool])]

  static let digitRidge = Array(repeating: 1.0, count: 64) + [1e-3]

  init() throws {
    func rows(_ name: String, width: Int, scale: Double, classes: Int) throws -> LogisticRows {
      var (features, labels): ([Double], [Int]) = ([], [])
      for numbers in try Self.lines(name) where numbers.count == width {
        labels.append(Int(numbers[0]))
        for number in numbers.dropFirst() { features.append(number / scale) }
        features.append(1)
      }
      return try LogisticRows(features: features, labels: labels, width: width, classes: classes)
    }
    func three(_ name: String, _ width: Int, _ scale: Double, _ classes: Int) throws -> (
      LogisticRows, LogisticRows, LogisticRows
    ) {
      (
        try rows("\(name)_train", width: width, scale: scale, classes: classes),
        try rows("\(name)_valid", width: width, scale: scale, classes: classes),
        try rows("\(name)_test", width: width, scale: scale, classes: classes)
      )
    }
    cancer = try three("bc", 31, 1, 2)
    digits = try three("digits", 65, 16, 10)
    noisy = try [30, 50].map { percent in
      let rows = try Self.lines("digits_train_labels_noise\(percent)").filter { $0.count == 3 }
      return (rows.map { Int($0[1]) }, rows.map { $0[2] == 1 })
    }
  }

  /// The numbers of each line; none of one with words.
  private static func lines(_ name: String) throws -> [[Double]] {
    let text = try String(contentsOfFile: "Benchmarks/Data/bilevel/\(name).csv", encoding: .utf8)
    return text.withCString { start in
      var (all, line): ([[Double]], [Double]) = ([], [])
      var place = start
      while place.pointee != 0 {
        var end: UnsafeMutablePointer<CChar>?
        let number = strtod(place, &end)
        if let end, UnsafePointer(end) != place {
          line.append(number)
          place = UnsafePointer(end)
        }
        if place.pointee == 10 {
          all.append(line)
          line = []
        }
        if place.pointee != 0 { place += 1 }
      }
      return line.isEmpty ? all : all + [line]
    }
  }

  /// The five problems of the page; all start at lambda = 0.
  func tasks() throws -> [BilevelTask] {
    [
      BilevelTask(
        name: "bc-scalar", problem: try penalties(cancer, Array(repeating: 0, count: 30)), best: 0.09997977581263849,
        test: cancer.test),
      BilevelTask(
        name: "bc-feature", problem: try penalties(cancer, Array(0..<30)), best: 0.0308822, test: cancer.test),
      BilevelTask(
        name: "digits-scalar", problem: try penalties(digits, Array(repeating: 0, count: 64)),
        best: 0.16457677861985576, test: digits.test),
      BilevelTask(
        name: "digits-feature", problem: try penalties(digits, Array(0..<64)), best: 0.09521969752733199,
        test: digits.test),
      BilevelTask(
        name: "clean30", problem: try cleaning(0, digits.valid), best: 0.2506442747123244, test: digits.test),
    ]
  }

  /// Weights of training rows with wrong labels, judged by these clean rows.
  func cleaning(_ noise: Int, _ clean: LogisticRows) throws -> LogisticProblem {
    let train = try LogisticRows(features: digits.train.features, labels: noisy[noise].labels, width: 65, classes: 10)
    return try LogisticProblem(train: train, validation: clean, outer: .rowWeights, ridge: Self.digitRidge)
  }

  private func penalties(
    _ rows: (train: LogisticRows, valid: LogisticRows, test: LogisticRows), _ groups: [Int?]
  ) throws -> LogisticProblem {
    // The constant feature alone has a strength that stays.
    try LogisticProblem(
      train: rows.train, validation: rows.valid, outer: .penalties(groups + [nil]),
      ridge: groups.map { _ in 0 } + [1e-3])
  }
}
