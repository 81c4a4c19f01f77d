import Foundation
import Hone
import HoneTrace
import Testing

@testable import HoneTasks

/// What a task file with steps means, and what is told when its data or documents do not fit. Mistakes in the file alone
/// stand in `Fixtures/wrong`.
struct StepFileTests {
  static let data =
    "{\"question\": \"Who?\", \"expected\": \"Drogo\"}\n{\"question\": \"Why?\", \"expected\": \"So.\"}"
    + "\n{\"question\": \"When?\", \"expected\": \"Now.\"}"

  @Test func theFormIsRead() throws {
    let task = try TaskFile.load(path: fixture("forms/steps.yaml"))
    #expect(task.warnings.isEmpty, "\(task.warnings)")
    #expect(task.workflow.isGraph && task.workflow.asksModel && task.workflow.endsWithCommand && task.embeds)
    #expect(task.embedding?.name == "all-minilm-l6-v2" && task.embedding?.timeout == 30)
    #expect(
      task.stepReads == [
        .init(name: "query", kind: "prompt", parameters: ["rewriter"], fields: ["question"]),
        .init(name: "passages", kind: "retrieve", parameters: ["retriever", "topK"], fields: ["query"]),
        .init(
          name: "reply", kind: "prompt", parameters: ["answerer", "temperature"], fields: ["passages", "question"]),
        .init(
          name: "check", kind: "command", parameters: [],
          fields: ["reply", "example.json", "query", "passages"]),
      ])
    guard case .retrieve(let spec) = task.workflow.steps[1].work else {
      Issue.record("the second step is no retrieval")
      return
    }
    #expect(spec.text == "body" && spec.words == .value(64) && spec.topK == .parameter("topK"))
    #expect(spec.documents.hasSuffix("/forms/passages.csv"))
    #expect(task.workflow.steps[0].summary == "Writes a search query.")
    let endpoint = try #require(try task.embeddingEndpoint(environment: ["HONE_ENDPOINT": "http://other/v1"]))
    #expect(endpoint.base == "http://127.0.0.1:8081/v1" && endpoint.model == "all-minilm-l6-v2")
  }

  @Test func onlyDenseSearchNeedsAnEmbedding() throws {
    let folder = try StepRunTests.folder()
    let embedding = "embedding: { endpoint: \"http://127.0.0.1:8081/v1\", name: e }"
    let unused = try StepRunTests.task(in: folder, more: embedding)
    #expect(unused.warnings.map(\.message) == ["embedding: no step uses it"])
    #expect(try unused.embeddingEndpoint(environment: [:]) == nil)
    let dense = StepRunTests.threeSteps.replacing("top_k: $topK", with: "top_k: $topK, method: dense")
    #expect(try StepRunTests.task(dense, in: folder, more: embedding).warnings.isEmpty)
  }

  private func said(_ files: [String: String], _ steps: String = StepRunTests.threeSteps) throws -> String {
    let folder = try StepRunTests.folder(["train.jsonl": Self.data].merging(files) { $1 })
    let task = try StepRunTests.task(steps, in: folder)
    return DataTests.said { _ = try task.loadData() }.replacing(folder.path + "/", with: "")
  }

  @Test func dataAndDocumentsThatFitAreTaken() throws {
    #expect(try said([:]) == "nothing")
  }

  @Test func aFieldNamedAsAStepIsRefused() throws {
    let said = try said(["train.jsonl": Self.data.replacing("\"expected\"", with: "\"query\": \"x\", \"expected\"")])
    #expect(said.hasPrefix("error: task.yaml:9:"), "\(said)")
    #expect(said.contains("the data has a field \"query\", which is this step's name too"))
    #expect(said.contains("hint: give the step another name"))
  }

  @Test func anUnknownNameIsToldWithTheNearestOne() throws {
    let field = try said([:], StepRunTests.threeSteps.replacing("| {question}", with: "| {quetsion}"))
    #expect(field.contains("workflow.steps.reply.prompt.user: the data has no field \"quetsion\""), "\(field)")
    #expect(field.contains("hint: did you mean question?"))
    let step = try said([:], StepRunTests.threeSteps.replacing("{passages}", with: "{pasages}"))
    #expect(step.contains("has no field \"pasages\"") && step.contains("hint: did you mean passages?"), "\(step)")
    #expect(step.hasPrefix("error: task.yaml:11:"))
  }

  @Test func missingDocumentsAreToldWhereTheyAreNamed() throws {
    let said = try said([:], StepRunTests.threeSteps.replacing("passages.jsonl", with: "pages.jsonl"))
    #expect(
      said.hasPrefix("error: task.yaml:10:41: workflow.steps.passages.retrieve.from: pages.jsonl does not exist"),
      "\(said)")
    #expect(said.contains("hint: check the path; it starts at the task file's folder"))
  }

  @Test(arguments: [
    ("", "passages.jsonl: there are no rows"),
    ("{\"body\": \"a\"}", "passages.jsonl:1:1: the document has no field \"text\"\nhint: its fields are body"),
    ("{\"texts\": \"a\"}", "hint: did you mean text: texts?"),
    ("{\"text\": 3}", "passages.jsonl:1:1: the document has no text in its field \"text\""),
    ("{\"text\": ", "passages.jsonl:1:10: not valid JSON"),
  ])
  func documentsOfNoUseAreTold(_ text: String, _ expected: String) throws {
    let said = try said(["passages.jsonl": text])
    #expect(said.contains(expected), "\(said)")
  }

  @Test func noDataIsNeededWhereNoFieldIsRead() throws {
    let folder = try StepRunTests.folder()
    let text = """
      version: 1
      study: s
      goal: { minimize: loss }
      workflow:
        steps:
          - { name: first, command: [echo, $rate] }
          - { name: second, command: [echo, "{first}"] }
      parameters: { rate: { float: [0.0, 1.0] } }
      score: { json: loss }
      """
    let task = try TaskFile.parse([UInt8](text.utf8), path: "task.yaml", directory: folder.path)
    #expect(try task.loadData().validation == [Example(id: "run", fields: .object([:]))])
    #expect(try task.endpoint(environment: [:]) == nil)
  }
}
