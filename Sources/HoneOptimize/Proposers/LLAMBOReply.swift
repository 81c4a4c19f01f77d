import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// What LLAMBO reads from replies: lists of configurations and lists of numbers. Nothing out of domain or known passes.
extension LLAMBORound {
  /// The usable configurations of a reply; those that are not are rejected with their reasons, the others stay.
  ///
  /// - Parameter key: where the accepted ones are kept for later asks; nil: nowhere.
  static func read(_ reply: ChatReply, _ judge: ProposalJudge, taken: Set<String>, as key: String? = nil)
    -> (attempt: Attempt, found: [Assignment]?)
  {
    let listed = configurations(in: reply.text)
    guard !listed.isEmpty else {
      let isCut = reply.finish == .length
      let rejection =
        isCut
        ? Rejection(.truncated, "the answer was cut off before its first configuration ended; write less")
        : Rejection(.malformed, "the answer holds no JSON object with \"configurations\"")
      return (Attempt(origin: "", outcome: isCut ? .truncated : .malformed, rejections: [rejection]), nil)
    }
    var taken = taken
    var found: [Assignment] = []
    var rejections: [Rejection] = []
    for configuration in listed.prefix(64) {
      let (assignment, reasons) = verdict(configuration, judge, taken: taken)
      rejections += reasons
      guard let assignment else { continue }
      taken.insert(assignment.key)
      found.append(assignment)
    }
    let kept = Value.array(found.map { .object($0.values) })
    let attempt = Attempt(
      origin: "", outcome: found.isEmpty ? .rejected : .applied, rejections: Array(rejections.prefix(20)),
      suggestion: .object([key ?? "candidates": kept]))
    return (attempt, found.isEmpty ? nil : found)
  }

  static func verdict(_ configuration: Value, _ judge: ProposalJudge, taken: Set<String>)
    -> (assignment: Assignment?, rejections: [Rejection])
  {
    guard let values = configuration.object else {
      return (nil, [Rejection(.malformed, "a configuration is an object")])
    }
    let verdict = judge.judge(ProposalReply(reasoning: "", suggestion: values, terminate: false), taken: taken)
    return (verdict.assignment, verdict.attempt.rejections)
  }

  /// The objects of the list "configurations"; of a reply without it, or cut off in it, the objects that are whole.
  static func configurations(in text: String) -> [Value] {
    if let objects = try? LooseJSON.objects(in: text) {
      if let list = objects.lazy.compactMap({ $0["configurations"]?.array }).first { return list }
      return objects
    }
    guard let open = text.firstIndex(of: "[") else { return [] }
    var objects: [Value] = []
    var rest = text[text.index(after: open)...]
    // One object after another, until one is not whole.
    while let start = rest.firstIndex(of: "{"), let end = end(of: rest[start...]) {
      guard let object = (try? LooseJSON.objects(in: String(rest[start...end])))?.first else { break }
      objects.append(object)
      rest = rest[rest.index(after: end)...]
    }
    return objects
  }

  /// Where the object ends that the text begins with.
  private static func end(of text: Substring) -> Substring.Index? {
    var depth = 0
    var quote: Character?
    var isEscaped = false
    for index in text.indices {
      let character = text[index]
      if isEscaped {
        isEscaped = false
      } else if let open = quote {
        if character == "\\" { isEscaped = true } else if character == open { quote = nil }
      } else if character == "\"" {
        quote = character
      } else if character == "{" {
        depth += 1
      } else if character == "}" {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return nil
  }

  /// The numbers of a reply, one for each configuration asked for.
  ///
  /// - Parameters:
  ///   - measured: what is known of the last of them, kept beside what the model said.
  ///   - classifies: numbers are classes, 1 or 0, and become probabilities where the reply has those of its tokens.
  static func numbers(_ reply: ChatReply, _ count: Int, measured: [Double], classifies: Bool, sign: Double)
    -> (attempt: Attempt, found: [Double]?)
  {
    func refused(_ outcome: Attempt.Outcome, _ kind: Rejection.Kind, _ reason: String) -> (Attempt, [Double]?) {
      (Attempt(origin: "", outcome: outcome, rejections: [Rejection(kind, reason)]), nil)
    }
    guard reply.finish != .length else { return refused(.truncated, .truncated, "the answer was cut off; write less") }
    let key = classifies ? "classes" : "predictions"
    let objects = (try? LooseJSON.objects(in: reply.text)) ?? []
    guard let list = objects.lazy.compactMap({ $0[key]?.array }).first else {
      return refused(.malformed, .malformed, "the answer holds no JSON object with \"\(key)\"")
    }
    var numbers = list.compactMap { $0.number ?? $0.string.flatMap(Double.init) }.filter(\.isFinite)
    guard numbers.count == count, list.count == count else {
      return refused(.rejected, .malformed, "\"\(key)\" must hold exactly \(count) numbers, and holds \(numbers.count)")
    }
    if classifies {
      guard numbers.allSatisfy({ $0 == 0 || $0 == 1 }) else {
        return refused(.rejected, .malformed, "\"\(key)\" must hold only 1 and 0")
      }
      numbers = probabilities(reply.logProbabilities, classes: numbers) ?? numbers
    }
    let probes = zip(numbers.suffix(measured.count), measured).map { said, measured -> Value in
      // A class says how good, a prediction what the score is.
      ["predicted": .double(classifies ? sign * said : said), "measured": .double(measured)]
    }
    let attempt = Attempt(
      origin: "", outcome: .applied,
      suggestion: [key: .array(numbers.map(Value.double)), probesKey: .array(probes)])
    return (attempt, numbers)
  }

  /// p = e^l1 / (e^l1 + e^l0) at each token that is a class; nil where there are not as many as classes.
  static func probabilities(_ tokens: [TokenLogProbability], classes: [Double]) -> [Double]? {
    let answers = tokens.filter { ["0", "1"].contains($0.token.trimmingCharacters(in: .whitespaces)) }
    guard answers.count == classes.count else { return nil }
    return answers.map { answer in
      func log(of name: String) -> Double? {
        let all = [TokenLogProbability.Choice(token: answer.token, logProbability: answer.logProbability)] + answer.top
        return all.filter { $0.token.trimmingCharacters(in: .whitespaces) == name }.map(\.logProbability).max()
      }
      // What is not among the likeliest is at most as likely as the last of them.
      let least = answer.top.map(\.logProbability).min() ?? answer.logProbability - 5
      let (one, zero) = (log(of: "1") ?? least, log(of: "0") ?? least)
      return 1 / (1 + exp(min(max(zero - one, -500), 500)))
    }
  }
}

/// Predictions of a few permutations as a mean and a spread for each configuration, in losses.
struct LLAMBOPrediction {
  private let means: [Double]
  /// Nil where the means are the probabilities of being good.
  private let deviations: [Double]?

  /// - Parameters:
  ///   - answers: of each request, a number for each of `count` configurations and for those measured.
  ///   - measured: scores of the last ones: how far the model was off there widens all spreads.
  init(
    _ answers: [[Double]], of count: Int, _ measured: [Double], _ direction: Objective.Direction, areProbabilities: Bool
  ) {
    let all = (0..<(count + measured.count)).map { index in
      answers.reduce(0) { $0 + $1[index] / Double(answers.count) }
    }
    let sign = direction == .maximize && !areProbabilities ? -1.0 : 1.0
    means = all.prefix(count).map { sign * $0 }
    let squares = zip(all.suffix(measured.count), measured).map { ($0 - $1) * ($0 - $1) }
    let error = squares.reduce(0, +) / Double(max(1, squares.count))
    deviations =
      areProbabilities
      ? nil
      : (0..<count).map { index in
        let spread = answers.reduce(0) { $0 + ($1[index] - all[index]) * ($1[index] - all[index]) }
        return (spread / Double(answers.count) + error).squareRoot()
      }
  }

  /// For each configuration the probability that its loss is below the least so far.
  func better(than losses: [Double]) -> [Double] {
    guard let deviations else { return means }
    let best = losses.min() ?? 0
    let middle = losses.reduce(0) { $0 + $1 / Double(losses.count) }
    let spread = losses.reduce(0) { $0 + abs($1 - middle) / Double(losses.count) }
    // Samples of a model agree more than they should: never surer than a quarter of the scores' spread.
    return means.indices.map { index in
      let deviation = max(deviations[index], spread / 4)
      guard deviation > 0, deviation.isFinite else { return 0.5 }
      return Normal.cumulative((best - means[index]) / deviation)
    }
  }
}
