import HoneTrace
import Testing

@Suite struct LooseJSONTests {
  private func objects(_ text: String) throws -> [Value] { try LooseJSON.objects(in: text) }

  @Test(arguments: [
    "{\"a\": 1}",
    "Here it is: {\"a\": 1}. Good luck!",
    "```json\n{\"a\": 1}\n```",
    "{'a': 1}",
    "{\"a\": 1,}",
    "\u{feff}{ \"a\" : 1 , }",
    "Use {question} and {1, 2} in {} braces... {\"a\": 1} {",
    "Keep {\"this\"} in quotes: {\"a\": 1}",
  ])
  func oneObjectIsFound(_ text: String) throws {
    #expect(try objects(text).filter { $0 != [:] } == [["a": 1]])
  }

  @Test func smallMistakesAreRead() throws {
    #expect(
      try objects("{'t': True, 'f': False, 'n': None, 'l': [1, 2,],}") == [
        ["t": true, "f": false, "n": nil, "l": [1, 2]]
      ])
    #expect(try objects("{\"text\": \"two\nlines\tand 'quotes'\"}") == [["text": "two\nlines\tand 'quotes'"]])
    #expect(try objects("{'text': 'it\\'s \"fine\"'}") == [["text": "it's \"fine\""]])
    #expect(try objects("{\"a\": 1} and {\"a\": 2}") == [["a": 1], ["a": 2]])
    #expect(try objects("no object, only { braces }") == [])
    #expect(try objects("") == [])
  }

  @Test(arguments: [
    "{\"a\": 1", "{\"a\": \"cut of", "{\"a\": 1, \"a\": 2}", "{\"a\": [1, 2}", "{\"a\": 1e999}", "{\"a\": nul}",
    "{'a': 'it's'}", "{\"a\": 1,,}", "{\"a\": \"\\q\"}", "{\"a\": \"\\ud800\"}",
  ])
  func brokenObjectsAreErrors(_ text: String) {
    #expect(throws: JSONError.self) { try objects(text) }
  }

  @Test func hugeRepliesAreBounded() throws {
    let deep = String(repeating: "{\"a\":", count: 100_000) + "1" + String(repeating: "}", count: 100_000)
    #expect(throws: JSONError.self) { try objects(deep) }
    #expect(throws: JSONError.self) { try objects("{\"n\": " + String(repeating: "9", count: 100_000) + "}") }
    #expect(throws: JSONError.self) { try objects(String(repeating: " ", count: 1 << 20) + "{\"a\": 1}") }
    let keys = "{" + (0..<60_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
    #expect(try objects(keys).first?.object?.count == 60_000)
    // Texts that would cost a quadratic reader minutes.
    for unit in ["{", "{\"", "{'a\"", "{\"a\" ", "{{\"}"] {
      let text = String(repeating: unit, count: (1 << 19) / unit.utf8.count)
      #expect((try? objects(text)) ?? [] == [])
    }
  }
}
