import Foundation
import Testing

@testable import HoneModel

/// E2 against `openssl s_server`; skipped where there is no openssl program.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl"), "no /usr/bin/openssl"))
struct TLSTests {
  @Test(arguments: [["-days", "30"], ["-days", "30", "-subj", "/CN=other.invalid"]])
  func anUntrustedCertificateIsRefusedAtOnce(_ options: [String]) async throws {
    try await withFolder { folder in
      let (key, certificate) = ("\(folder)/key.pem", "\(folder)/certificate.pem")
      let subject = options.contains("-subj") ? [] : ["-subj", "/CN=127.0.0.1"]
      let making = try start(
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate] + options + subject)
      making.waitUntilExit()
      try #require(making.terminationStatus == 0)
      let port = 20_000 + Int(getpid()) % 20_000 + (options.count > 2 ? 1 : 0)
      let server = try start(["s_server", "-accept", "127.0.0.1:\(port)", "-key", key, "-cert", certificate, "-www"])
      defer {
        // Children may inherit a mask that blocks SIGTERM.
        kill(server.processIdentifier, SIGKILL)
      }
      let clock = InstantClock()
      let client = Bench.client(Endpoint(base: "https://127.0.0.1:\(port)/v1", model: "m"), clock: clock)
      // The server takes a moment to listen.
      var error = await refusal(client)
      for _ in 0..<100 where error?.kind == .connection {
        try await Task.sleep(for: .milliseconds(50))
        error = await refusal(client)
      }
      error = await refusal(client)
      #expect(error?.kind == .tls && error?.attempts == 1 && error?.endsStudy == true)
    }
  }

  private func refusal(_ client: ModelClient) async -> ModelError? {
    do throws(ModelError) {
      let text = try await client.complete("x")
      Issue.record("an untrusted server was spoken to: \(text)")
      return nil
    } catch {
      return error
    }
  }

  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.standardInput = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }
}
