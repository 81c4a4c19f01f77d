import Foundation
import HoneNumerics
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

  /// What a model is shown: the same value, but without an exponent up to the twentieth place.
  @Test(arguments: [
    (1e-05, "0.00001"), (-1.25e-07, "-0.000000125"), (0.1, "0.1"), (0, "0"), (-3, "-3"), (1e16, "10000000000000000"),
    (1.5e20, "150000000000000000000"), (123_456.75, "123456.75"), (2.5e-20, "0.000000000000000000025"),
    (1e-21, "1e-21"), (1e300, "1e+300"),
  ])
  func decimalsHaveNoExponent(_ number: Double, _ text: String) throws {
    #expect(Value.double(number).decimalJSON == text)
    #expect(try Value.parse(json: text).number == number)
  }

  @Test func decimalsComeBackAsTheSameValue() throws {
    var random = RandomStream(seed: 3, name: "decimals")
    for _ in 0..<2_000 {
      let number = Double.random(in: -1...1, using: &random) * pow(10, Double(Int.random(in: -30...30, using: &random)))
      let value: Value = ["b": [.double(number), "1e-05", true, .null], "a\"": .int(3)]
      #expect(try Value.parse(json: value.decimalJSON)["b"]?[0]?.number == number)
      #expect(
        value.decimalJSON.replacingOccurrences(of: Value.double(number).decimalJSON, with: "x")
          == value.canonicalJSON.replacingOccurrences(of: Value.double(number).canonicalJSON, with: "x"))
    }
  }
}
