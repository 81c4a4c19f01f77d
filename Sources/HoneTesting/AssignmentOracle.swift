import Foundation
import HoneTrace

/// Says whether an assignment is one of a space, by itself: it shares no code with `Space.accept`, so that one can be tested
/// against the other. Plain and slow where that makes it surer.
public struct AssignmentOracle: Sendable {
  public let space: Space

  public init(_ space: Space) { self.space = space }

  /// What is wrong with an assignment, in one sentence; nil: it is one of the space.
  public func fault(_ assignment: Assignment) -> String? {
    var active: [String: Value] = [:]
    for parameter in space.parameters {
      let value = assignment.values[parameter.name]
      guard isActive(parameter, active) else {
        if value != nil { return "\(parameter.name) is not active and has a value" }
        continue
      }
      guard let value else { return "\(parameter.name) has no value" }
      if let fault = Self.fault(value, parameter.domain) { return "\(parameter.name): \(fault)" }
      active[parameter.name] = value
    }
    if let unknown = assignment.values.keys.sorted().first(where: { active[$0] == nil }) {
      return "there is no parameter \(unknown.prefix(40))"
    }
    for combination in space.forbidden where !combination.isEmpty {
      let held = combination.filter { name, value in active[name].map { Self.isSame($0, value) } ?? false }
      if held.count == combination.count { return "a forbidden combination of \(held.keys.sorted())" }
    }
    return nil
  }

  /// Equal value by value; whole numbers are equal however they were written.
  public static func isSame(_ a: Assignment, _ b: Assignment) -> Bool { isSame(.object(a.values), .object(b.values)) }

  private static func isSame(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.int(let a), .double(let b)), (.double(let b), .int(let a)): Double(exactly: a) == b
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
    case (.object(let a), .object(let b)):
      a.count == b.count && a.allSatisfy { name, value in b[name].map { isSame(value, $0) } ?? false }
    default: a == b
    }
  }

  private func isActive(_ parameter: ParameterSpec, _ active: [String: Value]) -> Bool {
    guard let condition = parameter.condition else { return true }
    for (name, allowed) in condition.allowed {
      guard let value = active[name], allowed.contains(where: { Self.isSame($0, value) }) else { return false }
    }
    return true
  }

  private static func fault(_ value: Value, _ domain: Domain) -> String? {
    switch (domain, value) {
    case (.float(let domain), .double(let number)): fault(number, domain)
    case (.int(let domain), .int(let number)): fault(number, domain)
    case (.bool, .bool): nil
    case (.categorical(let choices), _), (.ordinal(let choices), _):
      choices.contains(value) ? nil : "not one of the choices"
    case (.text(let domain), .string(let text)): fault(text, domain)
    case (.code(let domain), .string(let text)): fault(text, domain)
    default: "a value of another type"
    }
  }

  private static func fault(_ number: Double, _ domain: FloatDomain) -> String? {
    guard number.isFinite else { return "not finite" }
    guard number >= domain.lower, number <= domain.upper else { return "out of range" }
    guard let step = domain.step else { return nil }
    let near = domain.lower + ((number - domain.lower) / step).rounded() * step
    return abs(near - number) <= 1e-9 * max(1, abs(number), step) ? nil : "off the grid"
  }

  private static func fault(_ number: Int, _ domain: IntDomain) -> String? {
    guard number >= domain.lower, number <= domain.upper else { return "out of range" }
    let (distance, overflows) = number.subtractingReportingOverflow(domain.lower)
    return overflows || distance % max(1, domain.step) == 0 ? nil : "off the grid"
  }

  private static func fault(_ text: String, _ domain: TextDomain) -> String? {
    guard text.count >= domain.minLength, text.count <= domain.maxLength else { return "of a length not allowed" }
    if let fault = controls(text) { return fault }
    if domain.role == .demonstrations, let fault = demonstrations(text) { return fault }
    let found = placeholders(text)
    if let lost = domain.placeholders.first(where: { !found.contains($0) }) { return "{\(lost)} is missing" }
    guard let optional = domain.optionalPlaceholders else { return nil }
    let strange = found.first { !domain.placeholders.contains($0) && !optional.contains($0) }
    return strange.map { "{\($0.prefix(40))} is no placeholder" }
  }

  private static func fault(_ text: String, _ domain: CodeDomain) -> String? {
    guard domain.alternatives.isEmpty else {
      return domain.alternatives.keys.contains(text) ? nil : "not one of the alternatives"
    }
    guard text.contains(where: { !$0.isWhitespace }) else { return "empty" }
    return text.count > domain.maxLength ? "too long" : controls(text)
  }

  /// Lines of `{"inputs": {...}, "output": "..."}`, read by another reader of JSON.
  private static func demonstrations(_ text: String) -> String? {
    for line in text.components(separatedBy: "\n") where line.contains(where: { !$0.isWhitespace }) {
      let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
      guard let object, object.count == 2, object["inputs"] is [String: Any], object["output"] is String else {
        return "a line that is no demonstration"
      }
    }
    return nil
  }

  private static func controls(_ text: String) -> String? {
    text.unicodeScalars.contains { $0.properties.generalCategory == .control && !"\t\n\r".unicodeScalars.contains($0) }
      ? "a control character" : nil
  }

  /// Every `{name}`: an ASCII letter or underscore, then letters, digits or underscores.
  private static func placeholders(_ text: String) -> [String] {
    var found: [String] = []
    for part in text.unicodeScalars.split(separator: "{", omittingEmptySubsequences: false).dropFirst() {
      guard let end = part.firstIndex(of: "}") else { continue }
      let name = part[..<end]
      let isName = name.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789_".unicodeScalars.contains($0))
      }
      guard isName, let first = name.first, !"0123456789".unicodeScalars.contains(first) else { continue }
      found.append(String(String.UnicodeScalarView(name)))
    }
    return found
  }
}
