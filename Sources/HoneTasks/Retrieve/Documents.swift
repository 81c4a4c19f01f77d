import HoneRetrieval
import HoneTrace

/// The texts that a retrieval searches.
enum Documents {
  /// Reads the rows of a file, each a document.
  /// - Throws: what is wrong with the file, and rows without the field.
  static func read(_ path: String, field: String) throws(DataError) -> [String] {
    var problems: [Diagnostic] = []
    var texts: [String] = []
    for row in try Dataset.read(path) {
      if let text = row.fields[field]?.string {
        texts.append(text)
        continue
      }
      let names = row.fields.keys.sorted()
      let near = Nearest.name(to: field, among: names.filter { $0 != field }).map { "did you mean text: \($0)?" }
      let what = row.fields[field] == nil ? "the document has no field" : "the document has no text in its field"
      problems.append(
        Diagnostic(
          "\(what) \(quoted(field))", file: path, line: row.line, column: 1,
          hint: near ?? "its fields are \(names.joined(separator: ", ")); name one under text:"))
      if problems.count == 5 { break }
    }
    guard problems.isEmpty else { throw DataError(kind: .invalid, diagnostics: problems) }
    return texts
  }

  /// Every text cut into passages of `words` words without overlap, the last one of a text perhaps shorter; a word is
  /// what stands between white space. Nil: texts as they are. Texts without a word have no passage.
  static func passages(_ texts: [String], words: Int?) -> [String] {
    texts.flatMap { text -> [String] in
      let all = text.split(whereSeparator: \.isWhitespace)
      guard let words else { return all.isEmpty ? [] : [text] }
      return stride(from: 0, to: all.count, by: max(1, words)).map { start in
        all[start..<min(start + max(1, words), all.count)].joined(separator: " ")
      }
    }
  }
}

/// Passages of one size, indexed by their terms.
struct PassageIndex: Sendable {
  let passages: [String]
  private let vocabulary: Vocabulary
  private let bm25: BM25

  init(_ passages: [String]) {
    self.passages = passages
    var vocabulary = Vocabulary()
    let terms = passages.map { passage in Terms.of(passage).map { vocabulary.number($0) } }
    self.vocabulary = vocabulary
    bm25 = BM25(terms, terms: vocabulary.count)
  }

  /// Numbers of the passages that share a term with the query, stop words apart, best first, at most `limit`.
  func ranking(_ query: String, limit: Int) -> [Int] {
    Ranking.best(bm25.scores(vocabulary.query(query)), limit: limit, above: 0)
  }
}
