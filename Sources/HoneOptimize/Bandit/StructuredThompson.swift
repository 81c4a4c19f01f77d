import Foundation
import HoneNumerics

/// Thompson sampling on a posterior that knows the arms' parameters and the questions they share: the recommended bandit.
///
/// Main effects, interactions and a residual for each arm, with a question's difficulty shared by the arms that answer it
/// (`FactorKernel`, `FactorPosterior`). A round puts the same questions to the arm believed best and to the best arms of
/// `width - 1` draws from the posterior; as the draws agree, rounds shrink to one arm (Russo, "Simple Bayesian Algorithms for
/// Best-Arm Identification", Operations Research 68, 2020, for keeping the leader among challengers). With `width` 1 it is
/// plain Thompson sampling, for rewards that count. Correlations, variances and the noise level of each region are set by
/// empirical Bayes: the evidence of the newest answers, with weak priors, at growing intervals.
///
/// O(m^2) an answer for m arms in the model, at most `modelled`: with more, the tried ones, the best predicted ones and a
/// sample of the rest; O(m^3) for each of the O(log n) refits of n answers.
public struct StructuredThompson: Bandit {
  /// Arms a round compares, at most.
  public var width: Int

  /// Arms in the model at once.
  var modelled = 512
  /// Answers the evidence is measured on.
  static let window = 1_500
  /// Answers at the usual deviation that an arm's own are averaged with.
  static let priorAnswers = 8.0
  /// Variance of the change that a switch makes, relative to what is unknown at the start.
  static let change = 0.1

  public var name: String { "structured-thompson" }

  public init(width: Int = 8) { self.width = max(1, width) }

  public func start(_ task: BanditTask) -> any BanditRun { Run(width: width, modelled: modelled, task: task) }

  struct Run: BanditRun {
    let width: Int
    let modelled: Int
    let kernel: FactorKernel
    var tally: BanditTally
    private(set) var parameters: FactorKernel.Parameters
    /// Arms in the model, and where in it each arm is.
    private(set) var chosen: [Int] = []
    private var place: [Int?]
    /// By chosen arm.
    private var levels: [Double] = []
    private(set) var posterior: FactorPosterior
    /// Quarters of rewards are standardised by these until the next refit.
    private var centre = 0.0
    private var scale = 1.0
    private var nextRefit = 1
    /// How many answers there were at each switch.
    private var switches: [Int] = []

    init(width: Int, modelled: Int = 512, task: BanditTask) {
      self.width = width
      self.modelled = modelled
      kernel = FactorKernel(arms: task.arms)
      tally = BanditTally(task)
      parameters = .prior(task.arms.factors)
      place = Array(repeating: nil, count: task.arms.count)
      posterior = FactorPosterior(prior: [], noise: [], count: 0)
      choose(Array(repeating: 0, count: task.arms.count))
      rebuild()
    }

    // MARK: Next

    func next() -> [Pull] {
      let task = tally.task
      let open = chosen.indices.filter { tally.isOpen(chosen[$0]) }
      guard !open.isEmpty else {
        // All that the model holds is used up; what is left is taken as it comes.
        return task.arms.points.indices.first(where: tally.isOpen).map { [tally.pull($0)] } ?? []
      }
      var random = RandomStream(seed: task.seed, name: "structured-thompson/\(tally.rounds)")
      var places: [Int] = []
      if width > 1, !tally.answers.isEmpty, let leader = tally.argmax(of: open, { posterior.mean[$0] }) {
        places.append(leader)
      }
      for _ in places.count..<width {
        let draw = posterior.draw(random: &random)
        if let best = tally.argmax(of: open, { draw[$0] }), !places.contains(best) { places.append(best) }
      }
      let start = tally.rounds * task.batch
      return places.map { place in
        let arm = chosen[place]
        return Pull(arm: arm, questions: tally.questions(for: arm, from: start, count: task.batch))
      }
    }

    // MARK: Tell

    mutating func tell(_ event: BanditEvent) {
      if event == .switched, !tally.answers.isEmpty {
        switches.append(tally.answers.count)
        posterior.drift(by: change(chosen, parameters))
      }
      guard let answer = tally.tell(event) else { return }
      let count = tally.answers.count
      if count < nextRefit, let place = place[answer.arm] {
        posterior.add(arm: place, question: answer.question, value: value(answer))
      } else {
        nextRefit = max(nextRefit, count < 12 ? count + 1 : count + max(12, count / 2))
        refit()
      }
    }

    /// In deviations from the mean; what is farther out than a real reward can be counts as that far.
    private func value(_ answer: BanditTally.Answer) -> Double {
      min(max((answer.quarter - centre) / scale, -50), 50)
    }

    /// Covariance of what a switch does to the means.
    private func change(_ chosen: [Int], _ parameters: FactorKernel.Parameters) -> [Double] {
      kernel.prior(chosen, parameters).map { StructuredThompson.change * $0 }
    }

    private mutating func standardise() {
      let values = tally.answers.map(tally.unit)
      guard !values.isEmpty else { return }
      let mean = values.reduce(0, +) / Double(values.count)
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
      let range = tally.high - tally.low
      centre = tally.low + mean * range
      scale = deviation * range > 0 ? deviation * range : 1
    }

    /// The posterior anew from all answers of the modelled arms.
    private mutating func rebuild() {
      posterior = prepared(chosen, parameters, levels)
      learn(&posterior, chosen, parameters, tally.answers[...])
    }

    private func prepared(_ chosen: [Int], _ parameters: FactorKernel.Parameters, _ levels: [Double])
      -> FactorPosterior
    {
      FactorPosterior(
        prior: kernel.prior(chosen, parameters), noise: kernel.noise(chosen, parameters, levels: levels),
        count: chosen.count)
    }

    /// What was answered between two switches, by place among the chosen arms.
    private func spans(_ chosen: [Int], _ answers: ArraySlice<BanditTally.Answer>) -> [[FactorPosterior.Answer]] {
      var places = Array(repeating: -1, count: place.count)
      for (index, arm) in chosen.enumerated() { places[arm] = index }
      let bounds = [answers.startIndex] + switches.filter { $0 > answers.startIndex } + [answers.endIndex]
      return zip(bounds, bounds.dropFirst()).map { from, to in
        answers[from..<to].compactMap { answer in
          let place = places[answer.arm]
          return place < 0 ? nil : (place, answer.question, value(answer))
        }
      }
    }

    private func learn(
      _ posterior: inout FactorPosterior, _ chosen: [Int], _ parameters: FactorKernel.Parameters,
      _ answers: ArraySlice<BanditTally.Answer>
    ) {
      let spans = spans(chosen, answers)
      let change = spans.count > 1 ? change(chosen, parameters) : []
      for (index, span) in spans.enumerated() {
        if index > 0 { posterior.drift(by: change) }
        posterior.learn(span)
      }
    }

    // MARK: Empirical Bayes

    private mutating func refit() {
      standardise()
      let window = tally.answers.suffix(StructuredThompson.window)
      var isSeen = Array(repeating: false, count: place.count)
      for answer in window { isSeen[answer.arm] = true }
      var seen = place.indices.filter { isSeen[$0] }
      if seen.count > modelled {
        let order = seen.sorted { (tally.counts[$0], $1) > (tally.counts[$1], $0) }
        seen = order.prefix(modelled).sorted()
      }
      func means(_ levels: [Double]) -> [Double] {
        var posterior = prepared(seen, parameters, levels)
        learn(&posterior, seen, parameters, window)
        return posterior.mean
      }
      let smooth = noiseLevels(
        of: seen, at: seen, means: means(seen.map { arm in place[arm].map { levels[$0] } ?? 1 }), window)
      climb(seen, smooth, window)
      let fitted = means(smooth)
      choose(predicted(from: seen, fitted))
      levels = noiseLevels(of: seen, at: chosen, means: fitted, window)
      rebuild()
    }

    /// One sweep of steps up and down in each parameter, kept where the evidence with its prior grows: a normal one with
    /// deviation 1 about the start.
    private mutating func climb(_ seen: [Int], _ levels: [Double], _ window: ArraySlice<BanditTally.Answer>) {
      let prior = FactorKernel.Parameters.prior(kernel.arms.factors).flat
      let spans = spans(seen, window)
      func evidence(_ flat: [Double]) -> Double {
        var candidate = parameters
        candidate.flat = flat
        var posterior = prepared(seen, candidate, levels)
        let change = spans.count > 1 ? change(seen, candidate) : []
        for span in spans.dropLast() {
          posterior.learn(span)
          posterior.drift(by: change)
        }
        let penalty = zip(flat, prior).reduce(0) { $0 + 0.5 * ($1.0 - $1.1) * ($1.0 - $1.1) }
        return posterior.evidence(spans.last ?? []) - penalty
      }
      var flat = parameters.flat
      var best = evidence(flat)
      // So many parameters would say nothing of each other and cost too much.
      let isFree = flat.count <= 16 ? Array(flat.indices) : Array(flat.indices.suffix(4))
      for index in isFree {
        for step in [0.5, -0.5] {
          var candidate = flat
          candidate[index] += step
          let value = evidence(candidate)
          if value > best {
            (flat, best) = (candidate, value)
            break
          }
        }
      }
      parameters.flat = flat
    }

    /// Deviation of the answers of some arms, relative to the usual: squared residuals, averaged over alike arms.
    private func noiseLevels(
      of seen: [Int], at arms: [Int], means: [Double], _ window: ArraySlice<BanditTally.Answer>
    ) -> [Double] {
      var sums = Array(repeating: (count: 0.0, squares: 0.0), count: place.count)
      var mean = Array(repeating: 0.0, count: place.count)
      for (arm, value) in zip(seen, means) { mean[arm] = value }
      for answer in window {
        let error = value(answer) - mean[answer.arm]
        sums[answer.arm].count += 1
        sums[answer.arm].squares += error * error
      }
      let total = seen.reduce((count: 0.0, squares: 0.0)) { ($0.count + sums[$1].count, $0.squares + sums[$1].squares) }
      guard total.count > 0, total.squares > 1e-12 * total.count else { return arms.map { _ in 1 } }
      let usual = total.squares / total.count
      let weights = kernel.likeness(arms, seen, parameters)
      return arms.indices.map { arm in
        var (count, squares) = (StructuredThompson.priorAnswers, StructuredThompson.priorAnswers * usual)
        for (index, other) in seen.enumerated() {
          let weight = weights[arm * seen.count + index]
          count += weight * sums[other].count
          squares += weight * sums[other].squares
        }
        return (squares / count / usual).squareRoot()
      }
    }

    // MARK: Which arms are modelled

    /// Expected mean of every arm, from the posterior means of some.
    private func predicted(from seen: [Int], _ means: [Double]) -> [Double] {
      guard place.count > modelled else { return Array(repeating: 0, count: place.count) }
      guard let factor = Cholesky(kernel.prior(seen, parameters), size: seen.count) else {
        return Array(repeating: 0, count: place.count)
      }
      let alpha = factor.solve(means)
      let (spread, sum) = (exp(parameters.spread), alpha.reduce(0, +))
      let likeness = kernel.correlation(Array(place.indices), seen, parameters)
      return place.indices.map { arm in
        sum + spread * seen.indices.reduce(0) { $0 + likeness[arm * seen.count + $1] * alpha[$1] }
      }
    }

    /// Failed arms last; the tried ones, then half the room for the best predicted, the rest for a sample.
    private mutating func choose(_ predicted: [Double]) {
      let room = modelled
      if place.count <= room {
        chosen = Array(place.indices)
      } else {
        var random = RandomStream(seed: tally.task.seed, name: "structured-thompson/arms/\(tally.answers.count)")
        let tried = place.indices.filter { tally.counts[$0] > 0 && !tally.hasFailed[$0] }
          .sorted { (predicted[$0], $1) > (predicted[$1], $0) }.prefix(room * 3 / 4)
        var isIn = Array(repeating: false, count: place.count)
        for arm in tried { isIn[arm] = true }
        let rest = place.indices.filter { !isIn[$0] && !tally.hasFailed[$0] }.shuffled(using: &random)
        let best =
          tally.answers.isEmpty
          ? []
          : rest.sorted { (predicted[$0], $1) > (predicted[$1], $0) }
            .prefix((room - tried.count) / 2)
        for arm in best { isIn[arm] = true }
        let sample = rest.filter { !isIn[$0] }.prefix(room - tried.count - best.count)
        chosen = (Array(tried) + best + sample).sorted()
      }
      place = Array(repeating: nil, count: place.count)
      for (index, arm) in chosen.enumerated() { place[arm] = index }
      levels = Array(repeating: 1, count: chosen.count)
    }

    // MARK: Drift

    /// What the mean reward of an arm is believed to be, and the variance of a reward about it, on the scale of the
    /// answers' quarters.
    func prediction(_ arm: Int) -> (mean: Double, variance: Double, noise: Double) {
      guard let place = place[arm] else { return (centre, scale * scale, scale * scale) }
      return (
        centre + scale * posterior.mean[place], scale * scale * posterior.variance(of: place),
        scale * scale * posterior.noise[place * chosen.count + place]
      )
    }

    /// The same model with its parameters, rounds and scale, and without any answer.
    func restarted() -> Run {
      var run = self
      run.tally = tally.withoutAnswers()
      run.switches = []
      run.nextRefit = 12
      run.rebuild()
      return run
    }

    // MARK: Report

    var estimates: [Double] {
      let least = posterior.mean.min() ?? 0
      return place.map { $0.map { posterior.mean[$0] } ?? least }
    }

    /// Among arms with an answer, so that the pick was tried.
    var best: Int {
      let tried = chosen.indices.filter { tally.counts[chosen[$0]] > 0 && !tally.hasFailed[chosen[$0]] }
      return tally.argmax(of: tried) { posterior.mean[$0] }.map { chosen[$0] } ?? tally.best { tally.means[$0] }
    }
  }
}
