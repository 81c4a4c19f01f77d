import Foundation
import Hone
import HoneTrace
import Testing

@testable import HoneTasks

struct DataTests {
  /// A folder with files, removed afterwards.
  final class Folder {
    let path: String
    init(_ files: [String: String]) throws {
      path = FileManager.default.temporaryDirectory.path + "/hone-data-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name)) }
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  static func task(_ data: String, in folder: Folder, output: String = "label") throws -> TaskFile {
    let text = """
      version: 1
      study: s
      goal: { maximize: accuracy }
      data: \(data)
      workflow: { prompt: { user: "{text} $word" } }
      parameters: { word: { choice: [a, b] } }
      score: { exact_match: \(output) }
      """
    return try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: folder.path)
  }

  static func said(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing"
    } catch {
      return "\(error)"
    }
  }

  @Test func jsonLinesWithMarkAndCRLFAreRead() throws {
    let folder = try Folder([
      "t.jsonl": "\u{feff}{\"id\":\"a\",\"text\":\"x\",\"label\":\"l\"}\r\n\r\n{\"text\":\"y\",\"label\":\"l\"}\r\n",
      "v.jsonl": "{\"id\":7,\"text\":\"z\",\"label\":\"l\"}",
    ])
    let data = try Self.task("{ train: t.jsonl, validation: v.jsonl }", in: folder).loadData()
    #expect(data.train[0] == Example(id: "a", fields: ["id": "a", "text": "x", "label": "l"]))
    #expect(data.train[1].id == String(sha256(#"{"label":"l","text":"y"}"#).prefix(12)))
    #expect(data.validation.map(\.id) == ["7"])
  }

  @Test func everyBadRowIsNamedByItsLine() throws {
    let folder = try Folder([
      "t.jsonl":
        "{\"text\":\"x\",\"label\":\"l\"}\n{\"text\":\"y\",}\n[1]\n\n\"text\"\n{\"text\":\"a\",\"text\":\"b\"}\n"
    ])
    let said = Self.said { _ = try Self.task("{ train: t.jsonl }", in: folder).loadData() }
    for part in [
      "t.jsonl:2:13: not valid JSON", "t.jsonl:3:1: a row is a JSON object, found a list", "t.jsonl:5:1:",
      "t.jsonl:6:13: not valid JSON: key \"text\" stands twice",
    ] {
      #expect(said.contains(part), "\(part) in \(said)")
    }
  }

  /// What, where, why and what to do, each once.
  @Test func aRowThatIsNoObjectIsShown() throws {
    let folder = try Folder(["t.jsonl": "[\"x\", \"l\"]\r\n", "t.json": "[[1, 2]]"])
    let said = Self.said { _ = try Self.task("{ train: t.jsonl }", in: folder).loadData() }
    #expect(
      said == """
        error: \(folder.path)/t.jsonl:1:1: a row is a JSON object, found a list
          1 | ["x", "l"]
            | ^^^^^^^^^^
        hint: write each row as an object: {"text": "Where is my parcel?", "label": "delivery"}
        """)
    let json = Self.said { _ = try Self.task("{ train: t.json }", in: folder).loadData() }
    #expect(json.contains("t.json: row 1 is no JSON object, found a list: [1,2]\nhint: "), "\(json)")
  }

  @Test(arguments: ["t.jsonl", "t.json", "t.csv"])
  func otherEncodingsAreNamed(_ name: String) throws {
    let folder = try Folder([:])
    let path = folder.path + "/" + name
    try Data([UInt8]("text,label\ncaf".utf8) + [0xe9] + [UInt8](",l\n".utf8)).write(to: URL(fileURLWithPath: path))
    let said = Self.said { _ = try Self.task("{ train: \(name) }", in: folder).loadData() }
    #expect(
      said == """
        error: \(path):2:4: the line is not valid UTF-8
          2 | caf\u{fffd},l
            |    ^
        hint: save the file as UTF-8; if it is Latin-1: iconv -f ISO-8859-1 -t UTF-8
        """)
    try Data([0xff, 0xfe, 0x7b, 0x00]).write(to: URL(fileURLWithPath: path))
    let wide = Self.said { _ = try Self.task("{ train: \(name) }", in: folder).loadData() }
    #expect(wide == "error: \(path): is UTF-16, not UTF-8\nhint: convert it: iconv -f UTF-16 -t UTF-8")
  }

  /// The path stands once, and each has a hint.
  @Test(arguments: [
    ("gone.jsonl", TaskFileError.Kind.missing, "does not exist"), ("folder.jsonl", .invalid, "is a folder"),
    ("pipe.jsonl", .invalid, "is a device, a pipe or a socket, not a file"),
  ])
  func filesThatAreNone(_ name: String, _ kind: TaskFileError.Kind, _ reason: String) throws {
    let folder = try Folder([:])
    let path = folder.path + "/" + name
    if name.hasPrefix("folder") {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    } else if name.hasPrefix("pipe") {
      mkfifo(path, 0o600)
    }
    let data = #expect(throws: DataError.self) {
      try Self.task("{ train: \(name) }", in: folder).loadData()
    }
    let task = #expect(throws: TaskFileError.self) { try TaskFile.load(path: path) }
    for (foundKind, diagnostics) in [(data?.kind, data?.diagnostics), (task?.kind, task?.diagnostics)] {
      #expect(foundKind == kind)
      let text = diagnostics?.map(\.description).joined(separator: "\n") ?? ""
      #expect(text.hasPrefix("error: \(path): \(reason)\nhint: "), "\(text)")
      #expect(text.components(separatedBy: path).count == 2, "\(text)")
    }
  }

  @Test func oneBadLineOfMany() throws {
    var lines = (0..<20_000).map { "{\"id\":\"\($0)\",\"text\":\"t\",\"label\":\"l\"}" }
    lines[12_344] = "{\"id\": oops}"
    let folder = try Folder(["t.jsonl": lines.joined(separator: "\n")])
    #expect(Self.said { _ = try Self.task("{ train: t.jsonl }", in: folder).loadData() }.contains("t.jsonl:12345:8:"))
  }

  @Test func csvIsReadByTheStandard() throws {
    var reader = CSVReader([UInt8]("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n,\n3,4".utf8), file: "f.csv")
    let rows = reader.rows()
    #expect(rows.map(\.fields) == [["a": "1", "b": "x, \"y\"\nz"], ["a": "", "b": ""], ["a": "3", "b": "4"]])
    #expect(rows.map(\.line) == [2, 4, 5])
    #expect(reader.problems.isEmpty)
  }

  @Test(arguments: [
    ("a,a\n1,2", "f.csv:1:1: the column \"a\" stands twice"),
    ("a,b\n1", "f.csv:2:1: the row has 1 fields, the header has 2"),
    ("a\n\"x", "f.csv:2:1: a quoted field is not closed"),
    ("a\n\"x\"y", "f.csv:2:1: text stands behind a closing quote"),
    ("a\nx\"y", "f.csv:2:1: a quote stands inside a field"), ("a,\n1,2", "f.csv:1:1: column 2 has no name"),
  ])
  func csvMistakesAreNamedByLine(_ text: String, _ expected: String) {
    var reader = CSVReader([UInt8](text.utf8), file: "f.csv")
    _ = reader.rows()
    #expect(reader.problems.first?.description.contains(expected) == true, "\(reader.problems)")
  }

  /// Any table survives writing by the standard and reading.
  @Test func csvRoundTrips() {
    let seed: UInt64 = .random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for _ in 0..<300 {
      let table = (0..<4).map { _ in
        (0..<3).map { _ in
          String((0..<Int(random.next() % 6)).map { _ in "ab,\"\n\r é".randomElement(using: &random) ?? "a" })
        }
      }
      let text =
        (["x,y,z"] + table.map { $0.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",") })
        .joined(separator: "\r\n")
      var reader = CSVReader([UInt8](text.utf8), file: "f.csv")
      let read = reader.rows().map { row in ["x", "y", "z"].map { row.fields[$0]?.string ?? "" } }
      #expect(read == table, "seed \(seed)")
    }
  }

  @Test func jsonFilesHoldAListOrExamples() throws {
    let rows = #"[{"text":"x","label":"l"},{"text":"y","label":"l"}]"#
    let folder = try Folder([
      "t.json": rows, "v.json": #"{"examples":[{"text":"z","label":"l"}]}"#, "w.json": #"{"rows":1}"#,
      "b.json": "[{},\n {\"a\" 1}]",
    ])
    let data = try Self.task("{ train: t.json, validation: v.json }", in: folder).loadData()
    #expect(data.train.count == 2 && data.validation.count == 1)
    #expect(
      Self.said { _ = try Self.task("{ train: w.json }", in: folder).loadData() }.contains(
        "expected a list of rows, found an object"))
    #expect(
      Self.said { _ = try Self.task("{ train: b.json }", in: folder).loadData() }.contains("b.json:2:7: not valid JSON")
    )
  }

  @Test func fieldsAreMappedAndMissingOnesNamed() throws {
    let folder = try Folder(["t.csv": "Body,Class\nhello,l\nbye,m\n", "v.csv": "Body,Class\nhi,l\n"])
    let mapped = "{ train: t.csv, validation: v.csv, fields: { text: Body, label: Class } }"
    let data = try Self.task(mapped, in: folder).loadData()
    #expect(data.train[0].fields["text"] == "hello" && data.train[1].fields["label"] == "m")
    let said = Self.said {
      _ = try Self.task("{ train: t.csv, validation: v.csv, fields: { text: Body } }", in: folder).loadData()
    }
    #expect(said.contains("task.yaml:7:23: score.exact_match: the data has no field \"label\""), "\(said)")
    let typo = Self.said {
      _ = try Self.task("{ train: t.csv, validation: v.csv, fields: { text: Boby } }", in: folder).loadData()
    }
    #expect(typo.contains("t.csv:2:1: the row has no field \"Boby\"") && typo.contains("did you mean Body?"))
  }

  @Test func idsDifferOverAllFiles() throws {
    let folder = try Folder([
      "t.jsonl": "{\"text\":\"x\",\"label\":\"l\"}", "v.jsonl": "\n{\"text\":\"x\",\"label\":\"l\"}",
    ])
    let said = Self.said { _ = try Self.task("{ train: t.jsonl, validation: v.jsonl }", in: folder).loadData() }
    #expect(said.contains("v.jsonl:2:1: the id") && said.contains("first in t.jsonl:1"))
  }

  @Test func oneFileIsSplitTheSameEveryTime() throws {
    let lines = (0..<100).map { "{\"id\":\"\($0)\",\"text\":\"t\",\"label\":\"l\"}" }.joined(separator: "\n")
    let folder = try Folder(["t.jsonl": lines])
    func split(_ seed: Int) throws -> DataSplits {
      try Self.task("{ train: t.jsonl, split: { train: 0.5, validation: 0.3, test: 0.2, seed: \(seed) } }", in: folder)
        .loadData()
    }
    let data = try split(1)
    #expect(try split(1) == data)
    #expect(try split(2) != data)
    let counts: [Int] = [data.train.count, data.validation.count, data.test.count]
    #expect(counts == [50, 30, 20] as [Int])
    #expect(Set((data.train + data.validation + data.test).map(\.id)).count == 100)
  }

  /// Y4: paths that are no files, and links that lead out unseen.
  @Test func devicesFoldersAndHiddenLinksAreRefused() throws {
    let folder = try Folder(["v.jsonl": "{\"text\":\"x\",\"label\":\"l\"}"])
    mkfifo(folder.path + "/pipe.jsonl", 0o600)
    let pipe = Self.said { _ = try Self.task("{ train: pipe.jsonl, validation: v.jsonl }", in: folder).loadData() }
    #expect(pipe.contains("is a device, a pipe or a socket, not a file"))
    for path in ["/dev/zero", "/dev/stdin"] {
      #expect(throws: DataError.self) {
        try Self.task("{ train: \(path), validation: v.jsonl }", in: folder).loadData()
      }
    }
    #expect(
      Self.said { _ = try Self.task("{ train: ., validation: v.jsonl }", in: folder).loadData() }.contains(
        "is a folder"))
    #expect(
      Self.said { _ = try Self.task("{ train: gone.jsonl, validation: v.jsonl }", in: folder).loadData() }.contains(
        "does not exist"))
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/link.jsonl", withDestinationPath: "/etc/passwd")
    let link = Self.said { _ = try Self.task("{ train: link.jsonl, validation: v.jsonl }", in: folder) }
    #expect(link.contains("leads out of the task file's folder through a link") && link.contains("/etc/passwd"))
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/in.jsonl", withDestinationPath: "v.jsonl")
    #expect(
      try Self.task("{ train: in.jsonl, split: { train: 0, validation: 1, test: 0 } }", in: folder).loadData()
        .validation.count == 1)
  }
}
