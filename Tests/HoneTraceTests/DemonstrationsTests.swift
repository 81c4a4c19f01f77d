import Foundation
import HoneTrace
import Testing

@Suite struct DemonstrationsTests {
  static let two = Demonstrations([
    Demonstration(inputs: ["text": "I lost my card", "n": 3], output: "lost_card"),
    Demonstration(inputs: ["text": "line\nbreak, \u{2028} \"quote\" and {brace}"], output: ""),
  ])

  @Test func linesAreReadBackAsTheyWere() throws {
    let lines = Self.two.lines
    #expect(lines.split(separator: "\n").count == 2)
    #expect(Demonstrations(lines: lines) == Self.two && Demonstrations(parameterValue: .string(lines)) == Self.two)
    #expect(Demonstrations(lines: "") == [] && Demonstrations(lines: "\n \n")?.list.isEmpty == true)
    let domain = Domain.demonstrations()
    #expect(try domain.accept(Self.two.parameterValue) == .string(lines))
    #expect(try domain.accept("") == "")
  }

  @Test(arguments: [
    "text: hello", "{}", "[]", #"{"inputs": {}}"#, #"{"inputs": [], "output": "o"}"#, #"{"inputs": {}, "output": 5}"#,
    #"{"inputs": {}, "output": "o", "more": 1}"#, #"{"inputs": {}, "output": "o"} x"#,
    #"{"inputs": {}, "output": "o"}{"inputs": {}, "output": "o"}"#,
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(Demonstrations(lines: text) == nil)
    #expect(throws: Rejection.self) { try Domain.demonstrations().accept(.string(text)) }
  }

  @Test func anExampleIsNotShownToItself() {
    let shown = Self.two.without(["text": "I lost my card", "n": 3, "label": "lost_card"])
    #expect(shown.list == [Self.two.list[1]])
    #expect(Self.two.without(["text": "I lost my card", "n": 4]) == Self.two)
    #expect(Self.two.without(.null) == Self.two)
    // An input that is not given now is another one; one without inputs shows no example in particular.
    #expect(Self.two.without(["text": "I lost my card"]) == Self.two)
    let general = Demonstrations([Demonstration(inputs: [:], output: "hello")])
    #expect(general.without(["text": "I lost my card"]) == general && general.without([:]) == general)
  }

  @Test func theyAreNoTemplate() {
    let templated = TextDomain(placeholders: ["text"], optionalPlaceholders: nil, minLength: 0, role: .demonstrations)
    let space = Space([ParameterSpec(name: "shots", domain: .text(templated), initial: "")])
    #expect(throws: SpaceError.self) { try space.check() }
    #expect(!Domain.text(TextDomain()).holdsDemonstrations && Domain.demonstrations().holdsDemonstrations)
  }

  /// A text without a role is stored as it was before there were roles.
  @Test func rolesAreStoredOnlyWhereThereAreAny() throws {
    func stored(_ domain: Domain) throws -> String { String(decoding: try JSONEncoder().encode(domain), as: UTF8.self) }
    let (plain, shots) = (try stored(.text(TextDomain())), try stored(.demonstrations()))
    #expect(!plain.contains("role") && shots.contains("role"))
  }

  @Test func aSwiftWorkflowDeclaresThem() throws {
    let workflow = Labelling()
    let space = try Space(of: workflow)
    #expect(space["shots"]?.domain == .demonstrations(maxLength: 500) && space["shots"]?.initial == "")
    let assignment = try space.accept(["shots": .string(DemonstrationsTests.two.lines)])
    TraceContext.$current.withValue(TraceContext(assignment: assignment)) {
      #expect(workflow.shots == DemonstrationsTests.two)
    }
    #expect(workflow.shots == [])
  }
}

private struct Labelling: Parameterized {
  @Parameter("Worked examples.", length: 500) var shots: Demonstrations = []
}
