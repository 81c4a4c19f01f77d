import HoneModel
import HoneTrace

extension TaskReader {
  /// What only the sections together can tell.
  mutating func agree(
    _ members: [String: YAMLNode], _ workflow: WorkflowSpec, _ space: Space, _ score: ScoreSpec, hasEmbedding: Bool
  ) {
    guard let workflowNode = members["workflow"] else { return }
    for (index, step) in workflow.steps.enumerated() {
      let node = stepNodes.indices.contains(index) ? stepNodes[index] : workflowNode
      let place = workflow.isGraph ? stepPlace(step.name) : Self.workflowPlace
      agree(step, place, space, node)
      if members["data"] == nil { needsNoData(step, place, space, node, isGraph: workflow.isGraph) }
      if workflow.isGraph { readsOnlyAbove(step, index, place, space, node) }
    }
    checkOutcomes(members, workflow, score)
    if workflow.isGraph { unread(workflow.steps, space) }
    agree(workflow, members["embedding"], space, hasEmbedding: hasEmbedding)
    for (name, mark) in parameters.sorted(by: { $0.value < $1.value }) where !usedParameters.contains(name) {
      let node = YAMLNode(content: .scalar(name, plain: true), mark: mark)
      let isCondition = space.parameters.contains { $0.condition?.allowed[name] != nil }
      if isCondition { continue }
      warn(
        "\(name): the workflow does not use this parameter", at: node, hint: "write $\(name) where its value belongs")
    }
  }

  private mutating func agree(_ step: StepSpec, _ place: String, _ space: Space, _ node: YAMLNode) {
    switch step.work {
    case .prompt(let prompt):
      check(prompt.temperature, "\(place).prompt.temperature", space, whole: false)
      check(prompt.maxTokens, "\(place).prompt.max_tokens", space, whole: true)
      if let topP = prompt.topP { check(topP, "\(place).prompt.top_p", space, whole: false) }
      if let shots = prompt.demonstrations { check(shots, prompt, "\(place).prompt.demonstrations", space) }
    case .retrieve(let spec):
      check(spec.topK, "\(place).retrieve.top_k", space, whole: true, atLeast: 1)
      if let words = spec.words { check(words, "\(place).retrieve.words", space, whole: true, atLeast: 1) }
      check(
        choices: spec.method, "\(place).retrieve.method", space, RetrieveSpec.Method.allCases.map(\.rawValue))
    case .fit(let spec): check(spec, isInGraph ? "\(place).fit" : "workflow.fit", space, node)
    case .command(let command):
      if command.arguments.contains(where: { $0.fields.contains("parameters.json") }) {
        usedParameters.formUnion(parameters.keys)
      }
    }
  }

  /// A count is a whole number; what holds demonstrations is made for it, and they hold what the prompt reads.
  private mutating func check(_ shots: DemonstrationSpec, _ prompt: PromptSpec, _ name: String, _ space: Space) {
    switch shots.source {
    case .rows(let count, _): check(count, "\(name).count", space, whole: true)
    case .parameter(let parameter):
      guard let spec = space[parameter], let mark = parameters[parameter] else { return }
      let at = YAMLNode(content: .scalar(parameter, plain: true), mark: mark)
      guard spec.domain.holdsDemonstrations else {
        return fail(
          "\(parameter): \(name).from needs a parameter of the kind demonstrations", at: at,
          hint: "write \(parameter): { demonstrations: \"\" }")
      }
      let filling = Filling(space: space)
      let held = filling.fields(of: prompt.messages.map(\.template))
      for field in filling.fields(of: [shots.user]) where !held.contains(field) {
        fail(
          "\(name).user: a demonstration has no field \(quoted(field)), since the prompt does not read it", at: at,
          hint: held.isEmpty ? nil : "it has \(list(held))")
      }
      for field in filling.fields(of: [shots.assistant]) where !(held + [DemonstrationSpec.output]).contains(field) {
        fail(
          "\(name).assistant: a demonstration has no field \(quoted(field))", at: at,
          hint: "what was answered is {\(DemonstrationSpec.output)}")
      }
    }
  }

  // MARK: - What a step reads

  private mutating func needsNoData(
    _ step: StepSpec, _ place: String, _ space: Space, _ node: YAMLNode, isGraph: Bool
  ) {
    if !isGraph, step.kind == "prompt" || step.kind == "fit" {
      return fail("workflow: a \(step.kind) needs data", at: node, hint: "name it: data: { train: train.jsonl }")
    }
    var reads = step.fields(space)
    if case .command(let command) = step.work {
      let rows = ["batch.jsonl", "example.json"]
      reads = command.arguments.flatMap(\.fields).filter { !$0.contains(".") || rows.contains($0) }
      reads += command.input?.fields ?? []
    }
    guard let first = reads.first(where: { stepIndex($0) == nil }) else { return }
    let what = isGraph ? "\(place): reads" : "workflow: the command reads"
    fail("\(what) {\(first)} and there is no data", at: node, hint: "name it under data:")
  }

  /// Texts among the parameters may hold the outputs of steps; here it is known which step uses them.
  private mutating func readsOnlyAbove(
    _ step: StepSpec, _ index: Int, _ place: String, _ space: Space, _ node: YAMLNode
  ) {
    let filling = Filling(space: space)
    func held(_ templates: [Template]) -> [(parameter: String, field: String)] {
      templates.flatMap(\.parameters).flatMap { name in filling.placeholders(of: name).map { (name, $0) } }
    }
    for (parameter, field) in held(step.templates) {
      guard let other = stepIndex(field), other >= index else { continue }
      fail(
        "\(place): the text of $\(parameter) holds {\(field)}, which is \(other == index ? "this step's own output" : "the output of a step below")",
        at: node, hint: "a step reads the row's fields and the steps above it")
    }
    guard case .prompt(let prompt) = step.work, let shots = prompt.demonstrations, case .rows = shots.source else {
      return
    }
    for (parameter, field) in held([shots.user, shots.assistant]) where stepIndex(field) != nil {
      fail(
        "\(place).prompt.demonstrations: the text of $\(parameter) holds {\(field)}, which a row of train does not have",
        at: node, hint: "give it a text of its own: user: \"{question}\"")
    }
  }

  /// Steps whose output nothing reads.
  private mutating func unread(_ steps: [StepSpec], _ space: Space) {
    for (index, step) in steps.dropLast().enumerated() {
      let isRead = steps[(index + 1)...].contains { $0.readsAll || $0.fields(space).contains(step.name) }
      guard !isRead, stepNodes.indices.contains(index) else { continue }
      warn(
        "\(step.name): no later step reads this one's output", at: stepNodes[index],
        hint: "write {\(step.name)} where it belongs, or remove the step")
    }
  }

  // MARK: - Embeddings

  mutating func embedding(_ node: YAMLNode?) -> ModelSpec? {
    guard let spec = model(node, "embedding"), let node else { return nil }
    if spec.name == nil { fail("embedding: needs name", at: node, hint: "such as name: all-minilm-l6-v2") }
    if spec.api == .anthropic {
      fail("embedding.api: this protocol has no embeddings", at: node, hint: "use a server that speaks openai")
    }
    return spec
  }

  private mutating func agree(
    _ workflow: WorkflowSpec, _ embedding: YAMLNode?, _ space: Space, hasEmbedding: Bool
  ) {
    let steps = workflow.steps
    let needing = steps.firstIndex { step in
      if case .retrieve(let spec) = step.work { spec.mayEmbed(space) } else { false }
    }
    if let needing, embedding == nil, stepNodes.indices.contains(needing) {
      fail(
        "\(stepPlace(steps[needing].name)).retrieve: dense and hybrid need a model of embeddings",
        at: stepNodes[needing],
        hint: "name it: embedding: { endpoint: \"http://127.0.0.1:8080/v1\", name: all-minilm-l6-v2 }")
    }
    if needing == nil, let embedding, hasEmbedding {
      warn("embedding: no step uses it", at: embedding, hint: "remove it, or retrieve with method: dense")
    }
  }

  // MARK: - Settings

  private func values(of setting: Setting, _ space: Space) -> (spec: ParameterSpec, choices: [Value]?)? {
    guard case .parameter(let name) = setting, let spec = space[name] else { return nil }
    return (spec, spec.domain.choices)
  }

  /// A setting that takes a number must be handed a parameter that holds numbers.
  mutating func check(
    _ setting: Setting, _ name: String, _ space: Space, whole: Bool, atLeast least: Double? = nil,
    atMost most: Double? = nil
  ) {
    guard let (spec, choices) = values(of: setting, space), let mark = parameters[spec.name] else { return }
    var (smallest, largest): (Double?, Double?)
    let fits: Bool
    switch spec.domain {
    case .float(let domain):
      fits = !whole
      (smallest, largest) = (domain.lower, domain.upper)
    case .int(let domain):
      fits = true
      (smallest, largest) = (Double(domain.lower), Double(domain.upper))
    default:
      fits = choices?.allSatisfy { whole ? $0.int != nil : $0.number != nil } ?? false
      smallest = choices?.compactMap(\.number).min()
      largest = choices?.compactMap(\.number).max()
    }
    let at = YAMLNode(content: .scalar(spec.name, plain: true), mark: mark)
    guard fits else {
      return fail(
        "\(spec.name): \(name) needs \(whole ? "whole numbers" : "numbers"), which this parameter does not hold", at: at
      )
    }
    if let least, let smallest, smallest < least {
      fail("\(spec.name): \(name) needs \(number(least)) or more, this parameter may be \(number(smallest))", at: at)
    }
    if let most, let largest, largest > most {
      fail("\(spec.name): \(name) needs \(number(most)) or less, this parameter may be \(number(largest))", at: at)
    }
  }

  mutating func check(choices setting: Setting, _ name: String, _ space: Space, _ known: [String]) {
    guard let (spec, choices) = values(of: setting, space), let mark = parameters[spec.name] else { return }
    guard let wrong = (choices ?? [.null]).first(where: { !known.contains($0.string ?? "") }) else { return }
    let found = choices == nil ? "which this parameter does not hold" : "found \(quoted(wrong.text))"
    fail(
      "\(spec.name): \(name) needs choices out of \(known.joined(separator: ", ")), \(found)",
      at: YAMLNode(content: .scalar(spec.name, plain: true), mark: mark))
  }
}
