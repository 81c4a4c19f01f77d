import Foundation
import HoneModel
import HoneTesting
import HoneTrace

/// The simulated worlds behind an address, so that programs in other languages meet the same models.
///
/// `/chat/completions` speaks as OpenAI's endpoint does; the model's name says whom to ask: `few/good/3` is the world `few`
/// with the good proposer of seed 3. `/row` gives a row's text and label, `/feedback` what is said about an answer, and
/// `/truth` the true accuracy of an instruction, which no optimizer is shown.
enum WorldServer {
  static func start() throws -> FaultServer {
    try FaultServer(keepsRequests: false) { request in
      let reply = answer(request.path, request.json)
      return [.send(http(reply.canonicalJSON))]
    }
  }

  static func serve() throws {
    let server = try start()
    print(server.base)
    fflush(nil)
    _ = FileHandle.standardInput.readDataToEndOfFile()
    server.stop()
  }

  private static func answer(_ path: String, _ body: Value) -> Value {
    guard let model = model(body["model"]?.string ?? "") else { return ["error": ["message": "unknown world"]] }
    let world = model.world
    let row = body["row"]?.int ?? 0
    if path.hasSuffix("/row") { return ["text": .string(world.text(row)), "label": .string(world.label(row))] }
    let instruction = body["instruction"]?.string ?? ""
    if path.hasSuffix("/feedback") {
      return ["feedback": .string(world.feedback(row, body["output"]?.string ?? "", instruction: instruction))]
    }
    if path.hasSuffix("/truth") {
      let setting = SimulatedWorld.Setting(instruction, passages: world.passages)
      return ["accuracy": .double(world.accuracy(of: setting)), "best": .double(world.bestAccuracy())]
    }
    return model.completion(of: body)
  }

  private static func model(_ name: String) -> SimulatedModel? {
    let parts = name.split(separator: "/").map(String.init)
    guard parts.count == 3, let world = SimulatedWorld.all.first(where: { $0.name == parts[0] }),
      let skill = SimulatedModel.Skill(rawValue: parts[1]), let seed = UInt64(parts[2])
    else { return nil }
    return SimulatedModel(world, skill: skill, seed: seed)
  }

  private static func http(_ body: String) -> [UInt8] {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
    return Array((head + body).utf8)
  }
}
