import HoneModel
import HoneOptimize
import HoneStore
import HoneTesting
import HoneTrace
import Testing

@testable import Hone

@Suite struct SimulatedWorldTests {
  private static let everything = SimulatedWorld.many.rules.map(\.phrase).joined(separator: ". ")

  /// Worlds are frozen: their parameters and what they say. A change needs a new version, and figures of the old one go.
  @Test func worldsAreFrozen() async throws {
    var said: [Value] = []
    for world in SimulatedWorld.all {
      said.append(try Value(encoding: world))
      let model = SimulatedModel(world)
      for row in 0..<40 {
        let request = ChatRequest([ChatMessage(.system, SimulatedWorld.opening), ChatMessage(.user, world.text(row))])
        said += [
          .string(world.label(row)), .string(model.reply(to: request)), .array(world.rules(of: row).map { .int($0) }),
        ]
      }
    }
    #expect(SimulatedWorld.version == 1)
    let hash = Hashing.hex(Value.array(said).canonicalJSON)
    #expect(hash == "74727233e74a1e36e26dd264691625495fd915bb9fd96be7210e978e2d16c45a")
  }

  /// What is measured on many rows is what is computed.
  @Test(arguments: SimulatedWorld.all) func scoresAreWhatTheTruthSays(_ world: SimulatedWorld) {
    let model = SimulatedModel(world)
    let rows = 0..<800
    for instruction in [
      SimulatedWorld.opening, SimulatedWorld.opening + " " + world.rules.map(\.phrase).joined(separator: ". "),
    ] {
      let setting = SimulatedWorld.Setting(instruction, passages: world.passages)
      let passages = String(repeating: "passage: x\n", count: world.passages)
      let right = rows.count { row in
        let request = ChatRequest([ChatMessage(.system, instruction), ChatMessage(.user, passages + world.text(row))])
        return model.reply(to: request) == world.label(row)
      }
      let seen = Double(right) / Double(rows.count)
      #expect(abs(seen - world.accuracy(of: setting, rows: rows)) < 0.05, "\(world.name) \(seen)")
    }
  }

  @Test func rulesTemperatureDemonstrationsAndPassagesMatter() {
    let world = SimulatedWorld.many
    func accuracy(_ text: String, _ temperature: Double = 0.2, _ shots: Int = 0, _ passages: Int = 5) -> Double {
      world.accuracy(of: .init(text, temperature: temperature, demonstrations: shots, passages: passages))
    }
    let plain = accuracy("x")
    #expect(accuracy(Self.everything) > plain + 0.25)
    #expect(accuracy("x", 1) < plain && accuracy("x", 0.2, 8) > plain && accuracy("x", 0.2, 0, 1) < plain)
    #expect(accuracy("x " + world.decoys[0]) < plain)
    #expect(world.bestAccuracy() > accuracy(Self.everything) && world.bestAccuracy() <= 1)
    // Nothing helps in the worlds without an effect.
    for world in [SimulatedWorld.null, .coin] {
      #expect(world.accuracy(of: .init("x", temperature: 1)) == world.bestAccuracy())
    }
  }

  /// Lists have an entry for each thing that feedback names; a list of what it cannot know is empty.
  @Test func listsAreFilledByIdeas() throws {
    let (world, texts): (SimulatedWorld, Value) = (.few, ["type": "array", "items": ["type": "string"]])
    let whole: Value = ["type": "array", "items": ["type": "integer"]]
    let item: Value = ["type": "object", "properties": ["condition": ["type": "string"], "examples": whole]]
    let schema: Value = [
      "type": "object",
      "properties": ["directions": texts, "insights": ["type": "array", "items": item], "numbers": whole],
    ]
    let text = "It misses this: *Count the vowels*. *Use the first word alone*."
    let request = ChatRequest([ChatMessage(.user, text)], format: .jsonSchema(name: "p", schema: schema))
    let reply = try Value.parse(json: SimulatedModel(world).reply(to: request))
    let directions = reply["directions"]?.array?.compactMap(\.string) ?? []
    #expect(directions.count == 2 && directions[0].contains("first word") && directions[1].contains("vowels"))
    #expect(reply["insights"]?.array?.count == 2 && reply["insights"]?[0]?["examples"] == [])
    #expect(reply["numbers"] == [])
    let wrong = try Value.parse(json: SimulatedModel(world, skill: .misleading).reply(to: request))
    #expect(wrong["directions"]?.array?.count == world.decoys.count)
  }

  /// A good proposer takes up what feedback names; others do not get better.
  @Test func proposersHaveTheirSkill() {
    let world = SimulatedWorld.few
    let all = SimulatedWorld.opening + world.rules.map { " \($0.phrase)." }.joined()
    func mean(_ skill: SimulatedModel.Skill, from instruction: String = SimulatedWorld.opening) -> Double {
      let model = SimulatedModel(world, skill: skill)
      let replies = (0..<30).map { turn -> Double in
        let text = "\(turn) \(instruction)\nIt misses this: *Count the vowels*. *Use the first word alone*."
        let schema: Value = [
          "type": "object",
          "properties": ["suggestion": ["type": "object", "properties": ["instruction": ["type": "string"]]]],
        ]
        let request = ChatRequest([ChatMessage(.user, text)], format: .jsonSchema(name: "p", schema: schema))
        let reply = (try? Value.parse(json: model.reply(to: request)))?["suggestion"]?["instruction"]?.string ?? ""
        return world.accuracy(of: .init(reply), rows: 0..<400)
      }
      return replies.reduce(0, +) / Double(replies.count)
    }
    let start = world.accuracy(of: .init(SimulatedWorld.opening), rows: 0..<400)
    #expect(mean(.good) > start + 0.05 && mean(.misleading) < start)
    #expect(mean(.good, from: all) > mean(.useless, from: all) + 0.1)
  }

  /// A whole study in a world finds better instructions, and truly better ones.
  @Test func studiesFindWhatIsThere() async throws {
    let world = SimulatedWorld.few
    let model = SimulatedModel(world)
    let runner = SimulatedRunner(world, model: model)
    let report = try await Study(store: MemoryStore(), name: "few").run(
      runner, problem: Problem(space: runner.space, objective: Objective(), seed: 1),
      data: SimulatedRunner.data(train: 40, validation: 60, test: 100), optimizer: GEPA(),
      optimizerSettings: ["use": "gepa"], settings: StudySettings(budget: Budget(trials: 16)), proposer: model)
    let truth = world.accuracy(of: runner.setting(report.assignment))
    #expect(truth > world.accuracy(of: runner.setting(runner.space.initial)) + 0.2, "\(truth)")
    #expect(report.isImproved)
  }
}
