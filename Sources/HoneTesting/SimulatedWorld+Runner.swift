import Hone
import HoneModel
import HoneOptimize
import HoneTrace

/// Labels the world's rows as a prompt task does, with steps `render`, `model` and `score`.
public struct SimulatedRunner: Runner {
  public let world: SimulatedWorld
  public let space: Space
  public var fingerprint: String { "simulated/\(world.name)/\(world.seed)" }
  private let model: any ChatModel

  /// - Parameters:
  ///   - model: usually a `SimulatedModel` of the world, or an endpoint behind which one stands.
  ///   - hasNumbers: temperature, number of demonstrations and passages may be changed beside the instruction.
  ///   - hasShots: a parameter holds demonstrations, as they are bootstrapped.
  public init(_ world: SimulatedWorld, model: any ChatModel, hasNumbers: Bool = false, hasShots: Bool = false) {
    self.world = world
    self.model = model
    var parameters = [
      ParameterSpec(
        name: "instruction", domain: .text(TextDomain(maxLength: 2_000)), initial: .string(SimulatedWorld.opening))
    ]
    if hasShots { parameters.append(ParameterSpec(name: "shots", domain: .demonstrations(), initial: "")) }
    if hasNumbers {
      parameters.append(ParameterSpec(name: "temperature", domain: .float(FloatDomain(0...1)), initial: 0.7))
      parameters.append(ParameterSpec(name: "demonstrations", domain: .int(IntDomain(0...8)), initial: 0))
      if world.passages > 0 {
        parameters.append(ParameterSpec(name: "passages", domain: .int(IntDomain(1...12)), initial: 1))
      }
    }
    space = Space(parameters)
  }

  /// Rows from the world's first on: training, validation, test.
  public static func data(train: Int, validation: Int, test: Int) -> DataSplits {
    func rows(_ range: Range<Int>) -> [Example] { range.map { Example(id: "r\($0)", fields: ["row": .int($0)]) } }
    return DataSplits(
      train: rows(0..<train), validation: rows(train..<(train + validation)),
      test: rows((train + validation)..<(train + validation + test)))
  }

  /// The setting that an assignment stands for.
  public func setting(_ assignment: Assignment) -> SimulatedWorld.Setting {
    SimulatedWorld.Setting(
      assignment["instruction"]?.string ?? "", temperature: assignment["temperature"]?.number ?? 0,
      demonstrations: (assignment["demonstrations"]?.int ?? 0) + shots(assignment).list.count,
      passages: assignment["passages"]?.int ?? world.passages)
  }

  private func shots(_ assignment: Assignment) -> Demonstrations {
    assignment["shots"].flatMap(Demonstrations.init(parameterValue:)) ?? []
  }

  public func label(of example: Example) -> String? { example.fields["row"]?.int.map(world.label) }

  public func run(_ example: Example, repeat: Int) async -> Outcome {
    let row = example.fields["row"]?.int ?? 0
    let assignment = TraceContext.current?.assignment ?? space.initial
    let setting = setting(assignment)
    let recorder = TraceContext.current?.recorder
    let used = space.parameters.compactMap { spec in parameter(spec.name).flatMap { recorder?.node(of: $0) } }
    let input = recorder?.append(.input, name: "item", inputs: [], value: .string(world.text(row)))
    let request = request(row, setting, shots(assignment))
    let inputs = used + [input].compactMap(\.self)
    do throws(ModelError) {
      let reply = try await model.chat(request)
      let node = recorder?.append(
        .step, name: "model", inputs: inputs, value: .string(reply.text), doc: "Asks the model for the item's label.")
      let score = reply.text == world.label(row) ? 1.0 : 0
      return Outcome(
        output: .string(reply.text), score: score,
        feedback: world.feedback(row, reply.text, instruction: setting.instruction),
        outcomes: ["tokens": Double(reply.usage.totalTokens)], node: node)
    } catch {
      let node = recorder?.append(.failure, name: "model", inputs: inputs, value: .string(error.message))
      return Outcome(failure: .init(.infrastructure, error.message), error: error, node: node)
    }
  }

  private func request(_ row: Int, _ setting: SimulatedWorld.Setting, _ shots: Demonstrations) -> ChatRequest {
    var messages = [ChatMessage(.system, setting.instruction)]
    for one in shots.without(["item": .string(world.text(row))]).list {
      messages.append(ChatMessage(.user, one.inputs["item"]?.text ?? ""))
      messages.append(ChatMessage(.assistant, one.output))
    }
    // Worked rows lie beyond all data.
    for shown in 0..<max(0, setting.demonstrations - shots.list.count) {
      messages.append(ChatMessage(.user, world.text(1_000_000 + shown)))
      messages.append(ChatMessage(.assistant, world.label(1_000_000 + shown)))
    }
    let passages = (0..<max(0, setting.passages)).map { "passage: \(world.name) \(row) \($0)\n" }.joined()
    messages.append(ChatMessage(.user, passages + world.text(row)))
    return ChatRequest(messages, temperature: setting.temperature, maxTokens: 8)
  }
}
