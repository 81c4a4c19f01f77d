import Foundation
import HoneTrace
import Testing

/// Secrets planted wherever one can stand, looked for in everything that the program leaves behind or prints.
@Suite(.serialized) struct SecretsTests {
  static let key = "sk-live-Zq81xVb3TnE7uYw2Rk5p"
  static let query = "qs-Hf63kLm9Wd2sXc8vBn4j"
  static let token = "tok-Uy7Tr5Ew3Qa1Sd9Fg0Hj"

  /// The secrets and what they look like on their way through the world.
  static let needles: [String] = [key, query, token].flatMap { secret -> [String] in
    let data = Data(secret.utf8)
    let basic = Data("user:\(secret)".utf8).base64EncodedString()
    return [secret, data.base64EncodedString(), String(basic.dropFirst(8).prefix(20)), String(secret.dropFirst(8))]
  }

  @Test func nothingLeaks() async throws {
    var program = try Program(["TEST_KEY": Self.key, "SERVICE_TOKEN": Self.token])
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--echo-headers")
    defer { endpoint.stop() }
    program.environment["HONE_ENDPOINT"] = "\(endpoint.base)?api-key=\(Self.query)"
    try plantPromptTask(program, endpoint)
    try plantCommandTask(program)
    var outputs: [(String, String)] = []
    func run(_ arguments: String..., code: Set<Int32> = [0]) async throws {
      for verbose in [[], ["-vv"]] {
        let result = try await program.run(arguments + verbose)
        #expect(code.contains(result.code), "\(arguments): \(result.code) \(result.error)")
        outputs.append((arguments.joined(separator: " "), result.out + result.error))
      }
    }
    try await run("check", "task.yaml", "--explain")
    try await run("tune", "task.yaml", "--auto", "calls.cassette")
    try await run("tune", "command.yaml")
    for study in ["support", "shell"] {
      try await run("show", study)
      try await run("show", "\(study)/0")
      try await run("show", "\(study)/0", "--json")
      try await run("show", "\(study)/0", "--dot")
      try await run("diff", "\(study)/1")
      try await run("export", study)
      try await run("best", study)
    }
    try await run("logs", "-n", "0", "--json")
    try await run("logs", "-n", "0")
    try await run("replay", "support", code: [0, 1])
    try await run("db", "backup", "copy.db", code: [0, 73])
    for (name, text) in outputs {
      for needle in Self.needles { #expect(!text.contains(needle), "hone \(name) prints \(needle)") }
    }
    #expect(outputs.contains { $0.1.contains("[secret:") })
    try searchFiles(program)
  }

  /// What a task file says is stored, so a secret in it is refused.
  @Test func secretInTheTaskFile() async throws {
    let program = try Program(["SERVICE_TOKEN": Self.token])
    defer { program.remove() }
    try program.writePromptTask("http://127.0.0.1:9/v1")
    let task = try program.read("task.yaml")
    try program.write("task.yaml", task.replacingOccurrences(of: "this message.", with: "this with \(Self.token)."))
    let result = try await program.run("tune", "task.yaml", "-vv")
    #expect(result.code == 78, "\(result.error)")
    for needle in Self.needles { #expect(!(result.out + result.error).contains(needle), "\(needle)") }
    try searchFiles(program)
  }

  /// The error text of an endpoint that repeats the key.
  @Test func refusalThatRepeatsTheKey() async throws {
    let program = try Program(["TEST_KEY": Self.key])
    defer { program.remove() }
    let endpoint = try await Endpoint(in: program.folder, "--status", "400")
    defer { endpoint.stop() }
    try program.writePromptTask(endpoint.base, trials: 2, key: "TEST_KEY")
    let result = try await program.run("tune", "task.yaml", "-vv")
    #expect(result.code != 0)
    for needle in Self.needles { #expect(!(result.out + result.error).contains(needle), "\(needle)") }
    try searchFiles(program)
  }

  /// A key in the address as user and password is refused, and not repeated.
  @Test func basicAuthenticationInTheAddress() async throws {
    var program = try Program()
    defer { program.remove() }
    let address = "http://user:\(Self.key)@127.0.0.1:9/v1?key=\(Self.query)"
    for inEnvironment in [false, true] {
      try program.writePromptTask(inEnvironment ? "http://127.0.0.1:9/v1" : address)
      program.environment["HONE_ENDPOINT"] = inEnvironment ? address : nil
      for command in [["check", "task.yaml", "--explain"], ["check", "task.yaml", "--json"], ["tune", "task.yaml"]] {
        let result = try await program.run(command)
        for needle in Self.needles { #expect(!(result.out + result.error).contains(needle), "\(command): \(needle)") }
      }
    }
    try searchFiles(program)
  }

  private func searchFiles(_ program: Program) throws {
    let inputs: Set = ["task.yaml", "command.yaml", "leak.sh", "train.jsonl", "validation.jsonl", "test.jsonl"]
    for name in try FileManager.default.subpathsOfDirectory(atPath: program.folder.path) {
      guard !inputs.contains(name), !name.hasPrefix("."),
        let bytes = FileManager.default.contents(atPath: program.path(name))
      else {
        continue
      }
      for needle in Self.needles {
        #expect(bytes.range(of: Data(needle.utf8)) == nil, "\(name) holds \(needle)")
      }
    }
  }

  /// The key in the environment, the header, the reply (which repeats the header), the address's query, the prompt and
  /// the rows, plain, in base64, as a cookie, as basic authentication and inside JSON.
  private func plantPromptTask(_ program: Program, _ endpoint: Endpoint) throws {
    try program.writePromptTask(endpoint.base, trials: 3, key: "TEST_KEY")
    var rows = try program.read("validation.jsonl")
    let plants = [
      "My bill: Cookie: session=\(Self.key)", "Crash with {\\\"password\\\": \\\"\(Self.token)\\\"}",
      "Love \(Data(Self.key.utf8).base64EncodedString())",
      "Charge Authorization: Basic \(Data("user:\(Self.token)".utf8).base64EncodedString())",
    ]
    for (index, plant) in plants.enumerated() {
      rows += "{\"id\": \"p\(index)\", \"text\": \"\(plant)\", \"label\": \"bug\"}\n"
    }
    try program.write("validation.jsonl", rows)
  }

  /// A command that prints a variable it was given, to both its streams and its trace.
  private func plantCommandTask(_ program: Program) throws {
    try program.write(
      "leak.sh",
      """
      echo "{\\"step\\": \\"open\\", \\"inputs\\": [], \\"output\\": \\"$SERVICE_TOKEN\\"}" >> "$HONE_TRACE"
      echo "token $SERVICE_TOKEN" >&2
      [ "$1" = 2 ] && exit 3
      echo "{\\"score\\": $1, \\"used\\": \\"$SERVICE_TOKEN\\"}"

      """)
    try program.write(
      "command.yaml",
      """
      version: 1
      study: shell
      goal: { maximize: score }
      workflow:
        command: [sh, leak.sh, $level]
        directory: .
        trace: jsonl
        pass_env: [SERVICE_TOKEN]
      parameters:
        level: { int: [0, 3], initial: 0 }
      score: { json: score }
      optimizer: { use: random, seed: 1 }
      budget: { trials: 4 }

      """)
  }
}
