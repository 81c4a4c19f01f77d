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
    #expect(
      [9.5, 41.26, 240.2916666, 12_345.678, 1e18, 0.000123456].map(Format.score) == [
        "9.500", "41.26", "240.3", "12,346", "1e+18", "0.0001235",
      ])
    #expect(
      [-0.0001, -8.154e-05, 0.0006, 3e-9, 0, 0.25].map { Format.gain($0) } == [
        "-0.0001", "-0.0001", "+0.0006", "+3e-09", "+0.000", "+0.250",
      ])
    // What adding in another order leaves is no gain; of figures that small it is one.
    #expect(Format.gain(3.469e-18, between: 0.0416, and: 0.0416) == "+0.000")
    #expect(Format.difference(-3.469e-18, between: 0.0416) == "0.000")
    #expect(Format.gain(3.469e-18, between: 4e-18, and: 1e-18) == "+3e-18")
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
    // The same marks under colours: red alone says nothing to who does not see it.
    for columns in [30, 60, 100] {
      let colored = diff.excerpt(columns: columns, colored: true)
      #expect(colored.contains("\u{1b}[31m[-") && colored.contains("\u{1b}[32m{+"))
      #expect(Self.plain(colored) == diff.excerpt(columns: columns, colored: false))
      #expect(Self.plain(diff.rendered(colored: true)) == diff.rendered(colored: false))
    }
    #expect(WordDiff("a", "a").excerpt(columns: 40, colored: false) == "a")
    let words = (0..<200).map { "word\($0)" }
    for (a, b) in [
      ("", words.joined(separator: " ")), (words.joined(separator: " "), words.reversed().joined(separator: "\n")),
    ] {
      for columns in [20, 40, 80, 300] {
        let line = WordDiff(a, b).excerpt(columns: columns, colored: false)
        #expect(Printable.width(line) <= max(columns, 30) && !line.contains("\n"), "\(columns) \(line)")
        #expect(line.contains(#/ … [\d,]+ (words? )?more$/#), "\(line)")
      }
    }
  }

  private static func plain(_ text: String) -> String { text.replacing(#/\u{1b}\[[0-9;]*m/#, with: "") }

  /// Wherever the change is and however little room there is, some of it is seen, with `…` where text is left out.
  @Test func wordDiffIsCutAroundTheChange() {
    let words = (0..<60).map { "word\($0)" }
    for place in [0, 1, 30, 58, 59] {
      for (removed, added) in [(["word\(place)"], ["other"]), (["word\(place)"], []), ([], ["put", "in", "between"])] {
        var new = words
        new.replaceSubrange(place..<(place + removed.count), with: added)
        let diff = WordDiff(words.joined(separator: " "), new.joined(separator: " "))
        for columns in [30, 40, 60, 100] {
          let line = diff.excerpt(columns: columns, colored: false)
          #expect(Printable.width(line) <= columns, "\(columns) \(line)")
          #expect(line.contains(#/\[-\S+|\{\+\S+/#), "\(columns) \(line)")
          #expect(line.hasPrefix("…") == (place > 3) || place <= 3, "\(line)")
          #expect(line.hasSuffix("…") || line.hasSuffix("more") || place > 55, "\(line)")
        }
      }
    }
    let long = WordDiff(
      "You are a clerk with long experience. Sort it.",
      "You are a clerk with long experience. Sort it by what it asks for.")
    #expect(long.excerpt(columns: 44, colored: false) == "… Sort [-it.-]{+it by what it asks for.+}")
    // What the words beside it leave no room for was shown as no change at all.
    #expect(long.excerpt(columns: 30, colored: false).contains("[-it.-]{+"))
  }

  @Test func spaceThatAloneChangedIsSeen() {
    for (old, new, shown) in [
      ("sort it ", "sort it", "sort it[-·-]"), ("sort it", "sort it\n", "sort it{+↵+}"), ("a b", "a  b", "a {+·+}b"),
      ("a \nb", "a\nb", "a[-·-]\nb"), ("a\tb", "a b", "[-a\tb-]{+a b+}"),
    ] {
      let diff = WordDiff(old, new)
      #expect(diff.rendered(colored: false) == shown)
      #expect(diff.excerpt(columns: 60, colored: false).contains(#/[·↵\t]|a b/#))
      #expect(diff.parts.filter { $0.change != .added }.map(\.text).joined() == old)
      #expect(diff.parts.filter { $0.change != .removed }.map(\.text).joined() == new)
    }
    #expect(WordDiff("sort it ", "sort it").rendered(colored: false, isRaw: true) == "sort it[- -]")
  }

  /// A change is never shown as `X -> X`.
  @Test func changesAreToldApart() {
    let changes: [(old: Value, new: Value, shown: String)] = [
      (Value.double(1000), Value.double(1000.4), "C 1000 -> 1000.4"), (0.25, 0.5, "C 0.25 -> 0.5"),
      (.double(12_345.25), .double(12_346), "C 12345 -> 12346"),
      (.double(0.1), .double(0.1000001), "C 0.1 -> 0.1000001"),
      (
        .double(1000), .double(999.9999999999998),
        "C 1000 -> 999.9999999999998 (the same to 14 digits)"
      ), ("Sort it.", "Sort it. ", #"C "Sort it." -> "Sort it. ""#), ("a", "a\n", #"C "a" -> "a\n""#),
      (
        ["a", .string(String(repeating: "b", count: 60)), 1], ["a", .string(String(repeating: "b", count: 60)), 2],
        #"C …bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",1] -> …bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",2]"#
      ),
    ]
    for (old, new, shown) in changes {
      #expect(Changes.Change(parameter: "C", old: old, new: new).line() == shown)
    }
  }
  /// On a narrow terminal what does not fit stands below, and nothing is cut.
  @Test func changesOfNumbersGoOnBelow() {
    let space = Space(
      ["penalty", "gamma", "tolerance", "kernel"].map {
        ParameterSpec(name: $0, domain: .float(FloatDomain(0...1000)), initial: 0.5)
      })
    let values: [String: Value] = ["penalty": 999.9999999999998, "gamma": 0.0001, "tolerance": 0.02, "kernel": 0.5]
    var old = values
    old["penalty"] = 1000
    old["gamma"] = 0.25
    old["tolerance"] = 0.125
    let changes = Changes(from: Assignment(old), to: Assignment(values), base: 3, space: space)
    let items = changes.items(namingTexts: true)
    #expect(items == ["gamma 0.25 -> 0.0001", "tolerance 0.125 -> 0.02"])
    #expect(Changes.lines("0.500  gp from 3", items, columns: 80).count == 1)
    #expect(
      Changes.lines("0.500  gp from 3", items, columns: 40) == [
        "0.500  gp from 3", "gamma 0.25 -> 0.0001", "tolerance 0.125 -> 0.02",
      ])
    #expect(Changes.lines("0.500  gp from 3", items, columns: 48).last == items.joined(separator: "  "))
    let same = Changes(
      from: Assignment(["penalty": 1000]), to: Assignment(["penalty": 999.9999999999998]), base: 3, space: space)
    #expect(same.items(namingTexts: true) == ["unchanged to 14 digits"])
  }

  @Test func linesOfSeveralExamplesAreFolded() {
    let lines = [
      "#Inputs", "[1] a0 = 8", "[2] a0 = 8", "[3] a0 = 9", "[1] b0 = 1", "[2] b0 = 1", "[4] b0 = 1", "[x] c", "",
    ]
    #expect(
      ReflectionView.folded(lines.map { $0[...] }) == [
        "#Inputs", "[1-2] a0 = 8", "[3] a0 = 9", "[1-2] b0 = 1", "[4] b0 = 1", "[x] c", "",
      ])
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
