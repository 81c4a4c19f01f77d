// Tunes what a language model is handed to answer a question: chunk size, retriever, top-k and compression, for accuracy
// against tokens.
//
//   RAG                              tunes in this process, offline, from traces/rag-xquad.cassette.jsonl
//   RAG --live                       the same; asks OPENAI_BASE_URL for embeddings the cassette lacks, and records them
//   RAG grid                         scores all 300 settings on 240 questions, as CSV
//   RAG record                       records all embeddings that the others need
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
      case "batch" where arguments.count == 5:
        let setup = try Setup(articles: arguments[1], cassette: arguments[2], isLive: false)
        try await Batch(setup, parameters: arguments[3], questions: arguments[4]).run()
      default: throw RAGError("usage: RAG [--live | grid | record | batch ARTICLES CASSETTE PARAMETERS QUESTIONS]")
      }
    } catch {
      FileHandle.standardError.write(Data("RAG: \(error)\n".utf8))
      exit(1)
    }
  }
}
