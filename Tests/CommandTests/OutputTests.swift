import HoneTrace
import Testing

@testable import hone_cli

@Suite struct OutputTests {
  /// L4 of the reliability catalogue: escapes, OSC 52, bidirectional overrides, invisible marks.
  @Test(arguments: [
    ("\u{1b}[31mred\u{1b}[0m", "[31mred[0m"), ("\u{1b}]52;c;aGk=\u{7}x", "]52;c;aGk=x"), ("a\u{202e}b\u{2066}c", "abc"),
    ("a\u{200b}b\u{feff}c\u{2060}", "abc"), ("tab\tline\nend", "tab\tline\nend"), ("a\rb\u{8}c\u{9b}31m", "abc31m"),
    (
      "e\u{301} \u{1f469}\u{200d}\u{1f4bb} \u{645}\u{6cc}\u{200c}\u{62e}",
      "e\u{301} \u{1f469}\u{200d}\u{1f4bb} \u{645}\u{6cc}\u{200c}\u{62e}"
    ),
    ("\u{e0041}tag", "tag"),
  ])
  func foreignTextIsInert(_ text: String, _ shown: String) { #expect(Printable.clean(text) == shown) }

  @Test func oneLine() {
    #expect(Printable.line("a\n\nb   c\t d\r\ne") == "a \\n \\n b c d \\n e")
    #expect(Printable.line("plain") == "plain")
  }

  @Test(arguments: [
    ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("👩‍💻", 2), ("", 0),
  ])
  func columns(_ text: String, _ width: Int) { #expect(Printable.width(text) == width) }

  @Test func cutting() {
    #expect(Printable.cut("abcdef", to: 6) == "abcdef")
    #expect(Printable.cut("abcdef", to: 5) == "abcd…")
    #expect(Printable.cut("日本語", to: 4) == "日…")
    #expect(Printable.cut("abc", to: 0) == "")
    #expect(Printable.pad("日", to: 4) == "日  ")
    #expect(Printable.pad("7", to: 3, right: true) == "  7")
  }

  @Test func wrapping() {
    let text = "   Purpose Sort a message, and reply with its name."
    #expect(
      Printable.wrapped(text, to: 30, indent: 11)
        == "   Purpose Sort a message, and\n           reply with its\n           name.")
    #expect(Printable.wrapped(text, to: 80, indent: 11) == text)
    let green = Style.good.apply("Purpose", if: true)
    #expect(
      Printable.wrapped("   \(green) Sort a message", to: 18, indent: 11) == "   \(green) Sort a\n           message")
    #expect(Printable.wrapped("Stop abcdefghij k", to: 8, indent: 5) == "Stop abcdefghij\n     k")
    #expect(Printable.wrapped("a\n\nb", to: 8, indent: 2) == "a\n\nb")
  }

  @Test func figures() {
    #expect(Format.count(1_234_567) == "1,234,567")
    #expect(Format.count(-1_000) == "-1,000")
    #expect(Format.count(999) == "999")
    #expect(Format.score(0.8125) == "0.812" || Format.score(0.8125) == "0.813")
    #expect(Format.score(12_345.678) == "1.235e+04")
    #expect(Format.gain(-0.0001) == "-0.0001")
    #expect(Format.gain(0) == "+0.000")
    #expect(Format.fixed(-0.0001, 2) == "0.00")
    #expect(Format.duration(2.14) == "2.1 s")
    #expect(Format.duration(371) == "6 min 11 s")
    #expect(Format.duration(7380) == "2 h 3 min")
    #expect(Format.plural(1, "trial") == "1 trial")
    #expect(Format.probability(0.0004) == "p < 0.001")
    #expect(Format.probability(0.0134) == "p = 0.013")
    #expect(
      [0, 0.0004, 0.05, 0.9512, 0.99951, 1].map(Format.share) == [
        "< 0.001", "< 0.001", "0.05", "0.951", "> 0.999", "> 0.999",
      ])
    #expect(
      [0.125, 41.5, 999.4, 1172.4, 12_345, -2000].map(Format.amount) == [
        "0.125", "41.5", "999.4", "1,172", "12,345", "-2,000",
      ])
  }

  @Test func wordDiff() {
    #expect(
      WordDiff("Answer in one word.", "Answer in exactly one word.").rendered(colored: false)
        == "Answer in {+exactly +}one word.")
    #expect(WordDiff("a b\nc", "a x\nc").rendered(colored: false) == "a [-b-]{+x+}\nc")
    #expect(WordDiff("", "new").rendered(colored: false) == "{+new+}")
    #expect(WordDiff("same", "same").parts.map(\.change) == [.same])
    let texts = ["", "a", "a b c", "c b a", "a\nb\n\nc", "  a  b ", "x y z a b c"]
    for old in texts {
      for new in texts {
        let parts = WordDiff(old, new).parts
        #expect(parts.filter { $0.change != .added }.map(\.text).joined() == old)
        #expect(parts.filter { $0.change != .removed }.map(\.text).joined() == new)
      }
    }
  }

  /// One line, whatever the texts are: with marks or colours, cut in the middle of nothing, the cut said.
  @Test func wordDiffOnOneLine() {
    let old = "You are a helpful clerk who reads messages. Sort this message.\nAnswer in one word."
    let new = "You are a helpful clerk who reads messages. Sort this message by what it asks.\nAnswer in one word."
    let diff = WordDiff(old, new)
    #expect(
      diff.excerpt(columns: 100, colored: false)
        == "… messages. Sort this [-message.-]{+message by what it asks.+} \\n Answer in …")
    #expect(
      diff.excerpt(columns: 100, colored: true).replacing(#/\u{1b}\[[0-9;]*m/#, with: "")
        == "… messages. Sort this message. message by what it asks. \\n Answer in …")
    #expect(WordDiff("a", "a").excerpt(columns: 40, colored: false) == "a")
    let words = (0..<200).map { "word\($0)" }
    for (a, b) in [
      ("", words.joined(separator: " ")), (words.joined(separator: " "), words.reversed().joined(separator: "\n")),
    ] {
      for columns in [20, 40, 80, 300] {
        for colored in [false, true] {
          let line = WordDiff(a, b).excerpt(columns: columns, colored: colored)
          let shown = line.replacing(#/\u{1b}\[[0-9;]*m/#, with: "")
          #expect(Printable.width(shown) <= max(columns, 40) && !shown.contains("\n"), "\(columns) \(shown)")
          #expect(shown.contains(#/ … [\d,]+ changed words? more$/#), "\(shown)")
        }
      }
    }
  }

  /// The longest common subsequence of words alone would take minutes and gigabytes here.
  @Test func wordDiffOfLongTextsIsBounded() {
    let old = (0..<10_000).map { "a\($0)" }
    let new = (0..<10_000).map { "b\($0)" }
    for separator in [" ", "\n"] {
      let (a, b) = (old.joined(separator: separator), "x " + new.joined(separator: separator))
      let parts = WordDiff(a, b).parts
      #expect(parts.filter { $0.change != .added }.map(\.text).joined() == a)
      #expect(parts.filter { $0.change != .removed }.map(\.text).joined() == b)
    }
    // A single word in the middle of a long text is still found.
    var changed = old
    changed[5_000] = "here"
    let found = WordDiff(old.joined(separator: " "), changed.joined(separator: " ")).parts.filter { $0.change != .same }
    #expect(found.map(\.text) == ["a5000 ", "here "])
    // So are lines, where too many words lie between the first change and the last.
    var lines = (0..<400).map { "line \($0) of a long text" }
    let before = lines.joined(separator: "\n")
    (lines[1], lines[398]) = ("first", "last")
    #expect(
      WordDiff(before, lines.joined(separator: "\n")).parts.filter { $0.change == .added }.map(\.text) == [
        "first\n", "last",
      ])
  }

  @Test func firstDifference() throws {
    let a: Value = ["trials": [["x": 1, "y": "a"], ["x": 2]], "z": true]
    #expect(JSONDifference.first(a, a) == nil)
    let b: Value = ["trials": [["x": 1, "y": "b"], ["x": 3]], "z": true]
    let found = try #require(JSONDifference.first(a, b))
    #expect(found.path == "$.trials[0].y")
    #expect(found.description == "$.trials[0].y was \"a\" and is \"b\"")
    #expect(JSONDifference.first(["a": [1]], ["a": [1, 2]])?.path == "$.a[1]")
    #expect(JSONDifference.first(["a": 1], ["b": 1])?.path == "$.a")
    #expect(JSONDifference.first(1, 1.0) == nil)
  }

  @Test func spreadsheetsRunNothing() {
    #expect(CSV.cell("=1+1") == "'=1+1")
    #expect(CSV.cell("@x") == "'@x")
    #expect(CSV.cell(-1) == "-1")
    #expect(CSV.row(["a,b", "say \"x\"", "two\nlines", "plain"]) == "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",plain")
  }

  @Test(arguments: [
    ("90", 90.0), ("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400),
  ])
  func times(_ text: String, _ seconds: Double) { #expect(Seconds(argument: text)?.value == seconds) }

  @Test(arguments: ["", "0", "-1", "s", "1x", "h1", "inf", "nan", "1h30"])
  func notTimes(_ text: String) { #expect(Seconds(argument: text) == nil) }

  @Test func addresses() {
    #expect(Address(argument: "a/17/3")?.description == "a/17/3")
    #expect(Address(argument: "a")?.trial == nil)
    for text in ["", "/1", "a/", "a/x", "a/-1", "a/1/2/3"] { #expect(Address(argument: text) == nil, "\(text)") }
  }

  @Test func colourRules() {
    func colored(_ color: Terminal.Color, _ environment: [String: String]) -> Bool {
      Terminal(descriptor: -1, color: color, plain: false, environment: environment).hasColor
    }
    #expect(!colored(.auto, ["TERM": "xterm"]))
    #expect(colored(.auto, ["TERM": "xterm", "CLICOLOR_FORCE": "1"]))
    #expect(!colored(.auto, ["TERM": "xterm", "CLICOLOR_FORCE": "0"]))
    #expect(!colored(.auto, ["TERM": "xterm", "CLICOLOR_FORCE": "1", "NO_COLOR": "1"]))
    #expect(colored(.auto, ["TERM": "xterm", "CLICOLOR_FORCE": "1", "NO_COLOR": ""]))
    #expect(colored(.always, ["NO_COLOR": "1", "TERM": "dumb"]))
    #expect(!colored(.never, ["CLICOLOR_FORCE": "1"]))
  }

  @Test(arguments: [
    (["--json", "list"], ["list", "--json"]),
    (["-q", "--color", "never", "tune", "t"], ["tune", "-q", "--color", "never", "t"]),
    (["--db", "x", "db", "check"], ["db", "check", "--db", "x"]), (["--help"], ["--help"]),
    (["list", "--json"], ["list", "--json"]),
    ([], []), (["--bogus"], ["--bogus"]),
  ])
  func leadingOptions(_ typed: [String], _ meant: [String]) { #expect(Main.leadingOptionsMoved(typed) == meant) }
}
