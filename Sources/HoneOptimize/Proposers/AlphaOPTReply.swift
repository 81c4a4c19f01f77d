import HoneModel
import HoneTrace

/// Reads what a model learned: new insights, which examples meet which conditions, and better conditions.
///
/// The model says where a condition applies; whether the example went well is a fact of its score, and whether the insight
/// was in use one of the lineage. The two make the four kinds of the ledger.
struct AlphaOPTReply {
  let trial: Int
  let scores: [Double]
  /// As shown, from number 1 on.
  let examples: [(id: String, isWrong: Bool)]
  /// Insights that the model was told of, and those that the values had taken up.
  let listed: Set<Int>
  let inUse: Set<Int>
  /// New insights, at most.
  let most: Int

  static let form =
    #"{"reasoning": "why the bad examples are bad", "insights": [{"taxonomy": ["label"], "condition": "of which inputs", "#
    + #""explanation": "what to do and why", "wrong": "what is done now", "right": "what should be done", "#
    + #""examples": [1]}], "applies": [{"insight": 1, "examples": [1, 2]}], "#
    + #""conditions": [{"insight": 1, "condition": "a better condition"}]}"#

  static var schema: Value {
    let (text, whole): (Value, Value) = (["type": "string"], ["type": "integer"])
    func list(_ items: Value) -> Value { ["type": "array", "items": items] }
    return ProposalSchema.object([
      "reasoning": text,
      "insights": list(
        ProposalSchema.object([
          "taxonomy": list(text), "condition": text, "explanation": text, "wrong": text, "right": text,
          "examples": list(whole),
        ])),
      "applies": list(ProposalSchema.object(["insight": whole, "examples": list(whole)])),
      "conditions": list(ProposalSchema.object(["insight": whole, "condition": text])),
    ])
  }

  /// What `ExperienceLibrary.learn` takes, which is also what is stored. Entries that cannot be used are left out and
  /// named in the attempt; a reply of nothing else is refused.
  func read(_ reply: ChatReply) -> (attempt: Attempt, found: Value?) {
    func refused(_ outcome: Attempt.Outcome, _ rejections: [Rejection]) -> (Attempt, Value?) {
      (Attempt(origin: "", outcome: outcome, rejections: rejections), nil)
    }
    guard reply.finish != .length else {
      return refused(.truncated, [Rejection(.truncated, "the answer was cut off; write less")])
    }
    let objects = (try? LooseJSON.objects(in: reply.text)) ?? []
    let lists = ["insights", "applies", "conditions"]
    guard let object = objects.first(where: { object in lists.contains { object[$0]?.array != nil } }) else {
      return refused(
        .malformed, [Rejection(.malformed, "the answer holds no JSON object with a list \"insights\"")])
    }
    var rejections: [Rejection] = []
    let insights = insights(object["insights"]?.array ?? [], &rejections)
    let ledger = ledger(object["applies"]?.array ?? [], &rejections)
    let conditions = conditions(object["conditions"]?.array ?? [], &rejections)
    guard rejections.isEmpty || !(insights.isEmpty && ledger.isEmpty && conditions.isEmpty) else {
      return refused(.rejected, Array(rejections.prefix(10)))
    }
    let learned: Value = [
      "trial": .int(trial), "scores": .array(range.map(Value.double)), "insights": .array(insights),
      "ledger": .array(ledger), "conditions": .array(conditions),
    ]
    let attempt = Attempt(
      origin: "", outcome: .applied, rejections: Array(rejections.prefix(10)), suggestion: learned,
      reasoning: object["reasoning"]?.string ?? "")
    return (attempt, learned)
  }

  private var range: [Double] { [scores.min(), scores.max()].compactMap(\.self).filter(\.isFinite) }

  private func insights(_ told: [Value], _ rejections: inout [Rejection]) -> [Value] {
    var found: [Value] = []
    for entry in told where found.count < most {
      let texts = ["condition", "explanation", "wrong", "right"].map { key in
        (key, line(entry[key]))
      }
      let members = Dictionary(texts, uniquingKeysWith: { $1 })
      guard let condition = members["condition"], let explanation = members["explanation"], !condition.isEmpty,
        !explanation.isEmpty
      else {
        rejections.append(Rejection(.empty, "an insight needs \"condition\" and \"explanation\" as texts"))
        continue
      }
      var insight = members.mapValues(Value.string)
      let labels = (entry["taxonomy"]?.array ?? []).map(line).filter { !$0.isEmpty }
      insight["taxonomy"] = .array(labels.prefix(3).map { .string(String($0.prefix(60))) })
      // Such as went wrong: the others are none of its causes.
      insight["examples"] = .array(
        numbers(entry["examples"]).filter { examples[$0].isWrong }.map { .string(examples[$0].id) })
      found.append(.object(insight))
    }
    return found
  }

  private func ledger(_ told: [Value], _ rejections: inout [Rejection]) -> [Value] {
    var found: [Value] = []
    for entry in told {
      guard let id = id(entry, &rejections) else { continue }
      let kinds = inUse.contains(id) ? ("positive", "negative") : ("irrelevant", "unretrieved")
      var lists: [String: [Value]] = [:]
      for number in numbers(entry["examples"]) {
        lists[examples[number].isWrong ? kinds.1 : kinds.0, default: []].append(.string(examples[number].id))
      }
      guard !lists.isEmpty else { continue }
      found.append(.object(lists.mapValues(Value.array).merging(["insight": .int(id)]) { $1 }))
    }
    return found
  }

  private func conditions(_ told: [Value], _ rejections: inout [Rejection]) -> [Value] {
    var found: [Value] = []
    for entry in told {
      guard let id = id(entry, &rejections) else { continue }
      let condition = line(entry["condition"])
      guard !condition.isEmpty else {
        rejections.append(Rejection(.empty, "a better condition of insight \(id) must be a text"))
        continue
      }
      found.append(["insight": .int(id), "condition": .string(condition)])
    }
    return found
  }

  private func id(_ entry: Value, _ rejections: inout [Rejection]) -> Int? {
    if let id = entry["insight"]?.int, listed.contains(id) { return id }
    rejections.append(Rejection(.notAChoice, "there is no insight \(String(entry["insight"]?.shown.prefix(60) ?? ""))"))
    return nil
  }

  /// Places of the examples, each once; numbers of others are left out.
  private func numbers(_ told: Value?) -> [Int] {
    var seen: Set<Int> = []
    return (told?.array ?? []).compactMap(\.int).filter { (1...max(1, examples.count)).contains($0) }
      .map { $0 - 1 }.filter { examples.indices.contains($0) && seen.insert($0).inserted }
  }

  private func line(_ value: Value?) -> String {
    PromptSections.onOneLine(value?.string ?? "", longest: ExperienceLibrary.longest)
  }
}
