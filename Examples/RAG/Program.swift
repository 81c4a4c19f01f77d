// Tunes what a language model is handed to answer a question: chunk size, retriever, top-k and compression, for accuracy
// against tokens.
//
//   RAG                              tunes in this process, offline, from traces/rag-xquad.cassette.jsonl
//   RAG --live                       the same; asks OPENAI_BASE_URL for embeddings the cassette lacks, and records them
//   RAG grid                         scores all 300 settings on 240 questions, as CSV
//   RAG record                       records all embeddings that the others need
//   RAG scores SIZE...               writes what BM25 and embeddings say about chunks of these sizes, a line a question
//   RAG batch ARTICLES CASSETTE PARAMETERS QUESTIONS
//                                    scores one setting: how tasks/rag-xquad.yaml runs it
//
// Run it in the package's folder.
import Foundation
import Hone

@main
enum Program {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      switch arguments.first {
      case nil, "--live":
        try await Tuning(Setup.standard(isLive: !arguments.isEmpty)).run()
      case "grid": try await Setup.standard(isLive: false).printGrid()
      case "record": try await Setup.standard(isLive: true).record()
      case "scores":
        let sizes = try arguments.dropFirst().map { text in
          guard let size = Int(text) else { throw RAGError("\(text) is no number of words in a chunk") }
          return size
        }
        try await Setup.standard(isLive: false).printScores(sizes: sizes)
      case "batch" where arguments.count == 5:
        let setup = try Setup(articles: arguments[1], cassette: arguments[2], isLive: false)
        try await Batch(setup, parameters: arguments[3], questions: arguments[4]).run()
      default:
        let batch = "batch ARTICLES CASSETTE PARAMETERS QUESTIONS"
        throw RAGError("usage: RAG [--live | grid | record | scores SIZE... | \(batch)]")
      }
    } catch {
      FileHandle.standardError.write(Data("RAG: \(error)\n".utf8))
      exit(1)
    }
  }
}
