import HoneNumerics
import Testing

@testable import HoneOptimize

@Suite struct FactorPosteriorTests {
  /// What learning one at a time must come to: the joint normal distribution of means and answers, conditioned in one step.
  private static func conditioned(
    _ prior: [Double], _ noise: [Double], _ n: Int, _ answers: [FactorPosterior.Answer]
  ) throws -> (mean: [Double], covariance: [Double], logEvidence: Double) {
    let size = answers.count
    var joint = Array(repeating: 0.0, count: size * size)
    for i in 0..<size {
      for j in 0..<size {
        let (a, b) = (answers[i], answers[j])
        joint[i * size + j] = prior[a.arm * n + b.arm] + (a.question == b.question ? noise[a.arm * n + b.arm] : 0)
      }
    }
    let factor = try #require(Cholesky(joint, size: size))
    let values = answers.map(\.value)
    let alpha = factor.solve(values)
    let mean = (0..<n).map { arm in (0..<size).reduce(0) { $0 + prior[arm * n + answers[$1].arm] * alpha[$1] } }
    var covariance = prior
    for i in 0..<n {
      let solved = factor.solve(answers.map { prior[i * n + $0.arm] })
      for j in 0..<n {
        covariance[i * n + j] -= (0..<size).reduce(0) { $0 + prior[j * n + answers[$1].arm] * solved[$1] }
      }
    }
    let square = zip(values, alpha).reduce(0) { $0 + $1.0 * $1.1 }
    let evidence = -0.5 * square - factor.halfLogDeterminant - 0.918_938_533_204_672_7 * Double(size)
    return (mean, covariance, evidence)
  }

  @Test(arguments: 0..<6) func oneAtATimeIsAllAtOnce(seed: Int) throws {
    var random = RandomStream(seed: UInt64(seed), name: "posterior")
    let levels = (0..<12).map { [Double($0 % 3) / 2, Double($0 / 3)] }
    let arms = Arms(factors: [Arms.Factor(isOrdered: true), Arms.Factor(isOrdered: false)], points: levels)
    var parameters = FactorKernel.Parameters.prior(arms.factors)
    parameters.flat = parameters.flat.map { $0 + 2 * random.uniform() - 1 }
    let kernel = FactorKernel(arms: arms)
    let chosen = Array(0..<12)
    let prior = kernel.prior(chosen, parameters)
    let noise = kernel.noise(chosen, parameters, levels: chosen.map { _ in 0.5 + random.uniform() })
    let untouched = FactorPosterior(prior: prior, noise: noise, count: 12)
    var told: [FactorPosterior.Answer] = []
    var answers: [FactorPosterior.Answer] = []
    var seen: Set<Int> = []
    // One arm has no answer.
    while answers.count < 40 {
      let answer = (arm: Int(random.next() % 11), question: Int(random.next() % 9), value: random.normal())
      told.append(answer)
      // The same arm and question again says nothing.
      if seen.insert(answer.arm * 100 + answer.question).inserted { answers.append(answer) }
    }
    let expected = try Self.conditioned(prior, noise, 12, answers)
    func expectEqual(_ posterior: FactorPosterior, _ how: String) {
      for arm in 0..<12 {
        #expect(abs(posterior.mean[arm] - expected.mean[arm]) < 1e-8, "\(how)")
        #expect(abs(posterior.variance(of: arm) - expected.covariance[arm * 13]) < 1e-8, "\(how)")
      }
      let covariance = posterior.covariance
      for place in 0..<144 { #expect(abs(covariance[place] - expected.covariance[place]) < 1e-8, "\(how)") }
      #expect(abs(posterior.logEvidence - expected.logEvidence) < 1e-7, "\(how)")
    }
    var single = untouched
    for answer in told { single.add(arm: answer.arm, question: answer.question, value: answer.value) }
    expectEqual(single, "one at a time")
    var whole = untouched
    whole.learn(told)
    expectEqual(whole, "all at once")
    // A question's later answers are weighed against its earlier ones, however those were learned.
    var both = untouched
    both.learn(Array(told.prefix(15)))
    for answer in told.dropFirst(15) { both.add(arm: answer.arm, question: answer.question, value: answer.value) }
    expectEqual(both, "some at once, the rest one at a time")
    var scratch = untouched
    #expect(abs(scratch.evidence(told) - expected.logEvidence) < 1e-7)
  }

  /// Between two spans of answers the covariance grows by the change, and the means stay.
  @Test func driftAddsTheChange() {
    let arms = Arms(factors: [Arms.Factor(isOrdered: true)], points: [[0], [0.5], [1]])
    let kernel = FactorKernel(arms: arms)
    let parameters = FactorKernel.Parameters.prior(arms.factors)
    let prior = kernel.prior([0, 1, 2], parameters)
    var posterior = FactorPosterior(
      prior: prior, noise: kernel.noise([0, 1, 2], parameters, levels: [1, 1, 1]), count: 3)
    posterior.add(arm: 2, question: 0, value: 1)
    let before = posterior
    posterior.drift(by: prior.map { 0.5 * $0 })
    #expect(posterior.mean == before.mean)
    let (old, new) = (before.covariance, posterior.covariance)
    for place in 0..<9 { #expect(abs(new[place] - old[place] - 0.5 * prior[place]) < 1e-12) }
    // The question's answers from before count no more against those from now.
    posterior.add(arm: 2, question: 0, value: 3)
    #expect(posterior.mean[2] > before.mean[2] + 0.2)
  }

  @Test func drawsHaveThePosteriorsMoments() {
    let arms = Arms(factors: [Arms.Factor(isOrdered: true)], points: [[0], [0.5], [1]])
    let kernel = FactorKernel(arms: arms)
    let parameters = FactorKernel.Parameters.prior(arms.factors)
    var posterior = FactorPosterior(
      prior: kernel.prior([0, 1, 2], parameters), noise: kernel.noise([0, 1, 2], parameters, levels: [1, 1, 1]),
      count: 3)
    posterior.add(arm: 0, question: 0, value: 2)
    posterior.add(arm: 1, question: 0, value: 1)
    var random = RandomStream(seed: 1, name: "draws")
    var (sum, cross) = ([0.0, 0, 0], Array(repeating: 0.0, count: 9))
    for _ in 0..<20_000 {
      let draw = posterior.draw(random: &random)
      for i in 0..<3 {
        sum[i] += draw[i]
        for j in 0..<3 { cross[i * 3 + j] += (draw[i] - posterior.mean[i]) * (draw[j] - posterior.mean[j]) }
      }
    }
    let covariance = posterior.covariance
    for i in 0..<3 { #expect(abs(sum[i] / 20_000 - posterior.mean[i]) < 0.05) }
    for place in 0..<9 { #expect(abs(cross[place] / 20_000 - covariance[place]) < 0.05) }
  }
}
