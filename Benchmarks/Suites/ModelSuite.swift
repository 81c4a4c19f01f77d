import Foundation
import HoneModel
import HoneTesting
import HoneTrace

/// What a model call costs the caller, beside other clients on the same server.
///
/// The server is this program again in a process of its own (`hone-bench model-server`), so that its time is not counted.
enum ModelSuite {
  static func run() async throws -> [Figure] {
    let server = try ServerProcess()
    defer { server.stop() }
    let peers = try Peers(server)
    defer { peers.remove() }
    var figures: [Figure] = []
    for (concurrency, target) in [(1, 27.0), (16, 21), (256, 24)] {
      figures += try await transport(server, peers, concurrency, target)
    }
    figures.append(try await chat(server))
    figures += try await cassette()
    figures.append(try await deadline())
    return figures
  }

  static let body = Array(
    Value.object([
      "model": "m", "temperature": 0, "max_tokens": 16,
      "messages": [["role": "user", "content": .string(String(repeating: "A question of some length. ", count: 148))]],
    ]).canonicalJSON.utf8)

  /// libcurl alone: a 4 KB POST, a reply of some 260 B. Absolute times follow the load of the machine, so runs of a
  /// peer stand beside runs of ours, and their ratio is a figure of its own.
  private static func transport(_ server: ServerProcess, _ peers: Peers, _ concurrency: Int, _ target: Double)
    async throws -> [Figure]
  {
    let transport = CurlTransport()
    let request = HTTPRequest(
      url: server.base + "/chat/completions", headers: [HTTPHeader("Content-Type", "application/json")], body: body)
    let (runs, count) = (5, 4096)
    try await inParallel(concurrency, concurrency) { _ = try await transport.send(request) }
    var ours: [Double] = []
    var theirs = Peers.all.map { (peer: $0, values: [Double](), ratios: [Double]()) }
    for run in 0..<runs {
      let seconds = try await Measure.cpu(runs: 1) {
        try await inParallel(concurrency, count) { _ = try await transport.send(request) }
      }
      ours.append(seconds / Double(count) * 1e6)
      // The others take too long for more than one run.
      for index in theirs.indices where run == 0 || theirs[index].peer.client == .curl {
        guard let value = peers.microseconds(theirs[index].peer, concurrency) else { continue }
        theirs[index].values.append(value)
        theirs[index].ratios.append(ours[ours.count - 1] / value)
      }
    }
    let how = "median of \(runs) x \(count), loopback, 4 KB up"
    let figure = Figure(
      name: "transport, concurrency \(concurrency)", value: Measure.median(ours), unit: "us CPU a request",
      target: target, peer: "libcurl prototype on nginx, another machine \(Int(target))", how: how)
    return theirs.filter { !$0.values.isEmpty }.reduce([figure]) { figures, peer in
      figures + [
        Figure(
          name: "peer: \(peer.peer.name), concurrency \(concurrency)", value: Measure.median(peer.values),
          unit: "us CPU a request", how: "median of \(peer.values.count), \(peer.peer.how)"),
        Figure(
          name: "transport / \(peer.peer.name), concurrency \(concurrency)", value: Measure.median(peer.ratios),
          unit: "of the peer's CPU a request", target: 1,
          how: "median of \(peer.ratios.count) pairs of runs on one server, one after the other"),
      ]
    }
  }

  /// The whole client: rendering, key, ledger, JSON, usage.
  private static func chat(_ server: ServerProcess) async throws -> Figure {
    let client = ModelClient(
      Endpoint(base: server.base, model: "m", maxConcurrent: 16), transport: CurlTransport())
    let prompt = String(repeating: "A question of some length. ", count: 148)
    let ledger = Ledger(budget: Budget(tokens: .max / 4))
    let count = 2048
    let seconds = try await Measure.cpu {
      try await inParallel(16, count) {
        _ = try await CallContext.$current.withValue(CallContext(ledger: ledger)) { try await client.complete(prompt) }
      }
    }
    return Figure(
      name: "chat, concurrency 16", value: seconds / Double(count) * 1e6, unit: "us CPU a request",
      peer: "openai-python 3.52 about 903 (another server)", how: "median of 5 x \(count), ledger, no archive")
  }

  private static func cassette() async throws -> [Figure] {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("hone-bench-\(getpid()).jsonl").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let count = 1000
    let prompts = (0..<count).map { "Question \($0): " + String(repeating: "some words of context. ", count: 40) }
    let endpoint = Endpoint(base: "http://127.0.0.1:9/v1", model: "m", maxConcurrent: 64)
    let recorder = ModelClient(endpoint, transport: ScriptedTransport.chat { _ in "an answer" })
    let recording = try Cassette(path: path)
    try await inParallel(64, count, prompts) { prompt in
      let context = CallContext(cassette: recording, mode: .record)
      _ = try await CallContext.$current.withValue(context) { try await recorder.complete(prompt) }
    }
    let client = ModelClient(
      endpoint, transport: ScriptedTransport { _ in .failure(.init(.connection, "", sent: false)) })
    let load = try Measure.cpu(runs: 5, setUp: {}, body: { try Cassette(path: path, writable: false) })
    let cassette = try Cassette(path: path, writable: false)
    let replay = try await Measure.cpu {
      for prompt in prompts {
        let context = CallContext(cassette: cassette, mode: .replay)
        _ = try await CallContext.$current.withValue(context) { try await client.complete(prompt) }
      }
    }
    return [
      Figure(
        name: "cassette of 1,000 calls opened", value: load * 1e3, unit: "ms CPU", target: 10,
        how: "median of 5, 1 KB prompts"),
      Figure(
        name: "call answered by a cassette", value: replay / Double(count) * 1e6, unit: "us CPU a call", target: 20,
        how: "median of 5 x 1,000, 1 KB prompts"),
    ]
  }

  /// Wall time, because that is what a deadline is about.
  private static func deadline() async throws -> Figure {
    let server = try FaultServer { _ in
      [.send(FaultServer.Action.head(length: 1000)), .drip([UInt8](repeating: 32, count: 1000), interval: 0.02)]
    }
    defer { server.stop() }
    let transport = CurlTransport()
    let request = HTTPRequest(url: server.base, headers: [], body: [], totalTimeout: 1)
    var worst = 0.0
    for _ in 0..<3 {
      let start = DispatchTime.now().uptimeNanoseconds
      _ = try? await transport.send(request)
      worst = max(worst, abs(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 - 1))
    }
    return Figure(
      name: "total deadline of 1 s missed by", value: worst * 100, unit: "%", target: 10,
      peer: "openai-python 3.52: never held", how: "worst of 3 against a drip, wall time")
  }

  /// Runs `body` so many times in so many tasks.
  private static func inParallel<Item: Sendable>(
    _ tasks: Int, _ count: Int, _ items: [Item], _ body: @escaping @Sendable (Item) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<tasks {
        group.addTask { for index in stride(from: task, to: count, by: tasks) { try await body(items[index]) } }
      }
      try await group.waitForAll()
    }
  }

  private static func inParallel(
    _ tasks: Int, _ count: Int, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    try await inParallel(tasks, count, [Void](repeating: (), count: count)) { try await body() }
  }
}
