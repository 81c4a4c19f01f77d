import HoneModel

/// Runs code with its model calls answered from a cassette.
///
/// - Parameters:
///   - path: the cassette's file.
///   - mode: `.replay` sends nothing, and an unknown request is an error that names the nearest recorded one; `.auto`
///     sends and records what the cassette does not know.
/// - Throws: `CassetteError` when the file cannot be read, and whatever `body` throws.
public func replay<Result: Sendable>(
  _ path: String, mode: CassetteMode = .replay, _ body: @Sendable () async throws -> Result
) async throws -> Result {
  let cassette = try Cassette(path: path, writable: mode != .replay)
  let context = CallContext(cassette: cassette, mode: mode)
  return try await CallContext.$current.withValue(context) { try await body() }
}
