import Foundation
import HoneTrace

/// The steps a command noted in its `HONE_TRACE` file, one JSON object a line:
/// `{"step": "retrieve", "inputs": ["$top_k", "question"], "output": ..., "id": "r1", "doc": "...", "error": "..."}`.
///
/// An input is the `id` of an earlier line, `$name` for a parameter, or any other value, which becomes a constant. With
/// `error` instead of `output` the step failed.
struct TraceLines: Sendable {
  struct Line: Sendable {
    var step: String
    var inputs: [Value]
    var output: Value
    var id: String?
    var doc: String?
    var isFailure: Bool
  }
  var lines: [Line] = []
  /// Lines that could not be read. They are counted in the trace, so that nothing is lost without a word.
  var unreadable = 0

  private static let maxBytes = 8 << 20

  static func read(_ path: String) -> TraceLines {
    guard let bytes = try? SafePath.read(path, limit: maxBytes) else {
      // A command that noted nothing has no file; one that noted too much or something else is counted.
      return TraceLines(lines: [], unreadable: FileManager.default.fileExists(atPath: path) ? 1 : 0)
    }
    var result = TraceLines()
    for slice in bytes.split(separator: UInt8(ascii: "\n")) where !slice.allSatisfy({ " \t\r".utf8.contains($0) }) {
      if let line = Line(Array(slice)) { result.lines.append(line) } else { result.unreadable += 1 }
    }
    return result
  }

  /// Adds the steps to a recorder.
  /// - Returns: the steps that no later step reads, which the command's output was made of; and all nodes that were read.
  func record(in recorder: Recorder, parameters: [String: Int]) -> (loose: [Int], read: Set<Int>) {
    var known: [String: Int] = [:]
    var loose: [Int] = []
    var read: Set<Int> = []
    for line in lines {
      let inputs = line.inputs.map { input in
        if let name = input.string {
          if let node = known[name] { return node }
          if name.hasPrefix("$"), let node = parameters[String(name.dropFirst())] { return node }
        }
        return recorder.append(.constant, name: "constant", inputs: [], value: input)
      }
      read.formUnion(inputs)
      loose.removeAll { inputs.contains($0) }
      let kind: Trace.Node.Kind = line.isFailure ? .failure : .step
      let node = recorder.append(kind, name: line.step, inputs: inputs, value: line.output, doc: line.doc)
      if let id = line.id { known[id] = node }
      loose.append(node)
    }
    if unreadable > 0 {
      recorder.append(.constant, name: "unreadable_trace_lines", inputs: [], value: .int(unreadable))
    }
    return (loose, read)
  }
}

extension TraceLines.Line {
  init?(_ bytes: [UInt8]) {
    guard let value = try? Value.parse(json: bytes), let step = value["step"]?.string, !step.isEmpty else { return nil }
    let error = value["error"].flatMap { $0.isNull ? nil : $0 }
    self.init(
      step: step, inputs: value["inputs"]?.array ?? [], output: error ?? value["output"] ?? .null,
      id: value["id"]?.text, doc: value["doc"]?.string, isFailure: error != nil)
  }
}
