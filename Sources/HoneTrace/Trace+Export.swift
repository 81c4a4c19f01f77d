extension Trace {
  /// The version of the format that `json` writes; see Documentation/Formats/trace.md.
  public static let formatVersion = 1

  /// The trace as canonical JSON: equal traces have equal bytes.
  public var json: String {
    Value.object([
      "version": .int(Self.formatVersion), "nodes": .array(nodes.map(\.asValue)),
      "feedback": .array(feedback.map(\.asValue)),
    ]).canonicalJSON
  }

  /// The graph for Graphviz: parameters as boxes filled blue, inputs and constants as plain boxes, steps as ellipses,
  /// failures red, feedback as notes.
  public var dot: String {
    var lines = ["digraph trace {", "  rankdir=LR;", "  node [fontname=\"sans-serif\"];"]
    for (index, node) in nodes.enumerated() {
      let value = node.value.canonicalJSON
      let shown = value.utf8.count > 60 ? value.cut(toBytes: 60) + "…" : value[...]
      lines.append("  n\(index) [label=\(Self.quoted("\(node.name)\n\(shown)")), \(node.kind.style)];")
    }
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { lines.append("  n\(input) -> n\(index);") }
      if let parent = node.parent { lines.append("  n\(index) -> n\(parent) [style=dotted, arrowhead=none];") }
    }
    for (index, feedback) in feedback.enumerated() {
      lines.append("  f\(index) [label=\(Self.quoted(feedback.text)), shape=note];")
      lines.append("  n\(feedback.node) -> f\(index) [style=dashed];")
    }
    return (lines + ["}", ""]).joined(separator: "\n")
  }

  /// A DOT string: quotes and backslashes escaped, line breaks as `\n`.
  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\0"..<" ": out += " "
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

extension Trace.Node.Kind {
  fileprivate var style: String {
    switch self {
    case .parameter: "shape=box, style=filled, fillcolor=\"#cfe2ff\""
    case .input, .constant: "shape=box"
    case .step: "shape=ellipse"
    case .failure: "shape=ellipse, style=filled, fillcolor=\"#f8d7da\""
    }
  }
}

extension Trace.Node {
  fileprivate var asValue: Value {
    var members: [String: Value] = [
      "kind": .string(kind.rawValue), "name": .string(name), "inputs": .array(inputs.map(Value.int)), "value": value,
    ]
    members["doc"] = doc.map(Value.string)
    members["parent"] = parent.map(Value.int)
    return .object(members)
  }
}

extension Feedback {
  fileprivate var asValue: Value {
    var members: [String: Value] = ["node": .int(node), "text": .string(text)]
    members["score"] = score.map(Value.double)
    return .object(members)
  }
}
