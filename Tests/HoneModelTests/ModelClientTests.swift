import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

@Suite struct ModelClientTests {
  @Test func aChatIsAnsweredAndCounted() async throws {
    let transport = ScriptedTransport.chat { "You said \($0.prompt)" }
    let client = ModelClient(Endpoint(base: "http://127.0.0.1:1/v1", model: "m"), transport: transport)
    let ledger = Ledger(budget: Budget(requests: 2))
    let context = CallContext(ledger: ledger)
    let reply = try await CallContext.$current.withValue(context) {
      try await client.chat(ChatRequest([ChatMessage(.user, "hello")]))
    }
    #expect(reply.text == "You said hello")
    #expect(reply.finish == .stop)
    #expect(ledger.spent.requests == 1)
    #expect(context.scope.callKeys == [reply.callKey])
    #expect(transport.requests.map(\.url) == ["http://127.0.0.1:1/v1/chat/completions"])
  }
}
