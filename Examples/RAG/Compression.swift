/// Shortens a chunk word by word without knowing the question: stop words go first, then the words that most chunks
/// have. The idea of LLMLingua-2 (Pan et al., ACL 2024) without its model.
enum Compression {
  struct Word: Sendable {
    var isStopWord: Bool
    /// How rare the word is.
    var idf: Double
  }

  /// Positions of the words that stay, in order: `ratio` of them, rounded, and at least one. Of equals the earlier stays.
  static func kept(_ words: ArraySlice<Word>, ratio: Double) -> [Int] {
    let count = min(words.count, max(1, Int((ratio * Double(words.count)).rounded())))
    guard count < words.count else { return Array(words.indices) }
    let ranked = words.indices.sorted { a, b in
      if words[a].isStopWord != words[b].isStopWord { return words[b].isStopWord }
      return (words[a].idf, b) > (words[b].idf, a)
    }
    return ranked.prefix(count).sorted()
  }
}
