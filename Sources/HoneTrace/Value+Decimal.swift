extension Value {
  /// Canonical JSON whose numbers have no exponent where it is at most 20: 0.00001, not 1e-05.
  ///
  /// For texts that a model is shown. A server that turns a schema into a grammar may allow no zero at the start of an
  /// exponent; a model that copies 1e-05 then ends in 1e-0.
  public var decimalJSON: String {
    switch self {
    case .double(let number): number.decimal
    case .array(let elements): "[\(elements.map(\.decimalJSON).joined(separator: ","))]"
    case .object(let members):
      "{"
        + members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(Value.string($0.key).canonicalJSON):\($0.value.decimalJSON)" }.joined(separator: ",") + "}"
    default: canonicalJSON
    }
  }
}

extension Double {
  /// All digits without an exponent, where it is at most 20.
  var decimal: String {
    let text = Value.double(self).canonicalJSON
    let parts = text.split(separator: "e", maxSplits: 1)
    guard parts.count == 2, let exponent = Int(parts[1]), abs(exponent) <= 20 else { return text }
    let sign = self < 0 ? "-" : ""
    let mantissa = parts[0].drop { $0 == "-" }.split(separator: ".")
    let digits = mantissa.joined()
    // Where the point stands, counted from the first digit.
    let point = (mantissa.first?.count ?? 0) + exponent
    func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
    if point <= 0 { return "\(sign)0.\(zeros(-point))\(digits)" }
    if point >= digits.count { return sign + digits + zeros(point - digits.count) }
    return "\(sign)\(digits.prefix(point)).\(digits.dropFirst(point))"
  }
}
