import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

@Suite struct CassetteTests {
  static func record(_ number: Int, reply: String = "Antwort \"ü\"\n") -> CallRecord {
    let body: Value = ["model": "m", "messages": [["role": "user", "content": .string("question \(number)")]]]
    var record = CallRecord(
      key: "", alias: "a", path: "chat/completions", request: body, repeat: 0, sample: 0, status: 200,
      response: ["choices": [["message": ["content": .string(reply)], "finish_reason": "stop"]]],
      usage: Usage(promptTokens: 10 + number, completionTokens: 3, cost: 0.25, estimated: number % 2 == 0),
      seconds: 0.125, attempts: 2, role: "workflow")
    record.key = record.computedKey
    return record
  }

  @Test func whatWasAppendedIsFoundAgain() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let cassette = try Cassette(path: path)
      for number in 0..<5 { try await cassette.append(Self.record(number)) }
      for reopened in [cassette, try Cassette(path: path), try Cassette(path: path, writable: false)] {
        #expect(reopened.count == 5 && reopened.warnings.isEmpty)
        for number in 0..<5 {
          #expect(try await reopened.call(for: Self.record(number).key) == Self.record(number))
        }
        #expect(try await reopened.call(for: "0") == nil)
        #expect(try await reopened.calls(path: "chat/completions", limit: 3).count == 3)
        #expect(try await reopened.calls(path: "embeddings", limit: 3).isEmpty)
        #expect(try reopened.all() == (0..<5).map { Self.record($0) })
      }
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(
        text.hasPrefix("{\"hone\":\"cassette\",\"version\":1}\n{\"key\":\"\(Self.record(0).key)\",\"alias\":\"a\","))
      #expect(text.split(separator: "\n").count == 6)
    }
  }

  @Test func filesAreForTheirOwnerOnly() async throws {
    try await withFolder { folder in
      let before = umask(0)
      defer { umask(before) }
      let cassette = try Cassette(path: "\(folder)/c.jsonl")
      try await cassette.append(Self.record(0))
      let mode = try FileManager.default.attributesOfItem(atPath: cassette.path)[.posixPermissions] as? NSNumber
      #expect(mode?.intValue == 0o600)
    }
  }

  @Test func aKnownKeyStaysUnlessReplaced() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let cassette = try Cassette(path: path)
      let (old, new) = (Self.record(1, reply: "old"), Self.record(1, reply: "new"))
      try await cassette.append(old)
      try await cassette.append(new)
      #expect(try await cassette.call(for: old.key) == old)
      try await cassette.replace(new)
      #expect(try await cassette.call(for: old.key) == new)
      #expect(try await Cassette(path: path).call(for: old.key) == new)
      #expect(try Cassette(path: path).all() == [new])
    }
  }

  @Test func manyAtOnceAreAllThere() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let cassettes = [try Cassette(path: path), try Cassette(path: path)]
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<200 { group.addTask { try await cassettes[number % 2].append(Self.record(number)) } }
        try await group.waitForAll()
      }
      let reopened = try Cassette(path: path)
      #expect(reopened.count == 200)
      for number in 0..<200 { #expect(try await reopened.call(for: Self.record(number).key) == Self.record(number)) }
      #expect(try await cassettes[0].call(for: Self.record(0).key) == Self.record(0))
    }
  }

  /// Cut after every byte: what is there is whole, the rest is gone with a warning, and it goes on.
  @Test func aFileTornAtEveryByteOpensWithWhatIsWhole() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let records = (0..<3).map { Self.record($0) }
      let cassette = try Cassette(path: path, logger: nil)
      for record in records { try await cassette.append(record) }
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
      let ends = bytes.indices.filter { bytes[$0] == 0x0a }
      for cut in 0...bytes.count {
        try Data(bytes[..<cut]).write(to: URL(fileURLWithPath: path))
        // A record without its line feed is whole as well.
        let lines = ends.filter { $0 <= cut }.count
        let isTorn = cut > 0 && !ends.contains(cut) && !ends.contains(cut - 1)
        if cut == 0 || lines == 0 {
          #expect(throws: CassetteError.self, "cut \(cut)") { try Cassette(path: path, writable: false, logger: nil) }
        } else {
          let reader = try Cassette(path: path, writable: false, logger: nil)
          #expect(reader.count == max(0, lines - 1), "cut \(cut)")
          #expect(reader.warnings.isEmpty == !isTorn, "cut \(cut)")
        }
        let opened = try Cassette(path: path, logger: nil)
        #expect(opened.count == max(0, lines - 1), "cut \(cut)")
        #expect(opened.warnings.isEmpty == !isTorn, "cut \(cut)")
        try await opened.append(records[2])
        let again = try Cassette(path: path, writable: false, logger: nil)
        #expect(again.warnings.isEmpty, "cut \(cut)")
        for record in try again.all() { #expect(records.contains(record), "cut \(cut)") }
        #expect(try await again.call(for: records[2].key) == records[2], "cut \(cut)")
      }
    }
  }

  @Test func aDamagedLineInTheMiddleIsNamed() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let cassette = try Cassette(path: path)
      for number in 0..<3 { try await cassette.append(Self.record(number)) }
      var lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
      lines[2] = "what is this"
      try lines.joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
      #expect {
        try Cassette(path: path)
      } throws: {
        let error = $0 as? CassetteError
        return error?.kind == .corrupt && error?.line == 3 && error?.message.contains("line 3") == true
      }
    }
  }

  /// Damage inside a line is found when the record is asked for, never returned as something else.
  @Test func aLineDamagedInsideIsNamedWhenRead() async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      let cassette = try Cassette(path: path)
      for number in 0..<3 { try await cassette.append(Self.record(number)) }
      let text = try String(contentsOfFile: path, encoding: .utf8)
      let damaged = text.replacingOccurrences(of: "\"attempts\":2,\"path\"", with: "\"attempts\":x,\"path\"")
      #expect(damaged != text)
      try damaged.write(toFile: path, atomically: false, encoding: .utf8)
      let opened = try Cassette(path: path, writable: false)
      await #expect {
        _ = try await opened.call(for: Self.record(1).key)
      } throws: {
        ($0 as? CassetteError)?.kind == .corrupt && ($0 as? CassetteError)?.line == 3
      }
    }
  }

  @Test(arguments: [
    "hello\n", "{}\n", "{\"hone\":\"trace\",\"version\":1}\n", "{\"hone\":\"cassette\",\"version\":2}\n", "\n", "\u{0}",
    "SQLite format 3\u{0}", "{\"hone\":\"cassette\",\"version\":\"1\"}",
  ])
  func foreignFilesAreRefusedAndLeftAlone(_ text: String) async throws {
    try await withFolder { folder in
      let path = "\(folder)/c.jsonl"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      for writable in [true, false] {
        #expect {
          try Cassette(path: path, writable: writable)
        } throws: {
          ($0 as? CassetteError)?.kind == .foreign
        }
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(text.utf8))
    }
  }

  @Test func whatCannotBeOpenedSaysWhy() async throws {
    try await withFolder { folder in
      #expect {
        try Cassette(path: "\(folder)/none.jsonl", writable: false)
      } throws: {
        ($0 as? CassetteError)?.kind == .notFound && "\($0)".contains("none.jsonl")
      }
      #expect { try Cassette(path: folder, writable: false) } throws: { ($0 as? CassetteError)?.kind == .foreign }
      let cassette = try Cassette(path: "\(folder)/c.jsonl")
      let reader = try Cassette(path: cassette.path, writable: false)
      await #expect {
        try await reader.append(Self.record(0))
      } throws: {
        ($0 as? CassetteError)?.kind == .readOnly
      }
    }
  }

  @Test func theKeyIsWhatTheFormatPageSays() throws {
    let body: Value = ["model": "m", "temperature": 0.0, "n": 1.5]
    let id = CallKey(alias: "a", path: "chat/completions", body: body)
    // sha256 of {"alias":"a","body":{"model":"m","n":1.5,"temperature":0},"path":"chat/completions","repeat":2,"sample":3,"version":1}
    #expect(id.key(repeat: 2, sample: 3) == "cf1a6d126b6695f4874e477069261436e90100aacdee38ac4a1484eb7dd24355")
    #expect(id.key(repeat: 2, sample: 3) != id.key(repeat: 3, sample: 2))
    let whole: Value = ["model": "m", "temperature": 0, "n": 1.5]
    #expect(CallKey(alias: "a", path: "chat/completions", body: whole).fingerprint == id.fingerprint)
    for other in [
      CallKey(alias: "b", path: "chat/completions", body: body), CallKey(alias: "a", path: "messages", body: body),
    ] { #expect(other.fingerprint != id.fingerprint) }
  }
}
