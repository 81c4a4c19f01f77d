import HoneTrace

/// What was learned from examples that went wrong, and where it held.
public struct Insight: Hashable, Codable, Sendable {
  /// Examples of training by what became of them, each as TRIAL/EXAMPLE; about the present condition alone.
  public struct Ledger: Hashable, Codable, Sendable {
    /// The condition applies, the insight had been taken up, and the example went well.
    public var positive: [String] = []
    /// The condition applies, the insight had been taken up, and the example still went wrong.
    public var negative: [String] = []
    /// The condition applies, and the example went wrong without the insight.
    public var unretrieved: [String] = []
    /// The condition applies, and the example went well without the insight.
    public var irrelevant: [String] = []

    public init() {}
  }

  /// Counts from 1 in a library.
  public var id: Int
  /// From the general to the special.
  public var taxonomy: [String]
  /// Of which inputs it is true.
  public var condition: String
  /// What to do then, and why.
  public var explanation: String
  public var wrong: String
  public var right: String
  /// Of the condition, from 1.
  public var version: Int
  /// How often it was found.
  public var occurrence: Int
  /// The trial from whose rollouts it was last found; nil for one from another study.
  public var source: Int?
  public var ledger: Ledger
  /// Trials that took it up and scored better than their parent, and those that did not, in earlier studies.
  public var gained: Int
  public var lost: Int

  public init(
    id: Int = 0, taxonomy: [String] = [], condition: String, explanation: String, wrong: String = "",
    right: String = "", version: Int = 1, occurrence: Int = 1, source: Int? = nil, ledger: Ledger = Ledger(),
    gained: Int = 0, lost: Int = 0
  ) {
    self.id = id
    self.taxonomy = taxonomy
    self.condition = condition
    self.explanation = explanation
    self.wrong = wrong
    self.right = right
    self.version = version
    self.occurrence = occurrence
    self.source = source
    self.ledger = ledger
    self.gained = gained
    self.lost = lost
  }

  /// Words that two insights are compared by.
  var words: Set<String> {
    Set("\(condition) \(explanation)".lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
  }

  /// Part of their words that two insights share (Jaccard), from 0 to 1, or a bound below `sameness` on it; O(words).
  static func likeness(_ a: Set<String>, _ b: Set<String>) -> Double {
    let (small, large) = a.count < b.count ? (a, b) : (b, a)
    // Too different in length to be counted as one: no more than an upper bound is needed.
    if Double(small.count) < ExperienceLibrary.sameness * Double(large.count) {
      return Double(small.count) / Double(large.count)
    }
    let shared = small.count(where: large.contains)
    let all = a.count + b.count - shared
    return all == 0 ? 1 : Double(shared) / Double(all)
  }

  /// By the examples whose input meets its condition: it was taken up and they do no better for it.
  var failsExamples: Bool {
    let (with, without) = (
      ledger.positive.count + ledger.negative.count, ledger.irrelevant.count + ledger.unretrieved.count
    )
    guard with >= 4 else { return false }
    // Rates compared without division.
    return ledger.positive.count * max(1, without) <= ledger.irrelevant.count * with
  }
}

/// Insights with a ledger of where each one held and where not: data, a function of what it was taught.
///
/// The records and the four kinds of the ledger are those of AlphaOPT (arXiv 2510.18428).
public struct ExperienceLibrary: Configured, Hashable, Codable, Sendable {
  /// In the order they were found.
  public private(set) var insights: [Insight] = []
  /// Of each insight, kept so that a near-duplicate is found in O(insights times words).
  private var words: [Set<String>] = []
  /// The worst and the best score of training examples so far: what lies nearer to the worst went wrong.
  private(set) var low: Double?
  private(set) var high: Double?

  /// Insights it takes at most, examples of one kind that a ledger keeps, characters of a text.
  static let most = 200
  static let longestList = 64
  static let longest = 400
  /// Of the words of two insights, the part that makes them one.
  static let sameness = 0.8

  /// - Parameter insights: as another study left them; their examples are unknown here, so only their counts are kept.
  public init(_ insights: [Insight] = []) {
    for var insight in insights.prefix(Self.most) {
      insight.ledger = Insight.Ledger()
      insight.source = nil
      add(insight)
    }
  }

  private enum CodingKeys: String, CodingKey { case insights, low, high }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    insights = try values.decode([Insight].self, forKey: .insights)
    low = try values.decodeIfPresent(Double.self, forKey: .low)
    high = try values.decodeIfPresent(Double.self, forKey: .high)
    words = insights.map(\.words)
  }

  public subscript(id: Int) -> Insight? { insights.indices.contains(id - 1) ? insights[id - 1] : nil }

  /// True when a score of training examples counts as having gone wrong; all do while there is but one score.
  func isWrong(_ score: Double?, isMaximized: Bool) -> Bool {
    guard let score, let low, let high, high > low else { return true }
    let middle = low / 2 + high / 2
    return isMaximized ? score < middle : score > middle
  }

  mutating func see(_ scores: [Double]) {
    for score in scores where score.isFinite {
      low = min(low ?? score, score)
      high = max(high ?? score, score)
    }
  }

  /// Learns what one attempt found. Takes any value: what does not fit is left out.
  ///
  /// - Parameter told: `trial`, `scores`, `insights`, `ledger` and `conditions`, as `AlphaOPTReply` writes them.
  mutating func learn(_ told: Value) {
    let trial = told["trial"]?.int
    see((told["scores"]?.array ?? []).compactMap(\.number))
    for entry in told["ledger"]?.array ?? [] {
      guard let id = entry["insight"]?.int, insights.indices.contains(id - 1), let trial else { continue }
      func add(_ list: inout [String], _ key: String) {
        for example in (entry[key]?.array ?? []).compactMap(\.string) {
          let place = "\(trial)/\(example)"
          if list.count < Self.longestList, !list.contains(place) { list.append(place) }
        }
      }
      add(&insights[id - 1].ledger.positive, "positive")
      add(&insights[id - 1].ledger.negative, "negative")
      add(&insights[id - 1].ledger.unretrieved, "unretrieved")
      add(&insights[id - 1].ledger.irrelevant, "irrelevant")
    }
    for entry in told["conditions"]?.array ?? [] {
      guard let id = entry["insight"]?.int, insights.indices.contains(id - 1),
        let condition = entry["condition"]?.string, !condition.isEmpty, condition != insights[id - 1].condition
      else { continue }
      insights[id - 1].condition = String(condition.prefix(Self.longest))
      insights[id - 1].version += 1
      words[id - 1] = insights[id - 1].words
      // What was noted was noted of another condition.
      insights[id - 1].ledger = Insight.Ledger()
    }
    for entry in told["insights"]?.array ?? [] {
      guard let condition = entry["condition"]?.string, let explanation = entry["explanation"]?.string,
        !condition.isEmpty, !explanation.isEmpty
      else { continue }
      var insight = Insight(
        taxonomy: (entry["taxonomy"]?.array ?? []).compactMap(\.string), condition: condition,
        explanation: explanation, wrong: entry["wrong"]?.string ?? "", right: entry["right"]?.string ?? "",
        source: trial)
      insight.ledger.unretrieved = (entry["examples"]?.array ?? []).compactMap(\.string).prefix(Self.longestList).map {
        "\(trial ?? 0)/\($0)"
      }
      add(insight)
    }
  }

  /// A near-duplicate is merged into the insight it repeats, the first one.
  private mutating func add(_ insight: Insight) {
    let new = insight.words
    if let place = words.firstIndex(where: { Insight.likeness($0, new) >= Self.sameness }) {
      insights[place].occurrence += insight.occurrence
      insights[place].source = insight.source ?? insights[place].source
      insights[place].gained += insight.gained
      insights[place].lost += insight.lost
      for example in insight.ledger.unretrieved
      where insights[place].ledger.unretrieved.count < Self.longestList
        && !insights[place].ledger.unretrieved.contains(example)
      {
        insights[place].ledger.unretrieved.append(example)
      }
    } else if insights.count < Self.most {
      var insight = insight
      insight.id = insights.count + 1
      insights.append(insight)
      words.append(new)
    }
  }

  /// The library with these counts of trials, by insight.
  func counted(_ records: [Int: (gained: Int, lost: Int)]) -> ExperienceLibrary {
    var library = self
    for place in library.insights.indices {
      let record = records[place + 1] ?? (0, 0)
      library.insights[place].gained += record.gained
      library.insights[place].lost += record.lost
    }
    return library
  }
}

extension ExperienceLibrary {
  /// The insights that a study begins with; null for none.
  public var settingsDocument: Value { insights.isEmpty ? .null : document }

  /// As a file that another study may begin with: the setting `library` of `alphaopt`.
  public var document: Value {
    let entries = insights.map { insight -> Value in
      [
        "taxonomy": .array(insight.taxonomy.map(Value.string)), "condition": .string(insight.condition),
        "explanation": .string(insight.explanation), "wrong": .string(insight.wrong), "right": .string(insight.right),
        "occurrence": .int(insight.occurrence), "gained": .int(insight.gained), "lost": .int(insight.lost),
      ]
    }
    return ["insights": .array(entries)]
  }

  /// - Parameter document: `condition` and `explanation` of each insight are needed, all else may be left out.
  /// - Throws: what is wrong with it, in words for people.
  public init(document: Value) throws(OptimizerError) {
    guard let entries = document["insights"]?.array else {
      throw OptimizerError("it holds no list \"insights\"", hint: "such as { \"insights\": [] }")
    }
    guard entries.count <= Self.most else {
      throw OptimizerError("it holds \(entries.count) insights, and a library takes \(Self.most)")
    }
    var insights: [Insight] = []
    for (place, entry) in entries.enumerated() {
      func text(_ key: String) -> String {
        PromptSections.onOneLine(entry[key]?.string ?? "", longest: Self.longest)
      }
      func count(_ key: String) -> Int { min(max(entry[key]?.int ?? 0, 0), 1_000_000) }
      let (condition, explanation) = (text("condition"), text("explanation"))
      guard !condition.isEmpty, !explanation.isEmpty else {
        throw OptimizerError(
          "insight \(place + 1) needs \"condition\" and \"explanation\"", hint: "both are texts that are not empty")
      }
      let labels = (entry["taxonomy"]?.array ?? []).compactMap(\.string)
      insights.append(
        Insight(
          taxonomy: labels.prefix(3).map { PromptSections.onOneLine($0, longest: 60) }, condition: condition,
          explanation: explanation, wrong: text("wrong"), right: text("right"),
          occurrence: max(1, count("occurrence")), gained: count("gained"), lost: count("lost")))
    }
    self.init(insights)
  }
}
