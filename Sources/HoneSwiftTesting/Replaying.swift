import Hone
import Testing

/// Answers the model calls of a test from a cassette, offline.
public struct Replaying: TestTrait, SuiteTrait, TestScoping {
  let path: String
  let mode: CassetteMode
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    try await replay(path, mode: mode, function)
  }
}

extension Trait where Self == Replaying {
  /// `@Test(.replaying("answering.cassette.jsonl"))`: each case of the test sees the cassette from its beginning. A request
  /// that was never recorded fails the test, naming the nearest recorded one; `.auto` records it instead.
  public static func replaying(_ path: String, mode: CassetteMode = .replay) -> Self {
    Replaying(path: path, mode: mode)
  }
}
