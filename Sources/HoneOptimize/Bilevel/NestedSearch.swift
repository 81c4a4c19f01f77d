import HoneModel
import HoneTrace

/// Searches choices that have no derivative, such as texts or which features are used, each of which is a bilevel problem of
/// its own: a choice is worth what its continuous settings reach when they are tuned.
///
/// Any optimizer proposes. A choice is tuned from the lambda of the best one so far that has as many. First, with a part of
/// the calls that a tuned choice takes, it is asked whether its lower bound lies above the best value known: then none of its
/// lambdas can win, and it is abandoned (`LowerBound`).
public struct NestedSearch: Sendable {
  /// How the lambdas of one choice are tuned.
  public enum Tuning: Sendable {
    case free(BilevelSearch)
    /// Many lambdas on few validation rows.
    case guarded(Shrinkage)
  }

  /// One choice.
  public struct Arm: Hashable, Sendable {
    public enum State: String, Codable, Sendable {
      case tuned
      /// None of its lambdas reaches the best value that was known; `value` is its lower bound.
      case abandoned
      /// The oracle calls ended before its search did; `value` is what it had reached, if anything.
      case cut
      /// There is no answer: `reason` says why.
      case failed
    }

    public var trial: Int
    public var proposal: Proposal
    public var state: State
    /// Phi(lambda).
    public var value: Double?
    /// Of the value, over the validation rows.
    public var standardError: Double
    public var lambda: [Double]
    public var count: OracleCount
    /// Those of them that went into its lower bound.
    public var boundCalls: Int
    public var reason: String
  }

  public struct Report: Hashable, Sendable {
    /// In the order they were tried.
    public var arms: [Arm]
    /// The lowest value of those that were not abandoned; of equals the first.
    public var best: Arm?
    /// What the optimizer offered in vain.
    public var attempts: [Attempt]
    public var count: OracleCount
    public var abandoned: Int
    /// What the abandoned ones would have taken if each had taken as much as the searches of those tuned did in the mean,
    /// less all that went into lower bounds, in vain too; below zero where they did not pay.
    public var callsSaved: Int
  }

  public var tuning: Tuning
  /// Oracle calls of all arms; never overshot.
  public var budget: Int
  /// Most arms.
  public var arms: Int
  /// The part of what the search of a tuned arm took in the mean that may be spent, about, on the next one's lower bound;
  /// 0: none is looked for.
  public var share: Double
  public var seed: UInt64

  public init(
    tuning: Tuning = .free(BilevelSearch()), budget: Int = 1_000_000, arms: Int = 100, share: Double = 0.5,
    seed: UInt64 = 0
  ) {
    self.tuning = tuning
    self.budget = budget
    self.arms = arms
    self.share = share
    self.seed = seed
  }

  /// - Parameters:
  ///   - space: what is proposed. Its initial assignment is the first arm.
  ///   - model: for optimizers that ask a language model.
  ///   - make: the problem of an assignment; one that it throws for is told as failed.
  /// - Throws: when a model that the optimizer asks fails.
  public func run(
    _ space: Space, with optimizer: any Optimizer, model: (any ChatModel)? = nil, objective: Objective? = nil,
    _ make: @Sendable (Assignment) throws(BilevelError) -> any ValidatedProblem
  ) async throws(ModelError) -> Report {
    var objective = objective ?? Objective(metric: "loss")
    objective.direction = .minimize
    let problem = Problem(space: space, objective: objective, seed: seed)
    var driver = OptimizerDriver(optimizer, problem: problem)
    var round = Round(search: self)
    round.take(Proposal(space.initial, origin: "initial"), &driver, make)
    var (asked, empty) = (0, 0)
    while !round.isOver, empty < 3 {
      asked += 1
      let answer = try await driver.ask(1, context: round.context(problem, asked, model))
      for attempt in answer.attempts { driver.tell(.attempted(attempt)) }
      round.attempts += answer.attempts
      guard !answer.proposals.isEmpty else {
        // Without even an attempt it has no more to offer.
        guard !answer.attempts.isEmpty else { break }
        empty += 1
        continue
      }
      empty = 0
      for proposal in answer.proposals where !round.isOver { round.take(proposal, &driver, make) }
    }
    return round.report
  }

  /// One arm's outcome, before it has a number.
  private struct Found {
    var state: Arm.State
    var value: Double?
    var losses: Estimate?
    var lambda: [Double] = []
    var count = OracleCount()
    var boundCalls = 0
    var reason = ""
  }

  /// What was found so far.
  private struct Round {
    let search: NestedSearch
    var arms: [Arm] = []
    var attempts: [Attempt] = []
    private var estimates: [Estimate?] = []
    private var known: Set<String> = []
    private var count = OracleCount()

    init(search: NestedSearch) { self.search = search }

    var isOver: Bool { arms.count >= search.arms || count.total >= search.budget || arms.last?.state == .cut }

    private var best: Arm? { Self.best(arms) }

    private static func best(_ arms: [Arm]) -> Arm? {
      arms.filter { $0.state == .tuned || $0.state == .cut }.reduce(nil) { best, arm in
        guard let value = arm.value else { return best }
        return value < best?.value ?? .infinity ? arm : best
      }
    }

    /// Calls of a tuned arm's search.
    private var mean: Double {
      let tuned = arms.filter { $0.state == .tuned }
      let calls = tuned.reduce(0) { $0 + $1.count.total - $1.boundCalls }
      return tuned.isEmpty ? 0 : Double(calls) / Double(tuned.count)
    }

    var report: Report {
      let abandoned = arms.count { $0.state == .abandoned }
      let bounds = arms.reduce(0) { $0 + $1.boundCalls }
      return Report(
        arms: arms, best: best, attempts: attempts, count: count, abandoned: abandoned,
        callsSaved: Int((Double(abandoned) * mean).rounded()) - bounds)
    }

    func context(_ problem: Problem, _ asked: Int, _ model: (any ChatModel)?) -> AskContext {
      var context = AskContext(problem: problem, round: asked, known: known, model: model)
      if let best, let estimate = estimates[best.trial] {
        let incumbent = AskContext.Incumbent(
          trial: best.trial, assignment: best.proposal.assignment, estimate: estimate)
        context.incumbent = incumbent
        context.parent = AskContext.Parent(incumbent)
      }
      return context
    }

    mutating func take(
      _ proposal: Proposal, _ driver: inout OptimizerDriver,
      _ make: (Assignment) throws(BilevelError) -> any ValidatedProblem
    ) {
      let trial = arms.count
      driver.tell(.began(trial: trial, proposal))
      known.insert(proposal.assignment.key)
      let found: Found
      do {
        found = self.found(try make(proposal.assignment))
      } catch {
        found = Found(state: .failed, reason: error.description)
      }
      count.add(found.count)
      let deviation = found.losses?.deviation ?? best.flatMap { estimates[$0.trial] }?.deviation ?? 0
      let rows = max(1, found.losses?.count ?? 1)
      let estimate = found.value.map { Estimate(mean: $0, deviation: deviation, count: rows) }
      arms.append(
        Arm(
          trial: trial, proposal: proposal, state: found.state, value: found.value,
          standardError: found.losses.map { $0.deviation / Double($0.count).squareRoot() } ?? 0, lambda: found.lambda,
          count: found.count, boundCalls: found.boundCalls, reason: found.reason))
      estimates.append(estimate)
      if let estimate {
        driver.tell(.completed(trial: trial, estimate, screened: found.state == .abandoned, outcomes: [:]))
      } else if found.state == .failed {
        driver.tell(.failed(trial: trial, reason: found.reason))
      }
    }

    private func found(_ problem: some ValidatedProblem) -> Found {
      let meter = OracleMeter(cap: max(0, search.budget - count.total))
      var found = Found(state: .failed)
      let bound = bound(problem, meter)
      let boundCalls = meter.count.total
      if let bound {
        found = Found(state: .abandoned, value: bound)
      } else {
        do {
          found = try tuned(problem, meter)
        } catch {
          found.reason = error.description
        }
      }
      found.boundCalls = boundCalls
      found.count.add(meter.count)
      if meter.isSpent, found.state != .abandoned { found.state = .cut }
      return found
    }

    /// The arm's lower bound where that is above the best value known.
    private func bound(_ problem: some ValidatedProblem, _ meter: OracleMeter) -> Double? {
      guard search.share > 0, let value = best?.value, let problem = problem as? any MonotoneProblem else { return nil }
      return Self.bound(problem, above: value, LowerBound(budget: Int(search.share * mean)), meter)
    }

    private static func bound(
      _ problem: some MonotoneProblem, above value: Double, _ bounding: LowerBound, _ meter: OracleMeter
    ) -> Double? {
      let metered = MeteredProblem(problem, meter)
      guard let report = try? bounding.run(metered, threshold: value), report.stop == .above else { return nil }
      return report.bound
    }

    /// The lambda of the best arm that has as many, where it is better than the middle: warm starts may lead to other minima
    /// than cold ones, and worse.
    private func start(_ problem: some BilevelProblem) throws(BilevelError) -> [Double]? {
      guard let known = Self.best(arms.filter { $0.lambda.count == problem.outerDimension })?.lambda else { return nil }
      let rough = BilevelSearch(tolerance: 1e-2)
      let middle = OuterDomain(problem).origin
      let cold = try rough.hypergradient(of: problem, at: middle).value
      guard let warm = try? rough.hypergradient(of: problem, at: known).value else { return nil }
      return warm < cold ? known : nil
    }

    private func tuned(_ problem: some ValidatedProblem, _ meter: OracleMeter) throws(BilevelError) -> Found {
      let metered = MeteredProblem(problem, meter)
      let start = try start(metered)
      let report: BilevelSearch.Report
      var found = Found(state: .tuned)
      switch search.tuning {
      case .free(let search):
        report = try search.run(metered, from: start)
        found.count.solves = report.count.solves
      case .guarded(let shrinkage):
        let guarded = try shrinkage.run(metered, from: start)
        report = guarded.search
        found.count.solves = guarded.count.solves
      }
      (found.value, found.lambda) = (report.value, report.lambda)
      found.losses = Estimate(
        problem.validationLosses(report.inner, rows: Array(0..<problem.validationCount)).filter(\.isFinite))
      return found
    }
  }
}
