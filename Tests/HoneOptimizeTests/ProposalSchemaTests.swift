import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

@Suite struct ProposalSchemaTests {
  /// Servers that hold a schema strictly refuse one whose objects do not require every property and forbid others.
  @Test func everyObjectOfTheSchemaIsStrict() async throws {
    let model = ScriptedModel(["{}"])
    let optimizer = OptoPrime()
    let context = AskContext(problem: HostileReplyTests.problem, round: 0, model: model)
    _ = try await optimizer.ask(1, state: optimizer.start(HostileReplyTests.problem), context: context)
    guard case .jsonSchema(_, let schema)? = model.requests.first?.format else {
      Issue.record("no schema was sent")
      return
    }
    for object in [schema, try #require(schema["properties"]?["suggestion"])] {
      let properties = try #require(object["properties"]?.object)
      #expect(object["required"]?.array?.compactMap(\.string) == properties.keys.sorted())
      #expect(object["additionalProperties"] == false)
    }
    let suggestion = try #require(schema["properties"]?["suggestion"]?["properties"])
    #expect(suggestion["temperature"] == ["type": "number", "minimum": 0.0, "maximum": 1.0])
    #expect(suggestion["topK"] == ["type": "integer", "minimum": 0, "maximum": 10])
    #expect(suggestion["rerank"] == ["type": "boolean"])
    #expect(suggestion["mode"] == ["enum": ["fast", "exact", [3, 4]]])
    // No length: a server that turns the schema into a grammar cannot hold it.
    #expect(suggestion["template"] == ["type": "string"])
  }
}
