import Foundation
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct NestedSearchTests {
  /// Which features a classifier sees, and how: its L2 strength is tuned. Features 0 and 1 tell the class.
  private struct Choices {
    static let subsets: [[Int]] = [[2, 3, 4], [0, 1, 2], [0, 2], [1, 3], [4, 5], [0, 1]]
    let train: LogisticRows
    let validation: LogisticRows
    let groups: Int

    init(seed: UInt64, groups: Int = 1) throws {
      train = try Bilevels.rows(40, 7, classes: 2, seed: seed)
      validation = try Bilevels.rows(30, 7, classes: 2, seed: seed + 50)
      self.groups = groups
    }

    static var space: Space {
      Space([
        ParameterSpec(
          name: "subset", domain: .categorical(subsets.indices.map { .int($0) }), initial: .int(1)),
        ParameterSpec(name: "signs", domain: .bool, initial: .bool(false)),
      ])
    }

    func problem(_ assignment: Assignment) throws(BilevelError) -> LogisticProblem {
      let columns = Self.subsets[assignment["subset"]?.int ?? 0]
      let isRough = assignment["signs"]?.bool ?? false
      func picked(_ rows: LogisticRows) throws(BilevelError) -> LogisticRows {
        var features: [Double] = []
        for row in 0..<rows.count {
          for column in columns {
            let x = rows.features[row * rows.width + column]
            features.append(isRough ? (x > 0 ? 1 : -1) : x)
          }
          features.append(1)
        }
        return try LogisticRows(features: features, labels: rows.labels, width: columns.count + 1, classes: 2)
      }
      return try LogisticProblem(
        train: picked(train), validation: picked(validation),
        outer: .penalties(columns.indices.map { $0 % groups } + [nil]))
    }

    static var all: [Assignment] {
      subsets.indices.flatMap { subset in
        [false, true].map { Assignment(["subset": .int(subset), "signs": .bool($0)]) }
      }
    }
  }

  /// Over seeds: the arm found is the one that tuning all from the start finds, and no abandoned one is better than its bound.
  @Test(arguments: UInt64(0)..<6)
  func theTrulyBestIsNeverAbandoned(_ seed: UInt64) async throws {
    let choices = try Choices(seed: seed)
    var values: [String: Double] = [:]
    for assignment in Choices.all {
      values[assignment.key] = try BilevelSearch().run(choices.problem(assignment)).value
    }
    let report = try await NestedSearch(seed: seed).run(Choices.space, with: RandomSearch()) {
      assignment throws(BilevelError) in try choices.problem(assignment)
    }
    #expect(report.arms.count == Choices.all.count && Set(report.arms.map(\.proposal.assignment.key)).count == 12)
    let best = try #require(report.best)
    let least = try #require(values.values.min())
    #expect(try #require(values[best.proposal.assignment.key]) <= least + 1e-4)
    for arm in report.arms {
      let (value, exact) = (try #require(arm.value), try #require(values[arm.proposal.assignment.key]))
      switch arm.state {
      case .abandoned: #expect(value <= exact + 1e-6 && exact > least)
      default: #expect(arm.state == .tuned && value <= exact + 1e-2, "\(value) \(exact)")
      }
      #expect(arm.standardError >= 0 && arm.count.total > 0)
    }
    let total = report.arms.reduce(0) { $0 + $1.count.total }
    #expect(total == report.count.total && report.abandoned == report.arms.count { $0.state == .abandoned })
  }

  @Test func aHopelessArmIsAbandonedAndCheap() async throws {
    for groups in [1, 2] {
      let choices = try Choices(seed: 3, groups: groups)
      let tuning: NestedSearch.Tuning = groups == 1 ? .free(BilevelSearch()) : .guarded(Shrinkage())
      func run(_ share: Double) async throws -> NestedSearch.Report {
        try await NestedSearch(tuning: tuning, share: share).run(Choices.space, with: RandomSearch()) {
          assignment throws(BilevelError) in try choices.problem(assignment)
        }
      }
      let (with, without) = (try await run(0.5), try await run(0))
      let abandoned = with.arms.filter { $0.state == .abandoned }
      #expect(!abandoned.isEmpty && without.abandoned == 0 && without.callsSaved == 0)
      #expect(abandoned.allSatisfy { $0.boundCalls == $0.count.total })
      // Less than half of what the same arms take when they are searched.
      let calls = abandoned.reduce(0) { $0 + $1.count.total }
      let searched = abandoned.reduce(0) { $0 + without.arms[$1.trial].count.total }
      #expect(2 * calls < searched, "\(calls) \(searched)")
      // A guarded arm is a dozen searches, and its bound one.
      if groups == 2 { #expect(with.callsSaved > 0 && 2 * with.count.total < without.count.total) }
      #expect(with.best?.proposal.assignment == without.best?.proposal.assignment)
    }
  }

  /// What is really asked stays within the budget, and is what the report says.
  @Test func theBudgetIsNeverOvershot() async throws {
    let choices = try Choices(seed: 5)
    for tuning in [
      NestedSearch.Tuning.free(BilevelSearch()), .guarded(Shrinkage()),
      .free(BilevelSearch(step: .hoag(HOAGStepper()))),
    ] {
      for budget in [0, 1, 2, 10, 57, 137, 400, 1_111] {
        let meter = OracleMeter(cap: .max)
        let report = try await NestedSearch(tuning: tuning, budget: budget).run(Choices.space, with: RandomSearch()) {
          assignment throws(BilevelError) in MeteredProblem(try choices.problem(assignment), meter)
        }
        #expect(meter.count.total <= budget && report.count.total == meter.count.total, "\(budget)")
        #expect(report.arms.filter { $0.state == .cut }.count <= 1 && !report.arms.contains { $0.state == .failed })
        for arm in report.arms where arm.state == .tuned { #expect(arm.value?.isFinite == true) }
        if budget == 1_111, case .free = tuning { #expect(report.best != nil) }
      }
    }
  }

  @Test(arguments: ["random", "tpe", "gp", "sobol"])
  func anyOptimizerProposes(_ name: String) async throws {
    let choices = try Choices(seed: 1)
    func run() async throws -> NestedSearch.Report {
      let optimizer = try OptimizerCatalog.make(name: name, space: Choices.space)
      return try await NestedSearch(arms: 9, seed: 4).run(Choices.space, with: optimizer) {
        assignment throws(BilevelError) in try choices.problem(assignment)
      }
    }
    let (once, twice) = (try await run(), try await run())
    #expect(once == twice && once.arms.count == 9 && once.arms[0].proposal.origin == "initial")
    #expect(Set(once.arms.map(\.proposal.assignment.key)).count == 9)
    // One that sees both features that tell.
    let subset = try #require(once.best?.proposal.assignment["subset"]?.int)
    #expect([0, 1].allSatisfy(Choices.subsets[subset].contains))
  }

  @Test func anArmWithoutAProblemFails() async throws {
    let choices = try Choices(seed: 2)
    let report = try await NestedSearch(arms: 6).run(Choices.space, with: RandomSearch()) {
      assignment throws(BilevelError) in
      guard assignment["signs"]?.bool != true else { throw BilevelError(.invalid, "no signs here") }
      return try choices.problem(assignment)
    }
    #expect(report.arms.contains { $0.state == .failed && $0.reason == "no signs here" && $0.value == nil })
    #expect(report.best?.state == .tuned && report.arms.count == 6)
    #expect(throws: BilevelError.self) { try Shrinkage().run(choices.problem(Choices.all[0]), from: [1, 2]) }
  }
}
