/// What a proposer is shown of some rollouts: their minimal subgraphs as text, one string a section.
///
/// The same traces give the same bytes, whatever the order in which parallel steps happened to end: nodes stand in an
/// execution order that the graph alone decides, and are numbered in it. Rollouts of one shape share their code. Values
/// are JSON on one line each, so nothing that came from data can look like a section or another line.
///
/// Sections stay within the cap at any size of the graph: long values are shortened first, then the steps farthest from
/// both outputs and parameters are folded, with their number shown. Variables, constraints and feedback are never cut; if
/// these alone are over the cap, they stay, and `estimatedTokens` says so.
public struct TraceSummary: Sendable {
  /// One line an operation: `answer0 = answer(instruction, question0)`.
  public var code = ""
  /// What the operations do, one line a name.
  public var documentation = ""
  /// The parameters and their values.
  public var variables = ""
  /// What each parameter may be, and its description.
  public var constraints = ""
  /// Inputs, constants and other values that no parameter decides.
  public var inputs = ""
  /// Intermediate values.
  public var others = ""
  /// Values that feedback is about.
  public var outputs = ""
  /// The feedback, with scores.
  public var feedback = ""

  /// - Parameters:
  ///   - rollouts: traces with their feedback, and the name of the example each ran on; numbered from 1 in this order.
  ///   - assignment: what the rollouts ran under; parameters without a value in it are not shown.
  ///   - tokenCap: by the measure of `Tokens.estimate`.
  /// - Complexity: O(V+E) over all traces, plus the length of the result.
  public init(
    _ rollouts: [(example: String, trace: Trace)], space: Space, assignment: Assignment, tokenCap: Int
  ) {
    let active = space.parameters.filter { assignment[$0.name] != nil }
    variables = Self.lines(active.map { Self.variable($0, in: assignment) })
    constraints = Self.lines(active.map(Self.constraint))

    let reserved = Set(space.parameters.map(\.name))
    let groups = SummaryGroup.groups(of: rollouts.map(\.trace), reserved: reserved)
    feedback = Self.lines(groups.flatMap(\.feedback).sorted { $0.rollout < $1.rollout }.map(\.line))
    let fixed = [variables, constraints, feedback].reduce(0) { $0 + $1.utf8.count }
    let budget = Int(Double(max(0, tokenCap)) * Tokens.bytesPerToken) - fixed
    var layout = SummaryLayout(groups: groups, examples: rollouts.map(\.example), budget: budget)
    layout.fit()
    layout.write(to: &self)
  }

  /// Tokens of all sections together.
  public var estimatedTokens: Int {
    Tokens.estimate(
      bytes: [code, documentation, variables, constraints, inputs, others, outputs, feedback]
        .reduce(0) { $0 + $1.utf8.count })
  }

  static func lines(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  private static func variable(_ parameter: ParameterSpec, in assignment: Assignment) -> String {
    "\(symbol(parameter.name)) = \((assignment[parameter.name] ?? .null).quotedLine)"
  }

  private static func constraint(_ parameter: ParameterSpec) -> String {
    let description = parameter.description.isEmpty ? "" : " " + parameter.description.onOneLine
    var line = "\(symbol(parameter.name)): \(parameter.domain.constraint.onOneLine).\(description)"
    if case .code(let domain) = parameter.domain {
      for name in domain.alternatives.keys.sorted() {
        line += "\n  \(symbol(name)) is \(Value.string(domain.alternatives[name] ?? "").quotedLine)"
      }
    }
    return line
  }

  /// A name as it stands; in quotes when it is no plain word, so that it cannot be taken for anything else.
  static func symbol(_ name: String) -> String {
    name.isPlainWord ? name : Value.string(name).quotedLine
  }
}

extension Value {
  /// Canonical JSON on one line whatever a reader takes for a line break.
  var quotedLine: String {
    let json = canonicalJSON
    guard json.utf8.contains(where: { $0 == 0xe2 || $0 == 0xc2 || $0 == 0x7f }) else { return json }
    var out = ""
    for scalar in json.unicodeScalars {
      switch scalar.value {
      case 0x7f...0x9f, 0x2028, 0x2029: out += "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst()
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// The same, cut to about `limit` bytes, with the cut shown.
  func quotedLine(limit: Int) -> String {
    if case .string(let text) = self, text.utf8.count > limit {
      let kept = String(text.cut(toBytes: limit))
      return "\(Value.string(kept).quotedLine)… (\(text.utf8.count - kept.utf8.count) more bytes)"
    }
    let line = quotedLine
    guard line.utf8.count > limit + 2 else { return line }
    let kept = line.cut(toBytes: limit)
    return "\(kept)… (\(line.utf8.count - kept.utf8.count) more bytes)"
  }
}

extension String {
  /// White space of any kind becomes one space.
  var onOneLine: String {
    split(whereSeparator: { $0.isWhitespace || $0.isNewline }).joined(separator: " ")
  }

  /// Letters, digits, `_`, `-` and `.` only.
  var isPlainWord: Bool {
    !isEmpty && utf8.allSatisfy(\.isWordByte)
  }
}

extension UInt8 {
  var isWordByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
