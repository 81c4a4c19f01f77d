import HoneNumerics
import HoneTrace

/// Demonstrations made of what worked: the inputs and the output of a step in rollouts on training examples whose score is
/// good enough, for the parameter that shows demonstrations to that step.
///
/// BootstrapFewShot of Khattab et al., "DSPy: Compiling Declarative Language Model Calls into Self-Improving Pipelines" (ICLR
/// 2024, arXiv 2310.03714), as MIPROv2 (Opsahl-Ong et al., arXiv 2406.11695, section 4.1) uses it: sets of bootstrapped and of
/// labelled demonstrations, the first ones in the rows' order, later ones shuffled and of random size. The teacher is the
/// trial whose rollouts are shown. No example is shown to itself, no row but a training row is shown at all, and a
/// demonstration is whole or left out.
struct BootstrapFewShot {
  let parameter: ParameterSpec
  /// In a set, at most.
  let most: Int
  /// Labelled ones in a set beside those, at most.
  let labelled: Int

  /// What rollouts give.
  struct Found: Equatable {
    /// What the step answered where that was good.
    var bootstrapped: [Demonstration] = []
    /// What it should have answered, where the data say so.
    var labelled: [Demonstration] = []
  }

  /// The score from which on a rollout is good: not below the trial's own mean, nor below the middle between the mean and the
  /// best of its rollouts. Right answers alone, where they are 1 and wrong ones 0; nil where no rollout stands out.
  static func threshold(_ scores: [Double], mean: Double?, direction: Objective.Direction) -> Double? {
    let sign = direction == .maximize ? 1.0 : -1.0
    let turned = scores.filter(\.isFinite).map { sign * $0 }
    guard let best = turned.max(), let worst = turned.min() else { return nil }
    // Where all are alike, and the trial is like them, nothing says that they are good.
    if worst == best, mean.map({ sign * $0 == best }) ?? true { return nil }
    // Halves first, so that large scores do not overflow.
    let middle = turned.reduce(0) { $0 + $1 / Double(turned.count) } / 2 + best / 2
    return sign * max(middle, mean.map { sign * $0 } ?? middle)
  }

  /// - Parameters:
  ///   - threshold: the score from which on a rollout is good.
  ///   - shown: demonstrations that the rollouts were run with: their own examples were easy.
  ///   - labels: what the last step should answer, by example.
  func found(
    in rollouts: [RolloutRecord], threshold: Double?, direction: Objective.Direction, shown: Demonstrations,
    labels: [String: String], random: inout RandomStream
  ) -> Found {
    let seen = Set(shown.list.map(\.inputs))
    var found = Found()
    for rollout in rollouts where rollout.split == .train && rollout.failure == nil {
      guard let trace = rollout.trace else { continue }
      let all = trace.demonstrations(for: parameter.name).filter { !seen.contains($0.inputs) }
      // Of several calls the last one, or with even chances an earlier one.
      guard let last = all.last else { continue }
      let one = all.count > 1 && random.uniform() < 0.5 ? all.dropLast().randomElement(using: &random) ?? last : last
      if let score = rollout.score, let threshold, direction == .maximize ? score >= threshold : score <= threshold {
        found.bootstrapped.append(one)
      }
      if let label = labels[rollout.example], last.output == rollout.output.text {
        found.labelled.append(Demonstration(inputs: last.inputs, output: label))
      }
    }
    return found
  }

  /// The next set: first as many as may be in the rows' order, then labelled ones alone, then shuffled ones, of random size.
  ///
  /// - Parameter number: how many were made before.
  /// - Returns: nil when there is nothing to show.
  func set(_ number: Int, _ found: Found, random: inout RandomStream) -> Demonstrations? {
    var (first, rest) = (found.bootstrapped, found.labelled)
    var count = most
    if number == 1, !rest.isEmpty {
      first = []
    } else if number > 0 {
      first.shuffle(using: &random)
      rest.shuffle(using: &random)
      count = Int.random(in: 1...max(1, most), using: &random)
    }
    var chosen = Demonstrations()
    add(first, count, to: &chosen)
    add(rest, chosen.list.count + labelled, to: &chosen)
    return chosen.list.isEmpty ? nil : chosen
  }

  /// Up to so many in all, none twice; what would make the text invalid is passed over.
  private func add(_ more: [Demonstration], _ count: Int, to chosen: inout Demonstrations) {
    for one in more where chosen.list.count < count && !chosen.list.contains(where: { $0.inputs == one.inputs }) {
      let longer = Demonstrations(chosen.list + [one])
      if (try? parameter.domain.accept(longer.parameterValue)) != nil { chosen = longer }
    }
  }
}

extension Trace {
  /// What the steps that a parameter feeds were given and answered, in the order they ran.
  ///
  /// A step that only fills a prompt is passed through, on the way to the step that answers as on the way back to what it was
  /// given: fields, and outputs of earlier steps. What was cut for the record is left out. O(nodes + edges) for each step.
  func demonstrations(for parameter: String) -> [Demonstration] {
    // Whether a node is the parameter, or is prepared from it.
    var carries = Array(repeating: false, count: nodes.count)
    var found: [Demonstration] = []
    for (index, node) in nodes.enumerated() {
      if node.kind == .parameter {
        carries[index] = node.name == parameter
        continue
      }
      guard node.kind == .step, node.inputs.contains(where: { (0..<index).contains($0) && carries[$0] }) else {
        continue
      }
      if node.isPreparation {
        carries[index] = true
      } else if let one = demonstration(of: index) {
        found.append(one)
      }
    }
    return found
  }

  private func demonstration(of answer: Int) -> Demonstration? {
    var inputs: [String: Value] = [:]
    for index in sources(of: answer) where nodes[index].kind == .input || nodes[index].kind == .step {
      let node = nodes[index]
      // Two of one name cannot be told apart.
      guard inputs[node.name] == nil || inputs[node.name] == node.value else { return nil }
      inputs[node.name] = node.value
    }
    let output = nodes[answer].value
    guard !inputs.isEmpty, !output.isNull, !output.isCut, !inputs.values.contains(where: \.isCut) else { return nil }
    return Demonstration(inputs: inputs, output: output.text)
  }

  /// What a step was given, in the order it ran: fields, parameters, outputs of earlier steps; what those were only put
  /// together in is passed through.
  func sources(of step: Int) -> [Int] {
    var visited: Set<Int> = [step]
    var found: [Int] = []
    var waiting = nodes[step].inputs
    while let index = waiting.popLast() {
      guard (0..<step).contains(index), visited.insert(index).inserted else { continue }
      if nodes[index].isPreparation { waiting += nodes[index].inputs } else { found.append(index) }
    }
    return found.sorted()
  }
}

extension Value {
  /// Whether a recorder cut it somewhere, as it shows in the value.
  fileprivate var isCut: Bool {
    switch self {
    case .string(let text): text.contains("… (") && (text.hasSuffix(" more bytes)") || text.hasSuffix(" more)"))
    case .array(let elements): elements.contains(where: \.isCut)
    case .object(let members): members["…"] != nil || members.values.contains(where: \.isCut)
    default: false
    }
  }
}
