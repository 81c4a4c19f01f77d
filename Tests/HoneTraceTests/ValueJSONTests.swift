import Testing

@testable import HoneTrace

@Suite struct ValueJSONTests {
  @Test(arguments: [
    "", "plain", "ä", "\u{7f}", "日本語", "🙂", "a\"b\\c\n\t\u{1}", "é\u{301}\u{0}", "fifteen bytes..", "ö\\",
  ])
  func textsComeBackByteForByte(_ text: String) throws {
    let value: Value = [.string(text), [text: .string(text)]]
    let back = try Value.parse(json: value.canonicalJSON)
    #expect(Array((back[0]?.string ?? "-").utf8) == Array(text.utf8))
    #expect(back == value)
  }

  /// A repaired text can be as long as its bytes: the second row is three bytes, as the replacement character is.
  @Test(
    arguments: [
      [0xff], [0xf0, 0x9f, 0x99], [0xc3], [0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
    ] as [[UInt8]])
  func textsThatAreNotUTF8AreRefused(_ bytes: [UInt8]) {
    for before in ["", "plain ", "ä ", "\\n"] {
      let document = Array("[\"\(before)".utf8) + bytes + Array(" after\"]".utf8)
      #expect(throws: JSONError.self) { try Value.parse(json: document) }
    }
  }

  @Test func objectsOfAnySizeKeepTheirMembersAndNoKeyTwice() throws {
    for count in 0...40 {
      let members = (0..<count).map { "\"k\($0)\":\($0)" }
      let value = try Value.parse(json: "{\(members.joined(separator: ","))}")
      #expect(value == .object(Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", .int($0)) })))
      guard let first = members.first else { continue }
      #expect(throws: JSONError.self) { try Value.parse(json: "{\((members + [first]).joined(separator: ","))}") }
    }
  }

  @Test func controlCharactersInTextAreRefused() {
    for byte in UInt8(0)..<0x20 {
      #expect(throws: JSONError.self) { try Value.parse(json: [0x22, 0x61, byte, 0x22]) }
    }
  }
}
