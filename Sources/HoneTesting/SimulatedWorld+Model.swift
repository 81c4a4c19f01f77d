import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// The world's two models behind one address: one labels rows, the other writes instructions.
public struct SimulatedModel: ChatModel {
  /// How good the proposer is.
  public enum Skill: String, Codable, CaseIterable, Sendable {
    /// Takes up most of what feedback names and keeps most of what stands there.
    case good
    /// Writes rules and decoys at random.
    case useless
    /// Drops what stands there and takes up decoys.
    case misleading
  }

  public let world: SimulatedWorld
  public let skill: Skill
  /// Of the proposer: another one writes other instructions.
  public let seed: UInt64

  public init(_ world: SimulatedWorld, skill: Skill = .good, seed: UInt64 = 0) {
    self.world = world
    self.skill = skill
    self.seed = seed
  }

  public func chat(_ request: ChatRequest) async throws(ModelError) -> ChatReply {
    let text = reply(to: request)
    let prompt = request.messages.reduce(0) { $0 + Tokens.estimate($1.content) }
    return ChatReply(
      text: text, finish: .stop, usage: Usage(promptTokens: prompt, completionTokens: Tokens.estimate(text)),
      model: "simulated-\(world.name)", seconds: 0, callKey: "", replayed: false)
  }

  /// The text of the reply, which follows from the request's content alone.
  public func reply(to request: ChatRequest) -> String {
    let last = request.messages.last { $0.role == .user }?.content ?? ""
    guard let row = Self.row(in: last) else { return reflect(request) }
    let whole = request.messages.map(\.content).joined(separator: "\n")
    let instruction = request.messages.first { $0.role == .system }?.content ?? last
    let setting = SimulatedWorld.Setting(
      instruction, temperature: request.temperature,
      demonstrations: request.messages.count { $0.role == .assistant },
      passages: last.split(separator: "\n").count { $0.hasPrefix("passage:") })
    // Repeats of one request draw anew, as a model at a temperature does.
    return world.answer(row, setting, draw: "\(request.temperature)/\(CallContext.current?.scope.repeat ?? 0)/\(whole)")
  }

  /// The number of a row as a message's last line gives it: `item 12: ...`; nil: another kind of request.
  static func row(in message: String) -> Int? {
    guard let line = message.split(separator: "\n").last, line.hasPrefix("item "),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return Int(line[line.index(line.startIndex, offsetBy: 5)..<colon])
  }

  // MARK: - The proposer

  /// Reads phrases that stand in the prompt and phrases that feedback names, and writes another instruction in the form
  /// that is asked for.
  private func reflect(_ request: ChatRequest) -> String {
    let prompt = request.messages.map(\.content).joined(separator: "\n")
    let asked = "\(world.name)/\(skill.rawValue)/\(request.seed ?? 0)/\(prompt)"
    var random = RandomStream(seed: seed, name: "reflect/\(asked)")
    let instruction = instruction(prompt, &random)
    guard case .jsonSchema(_, let schema) = request.format else { return Self.inText(instruction, prompt) }
    return filled(
      schema,
      Filling(
        instruction: instruction, named: named(in: prompt), ideas: ideas(prompt, &random), rows: Self.rows(in: prompt)),
      &random
    ).canonicalJSON
  }

  /// Phrases between the marks of feedback, in the order they stand, once each.
  private func named(in prompt: String) -> [String] {
    let text = prompt.lowercased()
    return world.rules.map(\.phrase).filter {
      text.contains((SimulatedWorld.mark + $0 + SimulatedWorld.mark).lowercased())
    }
  }

  private func instruction(_ prompt: String, _ random: inout RandomStream) -> String {
    let pool = world.rules.map(\.phrase) + world.decoys
    // Of several instructions the last one is the one to change: histories stand in the order of their scores.
    let parts = prompt.components(separatedBy: SimulatedWorld.opening)
    let current = parts.count > 1 ? Self.upToEnd(parts[parts.count - 1]) : ""
    let kept = pool.filter { current.contains($0) }
    let others = pool.filter { phrase in !kept.contains(phrase) && parts.dropLast().contains { $0.contains(phrase) } }
    let named = named(in: prompt).filter { !kept.contains($0) }
    var chosen: [String] = []
    func take(_ phrases: [String], _ probability: Double) {
      for phrase in phrases where random.uniform() < probability && !chosen.contains(phrase) { chosen.append(phrase) }
    }
    switch skill {
    case .good:
      take(kept, 0.95)
      take(named, 0.6)
      take(others, 0.2)
      take(pool, 0.04)
    case .useless:
      take(pool, 0.3)
    case .misleading:
      take(kept, 0.4)
      take(world.decoys, 0.7)
    }
    // The wording differs, as it does between any two replies.
    let closing = ["", " Think first.", " Be careful.", " Be brief.", " Check it twice."]
    return SimulatedWorld.opening + chosen.map { " \($0)." }.joined()
      + closing[Int(random.uniform() * Double(closing.count))]
  }

  /// An instruction ends with its line, or with the quotation mark it stands in.
  private static func upToEnd(_ text: String) -> String { String(text.prefix { $0 != "\n" && $0 != "\"" }) }

  private struct Filling {
    var instruction: String
    /// Phrases that feedback names.
    var named: [String]
    /// What a list of texts is filled with, a phrase an entry.
    var ideas: [String]
    /// Numbered lines of the question, for lists of numbers.
    var rows: Int
    var isFeedback = false
  }

  /// What a list is filled with: with skill what feedback names, else anything.
  private func ideas(_ prompt: String, _ random: inout RandomStream) -> [String] {
    switch skill {
    case .good: named(in: prompt)
    case .useless: Array((world.rules.map(\.phrase) + world.decoys).shuffled(using: &random).prefix(3))
    case .misleading: world.decoys
    }
  }

  /// Every text of the schema: an instruction where a proposal is asked for, what feedback names where feedback is. A list
  /// of texts, or of objects of texts, has an entry for each idea. Numbers and choices are drawn at random: this model knows
  /// words alone.
  private func filled(_ schema: Value, _ filling: Filling, _ random: inout RandomStream) -> Value {
    if let properties = schema["properties"]?.object {
      var members: [String: Value] = [:]
      for (name, property) in properties.sorted(by: { $0.key < $1.key }) where name != "reasoning" {
        var filling = filling
        filling.isFeedback = filling.isFeedback || name == "feedback"
        members[name] = filled(property, filling, &random)
      }
      if properties["reasoning"] != nil { members["reasoning"] = "what feedback names" }
      return .object(members)
    }
    if let choice = schema["enum"]?.array?.randomElement(using: &random) { return choice }
    let (low, high) = (schema["minimum"]?.number ?? 0, schema["maximum"]?.number ?? 1)
    switch schema["type"]?.string {
    case "array":
      let items = schema["items"] ?? .null
      guard !Self.holdsTexts(items) else {
        return .array(
          filling.ideas.map { idea in
            var filling = filling
            (filling.named, filling.ideas, filling.isFeedback) = ([idea], [idea], true)
            return filled(items, filling, &random)
          })
      }
      let count = items["properties"] == nil ? filling.rows : 3
      return .array((0..<count).map { _ in filled(items, filling, &random) })
    case "boolean": return false
    case "integer": return .int(Int((low + random.uniform() * (high - low)).rounded()))
    case "number": return .double(low + random.uniform() * (high - low))
    default:
      guard filling.isFeedback else { return .string(filling.instruction) }
      let words = filling.named.map { "It misses this: \(SimulatedWorld.mark)\($0)\(SimulatedWorld.mark)." }
      return .string(words.isEmpty ? "nothing" : words.joined(separator: " "))
    }
  }

  private static func rows(in prompt: String) -> Int {
    prompt.split(separator: "\n").count { line in line.firstIndex(of: ":").map { Int(line[..<$0]) != nil } ?? false }
  }

  /// A text, or an object whose members are texts and lists.
  private static func holdsTexts(_ schema: Value) -> Bool {
    guard let properties = schema["properties"]?.object else { return schema["type"]?.string == "string" }
    return properties.values.allSatisfy { ["string", "array"].contains($0["type"]?.string ?? "") }
  }

  /// As prompts of other programs ask for it: between tags, or in a fence.
  private static func inText(_ instruction: String, _ prompt: String) -> String {
    if prompt.contains("<INS>") { return "<INS>\(instruction)</INS>" }
    if prompt.contains("<prompt>") { return "<prompt>\(instruction)</prompt>" }
    return "```\n\(instruction)\n```"
  }
}
