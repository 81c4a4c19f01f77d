import Foundation
import HoneTesting
import HoneTrace
import Testing

@testable import HoneModel

@Suite struct SecretsTests {
  static let key = "sk-live-ABCdef0123456789+/xyz"

  @Test func aSecretIsReplacedWhole() {
    var secrets = Secrets()
    secrets.add(name: "HONE_API_KEY", value: Self.key)
    #expect(secrets.redact("a \(Self.key)b\(Self.key)") == "a [secret:HONE_API_KEY]b[secret:HONE_API_KEY]")
    #expect(secrets.redact("nothing here, sk-live-ABC") == "nothing here, sk-live-ABC")
    let value: Value = ["x \(Self.key)": [.string(Self.key), 7], "n": .null]
    #expect(secrets.redact(value) == ["x [secret:HONE_API_KEY]": ["[secret:HONE_API_KEY]", 7], "n": .null])
  }

  @Test(arguments: ["", "a", "ab", "abc", "user:", "Basic "])
  func aSecretInsideBase64IsFound(_ prefix: String) {
    var secrets = Secrets()
    secrets.add(name: "K", value: Self.key)
    for suffix in ["", "1", "12", ":tail"] {
      let encoded = Data("\(prefix)\(Self.key)\(suffix)".utf8).base64EncodedString()
      let urlSafe = encoded.replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      for form in [encoded, urlSafe] { #expect(secrets.redact("token \(form) end") == "token [secret:K] end") }
    }
  }

  @Test func escapedSecretsAreFound() {
    var secrets = Secrets()
    let awkward = "pass\"word\\with\nmarks&more"
    secrets.add(name: "K", value: awkward)
    #expect(secrets.redact(Value.string(awkward)) == "[secret:K]")
    #expect(!secrets.redact("raw body: \(Value.string(awkward).canonicalJSON)").contains("word"))
    let percent = awkward.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    #expect(secrets.redact("?key=\(percent)") == "?key=[secret:K]")
  }

  @Test func shortWordsAreNoSecretsAndLongerOnesGoFirst() {
    var secrets = Secrets()
    secrets.add(name: "SHORT", value: "none")
    #expect(secrets.isEmpty && secrets.redact("none of it") == "none of it")
    secrets.add(name: "PART", value: "abcdefgh")
    secrets.add(name: "WHOLE", value: "abcdefghijkl")
    #expect(secrets.redact("abcdefghijkl abcdefgh") == "[secret:WHOLE] [secret:PART]")
  }

  /// Twelve places a secret may come from; it is in no record, no file, no error, no cassette.
  @Test func twelvePlantedSecretsAreFoundNowhere() async throws {
    let (key, cookie, token) = (Self.key, "cookie-secret-31415926", "tool-secret-27182818")
    let encoded = Data("user:\(key)".utf8).base64EncodedString()
    let server = try FaultServer { request in
      let echo =
        "\(request.headers) \(String(decoding: request.body, as: UTF8.self)) \(encoded) \(cookie) \(token) \(key)"
      let headers = [HTTPHeader("Set-Cookie", cookie), HTTPHeader("X-Echo", key)]
      switch request.json["model"]?.string {
      case "good":
        let reply = ScriptedTransport.chatReply(echo).body
        return [.reply(headers: headers, body: reply)]
      case "html": return [.text("<p>\(echo)</p>", type: "text/html", headers: headers)]
      case "moved":
        return [.reply(status: 302, headers: [HTTPHeader("Location", "http://\(key)@other.invalid/?k=\(key)")])]
      default: return [.text("\(key) is not a good key; \(echo)", status: 401, headers: headers)]
      }
    }
    defer { server.stop() }
    try await withFolder { folder in
      let keyFile = "\(folder)/key"
      try "\(key)\n".write(toFile: keyFile, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keyFile)
      let cassette = try Cassette(path: "\(folder)/c.jsonl")
      let archive = MemoryArchive()
      var secrets = Secrets()
      secrets.add(name: "COOKIE", value: cookie)
      secrets.add(name: "TOOL", value: token)
      var seen: [String] = []
      for model in ["good", "html", "moved", "denied"] {
        for source in [Endpoint.KeySource.environment("HONE_API_KEY"), .file(keyFile)] {
          let endpoint = Endpoint(base: "\(server.base)?api-key=\(key)", model: model, alias: "\(model)", key: source)
          let client = ModelClient(
            endpoint, transport: CurlTransport(), clock: InstantClock(), secrets: secrets,
            environment: ["HONE_API_KEY": key])
          let context = CallContext(archive: archive, cassette: cassette, mode: .auto)
          do {
            let request = ChatRequest([
              ChatMessage(.system, "key \(key), basic \(encoded), tool {\"token\":\"\(token)\"}"),
              ChatMessage(.user, "a data row with \(key) and \(cookie)"),
            ])
            let reply = try await CallContext.$current.withValue(context) { try await client.chat(request) }
            seen.append("\(reply)")
          } catch {
            seen.append("\(error) \((error as? ModelError)?.hint ?? "")")
          }
          seen.append("\(context.scope.callKeys)")
        }
      }
      let wrong = Bench.client(Endpoint(base: "http://\(key):\(key)@127.0.0.1/", model: "m"), key: nil)
      do throws(ModelError) {
        _ = try await wrong.complete("x")
      } catch {
        seen.append("\(error) \(error.hint)")
      }
      seen.append("\(archive.all)")
      seen.append(try String(contentsOfFile: cassette.path, encoding: .utf8))
      seen.append("\(try cassette.all())")
      let replies = archive.all.count(where: \.isReply)
      #expect(replies == 1 || replies == 2)
      #expect(Set(archive.all.filter { !$0.isReply }.map(\.alias)) == ["html", "moved", "denied"])
      #expect(seen.joined().contains("[secret:HONE_API_KEY]"))
      for (index, text) in seen.enumerated() {
        for secret in [key, encoded, cookie, token, String(key.prefix(12)), String(key.suffix(12))] {
          #expect(!text.contains(secret), "\(index): \(secret) in \(text)")
        }
      }
    }
    // The server itself was sent the real thing.
    #expect(server.requests.first?.header("authorization") == "Bearer \(key)")
    #expect(server.requests.first?.json["messages"]?[1]?["content"]?.string?.contains(key) == true)
  }

  @Test func keyFilesMustBeTheirOwnersAlone() async throws {
    try await withFolder { folder in
      let path = "\(folder)/key"
      let transport = ScriptedTransport.chat { _ in "ok" }
      func kind() async -> ModelError.Kind? {
        let client = ModelClient(
          Endpoint(base: "http://127.0.0.1/v1", model: "m", key: .file(path)), transport: transport)
        do throws(ModelError) {
          _ = try await client.complete("x")
          return nil
        } catch {
          return error.kind
        }
      }
      #expect(await kind() == .configuration)
      try "\n".write(toFile: path, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      #expect(await kind() == .configuration)
      try "  the-key \nmore".write(toFile: path, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
      #expect(await kind() == .configuration && transport.requests.isEmpty)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      #expect(await kind() == nil)
      #expect(transport.requests[0].headers.last?.value == "Bearer the-key")
    }
  }
}
