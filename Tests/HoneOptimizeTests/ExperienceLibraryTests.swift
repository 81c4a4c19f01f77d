import Foundation
import HoneNumerics
import HoneTrace
import Testing

@testable import HoneOptimize

@Suite struct ExperienceLibraryTests {
  static func insight(_ condition: String, _ explanation: String, examples: [String] = []) -> Value {
    [
      "taxonomy": ["form", "label"], "condition": .string(condition), "explanation": .string(explanation),
      "wrong": "a sentence", "right": "a word", "examples": .array(examples.map(Value.string)),
    ]
  }

  static func told(
    _ insights: [Value] = [], trial: Int = 0, ledger: [Value] = [], conditions: [Value] = [], scores: [Value] = []
  ) -> Value {
    [
      "trial": .int(trial), "scores": .array(scores), "insights": .array(insights), "ledger": .array(ledger),
      "conditions": .array(conditions),
    ]
  }

  @Test func nearDuplicatesAreMerged() {
    var library = ExperienceLibrary()
    library.learn(Self.told([Self.insight("long messages", "answer with the intent's name alone", examples: ["m1"])]))
    library.learn(
      Self.told(
        [Self.insight("Long messages!", "Answer with the intent's name, alone.", examples: ["m1", "m2"])], trial: 3))
    library.learn(Self.told([Self.insight("short messages", "ask which card is meant")], trial: 3))
    #expect(library.insights.map(\.id) == [1, 2])
    #expect(library[1]?.occurrence == 2 && library[1]?.source == 3)
    #expect(library[1]?.ledger.unretrieved == ["0/m1", "3/m1", "3/m2"])
    #expect(library[2]?.taxonomy == ["form", "label"] && library[3] == nil && library[0] == nil)
  }

  /// A new condition begins a new ledger: what was noted was noted of the old one.
  @Test func aNewConditionHasALedgerOfItsOwn() {
    var library = ExperienceLibrary()
    library.learn(Self.told([Self.insight("all messages", "name the intent", examples: ["m1"])]))
    library.learn(Self.told(trial: 2, ledger: [["insight": 1, "positive": ["m2", "m2"], "negative": ["m3"]]]))
    #expect(library[1]?.ledger.positive == ["2/m2"] && library[1]?.ledger.negative == ["2/m3"])
    library.learn(Self.told(conditions: [["insight": 1, "condition": "messages about cards"]]))
    #expect(library[1]?.version == 2 && library[1]?.condition == "messages about cards")
    #expect(library[1]?.ledger == Insight.Ledger())
    // What it was found by before is found again.
    library.learn(Self.told([Self.insight("messages about cards", "name the intent")]))
    #expect(library.insights.count == 1 && library[1]?.occurrence == 2)
  }

  /// The two-by-two table of "taken up" and "went well": refuted when examples go no better with the insight than without.
  @Test(arguments: [
    (4, 0, 0, 9, false), (2, 2, 5, 5, true), (3, 2, 5, 5, false), (0, 4, 0, 0, true), (1, 3, 0, 3, false),
    (0, 3, 9, 0, false), (1, 9, 2, 8, true),
  ])
  func examplesSpeakAgainstAnInsight(
    _ positive: Int, _ negative: Int, _ irrelevant: Int, _ unretrieved: Int, _ fails: Bool
  ) {
    func places(_ count: Int) -> [String] { (0..<count).map { "1/m\($0)" } }
    var insight = Insight(condition: "c", explanation: "e")
    insight.ledger.positive = places(positive)
    insight.ledger.negative = places(negative)
    insight.ledger.irrelevant = places(irrelevant)
    insight.ledger.unretrieved = places(unretrieved)
    #expect(insight.failsExamples == fails)
  }

  @Test func wrongIsWhatIsNearerToTheWorst() {
    var library = ExperienceLibrary()
    #expect(library.isWrong(1, isMaximized: true) && library.isWrong(nil, isMaximized: true))
    library.see([1, 0, .infinity, .nan])
    #expect(library.isWrong(0.4, isMaximized: true) && !library.isWrong(0.6, isMaximized: true))
    #expect(!library.isWrong(0.4, isMaximized: false) && library.isWrong(0.6, isMaximized: false))
    library.see([1e308, -1e308])
    #expect(!library.isWrong(5, isMaximized: true) && library.isWrong(-1e300, isMaximized: true))
  }

  /// Whatever stands in an attempt, learning ends, within bounds.
  @Test func anyValueIsTaken() {
    let odd: [Value] = [
      .null, 5, "text", [], ["insights": 3], ["insights": [1, .null, [:], ["condition": "", "explanation": ""]]],
      Self.told(ledger: [["insight": 99, "positive": ["m"]], ["insight": -1], ["insight": "1"]]),
      Self.told(conditions: [["insight": 0, "condition": "c"], ["insight": 1]]),
      ["trial": .int(.max), "scores": [.string("x"), .double(1e308)], "ledger": 0],
    ]
    var library = ExperienceLibrary()
    for value in odd { library.learn(value) }
    #expect(library.insights.isEmpty)
    for number in 0..<400 {
      library.learn(Self.told([Self.insight("condition \(number)", "explanation \(number) \(number * 7)")]))
    }
    for round in 0..<100 { library.learn(Self.told(trial: round, ledger: [["insight": 1, "negative": ["m"]]])) }
    #expect(library.insights.count == ExperienceLibrary.most)
    #expect(library[1]?.ledger.negative.count == ExperienceLibrary.longestList)
  }

  @Test func aFileCarriesAllButTheExamples() throws {
    var library = ExperienceLibrary()
    library.learn(Self.told([Self.insight("long messages", "name the intent", examples: ["m1"])]))
    let counted = library.counted([1: (gained: 3, lost: 1)])
    let read = try ExperienceLibrary(document: Value.parse(json: Array(counted.document.canonicalJSON.utf8)))
    #expect(read[1]?.gained == 3 && read[1]?.lost == 1 && read[1]?.right == "a word")
    #expect(read[1]?.ledger == Insight.Ledger() && read[1]?.source == nil)
    // Survives JSON whole, as a state must.
    let again = try JSONDecoder().decode(ExperienceLibrary.self, from: JSONEncoder().encode(library))
    #expect(again == library)
    #expect(ExperienceLibrary().settingsDocument == .null && read.settingsDocument == counted.document)
  }

  @Test(arguments: [
    ("{}", "holds no list"), ("[]", "holds no list"), (#"{"insights": [{"condition": "c"}]}"#, "insight 1 needs"),
    (#"{"insights": [{"condition": "c", "explanation": "e"}, 7]}"#, "insight 2 needs"),
  ])
  func wrongFilesAreNamed(_ json: String, _ expected: String) throws {
    let value = try Value.parse(json: Array(json.utf8))
    let error = #expect(throws: OptimizerError.self) { try ExperienceLibrary(document: value) }
    #expect(error?.description.contains(expected) == true)
  }
}
