import Foundation
import HoneModel
import Testing

/// Speaks to a real server when one is named; skipped otherwise.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["HONE_TEST_BASE_URL"] != nil, "no HONE_TEST_BASE_URL"))
struct LiveTests {
  @Test func aRealServerAnswers() async throws {
    let environment = ProcessInfo.processInfo.environment
    let endpoint = Endpoint(
      base: environment["HONE_TEST_BASE_URL"] ?? "", model: environment["HONE_TEST_MODEL"] ?? "default")
    let client = ModelClient(endpoint, transport: CurlTransport())
    let reply = try await client.chat(
      ChatRequest([ChatMessage(.user, "Say the word yes.")], maxTokens: 8))
    #expect(!reply.text.isEmpty)
    #expect(reply.usage.promptTokens > 0 && !reply.usage.estimated)
  }
}
