/// Consecutive words of one article.
struct Chunk: Hashable, Sendable {
  /// Number of the article, from 0.
  let article: Int
  /// Positions of its words in the article.
  let words: Range<Int>
}

extension Corpus {
  /// Every article cut into chunks of `size` words without overlap; an article's last chunk may be shorter.
  func chunks(of size: Int) -> [Chunk] {
    articles.indices.flatMap { article in
      let count = articles[article].words.count
      return stride(from: 0, to: count, by: size).map { start in
        Chunk(article: article, words: start..<min(start + size, count))
      }
    }
  }

  func text(of chunk: Chunk) -> String { articles[chunk.article].words[chunk.words].joined(separator: " ") }
}
