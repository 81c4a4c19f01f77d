/// Finds the name a person or a model probably meant.
public enum Nearest {
  /// The name with the fewest edits (Levenshtein) from `text`, case aside; nil when even that is over a third of its
  /// length, at least two, away. The first of equals.
  public static func name(to text: String, among names: [String]) -> String? {
    guard text.utf8.count <= 200 else { return nil }
    let wanted = Array(text.lowercased().unicodeScalars)
    var best: (name: String, edits: Int)?
    for name in names {
      let edits = distance(wanted, Array(name.lowercased().unicodeScalars))
      if edits <= max(2, name.count / 3), edits < best?.edits ?? .max { best = (name, edits) }
    }
    return best?.name
  }

  private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let substitution = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, diagonal + 1, row[j] + 1)
      }
    }
    return row[b.count]
  }
}
