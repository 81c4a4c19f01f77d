import Foundation
import HoneTrace
import Testing

@testable import HoneTasks

struct YAMLTests {
  static func value(_ text: String) throws -> Value {
    try YAMLReader.read([UInt8](text.utf8), file: "t.yaml").root.value
  }

  /// Y3: the core schema of YAML 1.2, not the words of 1.1.
  @Test(
    arguments: [
      ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("y", "y"), ("2026-11-21", "2026-11-21"), ("12:30:45", "12:30:45"),
      ("true", true), ("False", false), ("TRUE", true), ("~", nil), ("Null", nil), ("", nil), ("12", 12), ("012", 12),
      ("+7", 7),
      ("-3", -3), ("0o17", 15), ("0x1F", 31), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5e-1", -0.05),
      ("1_000", "1_000"),
      ("0b11", "0b11"), ("1,5", "1,5"), ("'12'", "12"), ("\"true\"", "true"), ("1e", "1e"), (".", "."), ("+", "+"),
      ("0o9", "0o9"),
      ("99999999999999999999", 1e20), ("=", "="),
    ] as [(String, Value)])
  func plainScalarsFollowTheCoreSchema(_ text: String, _ expected: Value) throws {
    #expect(try Self.value("a: \(text)")["a"] == expected)
  }

  @Test func notFiniteNumbersAreNumbers() throws {
    #expect(try Self.value("a: .inf")["a"]?.number == .infinity)
    #expect(try Self.value("a: -.INF")["a"]?.number == -.infinity)
    #expect(try Self.value("a: .nan")["a"]?.number?.isNaN == true)
  }

  @Test func aliasesAreReadWithinBounds() throws {
    #expect(try Self.value("a: &x [1, 2]\nb: *x") == ["a": [1, 2], "b": [1, 2]])
    // An alias bomb: eight anchors of eight aliases each stand for 16 million values.
    var bomb = "a0: &a0 [x, x, x, x]\n"
    for i in 1..<8 {
      bomb += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 4).joined(separator: ", ") + "]\n"
    }
    #expect(throws: Diagnostic.self) { try Self.value(bomb) }
    let key = bomb + "? [*a7, *a7]\n: 1\n"
    #expect(throws: Diagnostic.self) { try Self.value(key) }
  }

  @Test func lineEndsAndByteOrderMarksDoNotCount() throws {
    #expect(try Self.value("\u{feff}a: 1\r\nb: 2\r\n") == ["a": 1, "b": 2])
  }

  /// Y1: mutated files end in a task or in diagnostics, quickly.
  @Test func mutatedFilesNeverCrash() throws {
    let seeds = try ["prompt", "rag", "forest"].map {
      try Data(contentsOf: URL(fileURLWithPath: fixture("forms/\($0).yaml")))
    }
    let seed: UInt64 = .random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    let tokens = [
      "&a ", "*a", "[", "{", "]", "}", "- ", "? ", ": ", "\t", "\0", "\u{feff}", "|\n", ">\n", "!!int ", "<<: ", "'",
      "\"", "%", "---\n", "\u{85}", "1e999", ".nan", "$x", "{y}", "#", "\r", "\\",
    ]
    var read = 0
    var refused = 0
    for round in 0..<5000 {
      var bytes = [UInt8](seeds[round % seeds.count])
      for _ in 0..<Int(random.next() % 6 + 1) {
        let at = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 6 {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.remove(at: at)
        case 2: bytes.insert(contentsOf: tokens[Int(random.next() % UInt64(tokens.count))].utf8, at: at)
        case 3:
          bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 40)], at: Int(random.next() % UInt64(bytes.count)))
        case 4: bytes.removeSubrange(at..<min(bytes.count, at + Int(random.next() % 60)))
        default: bytes.swapAt(at, Int(random.next() % UInt64(bytes.count)))
        }
        if bytes.isEmpty { bytes = [0x61] }
      }
      do throws(TaskFileError) {
        _ = try TaskFile.parse(bytes, path: "t.yaml", directory: "/nowhere")
        read += 1
      } catch {
        refused += 1
        if error.diagnostics.isEmpty || error.description.isEmpty {
          Issue.record("nothing said, seed \(seed), round \(round)")
        }
      }
    }
    #expect(read > 50 && refused > 1000, "seed \(seed)")
  }

  @Test(arguments: [
    String(repeating: "[", count: 1_000_000), String(repeating: "- ", count: 500_000),
    String(repeating: "? ", count: 500_000),
    String(repeating: "{a: ", count: 200_000), "a: " + String(repeating: "x", count: 1_000_000),
    String(repeating: "&a ", count: 300_000),
    String(repeating: "a:\n ", count: 100_000), String(repeating: "'", count: 999_999),
    "\"" + String(repeating: "\\", count: 999_999),
    (0..<1100).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
    String(repeating: "\u{2028}", count: 300_000),
  ])
  func hugeAndDeepTextsAreRefusedSoon(_ text: String) {
    _ = try? YAMLReader.read([UInt8](text.utf8), file: "t.yaml")
  }

  @Test func aHundredMegabytesAreRefusedUnread() {
    let text = [UInt8](repeating: 0x78, count: 100 << 20)
    #expect(throws: Diagnostic.self) { try YAMLReader.read(text, file: "t.yaml") }
  }
}
