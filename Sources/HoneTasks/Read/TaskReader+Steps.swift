import HoneModel
import HoneTrace

/// Which steps' outputs a template may read.
enum StepScope {
  /// All of them: a text among the parameters, before it is known which step uses it.
  case any
  /// Those before the step with this number.
  case above(Int)
  /// None, and why.
  case row(String)
}

extension TaskReader {
  private static let kinds = ["prompt", "retrieve", "command", "fit"]
  private static let common = ["name", "description"]
  private static let retrieveKeys = ["from", "text", "query", "method", "top_k", "words"]
  /// Names that feedback uses for something else.
  private static let reserved = ["output", "score"]
  static let mostPassages = 1000

  // MARK: - Names

  /// Notes the steps first: texts among the parameters may hold their names.
  mutating func declareSteps(_ workflow: YAMLNode?) {
    stepNodes = workflow?.pairs?.first { $0.key.scalar == "steps" }?.value.elements ?? []
  }

  private func name(of step: YAMLNode) -> YAMLNode? { step.pairs?.first { $0.key.scalar == "name" }?.value }

  /// The number of the first step with this name.
  func stepIndex(_ name: String) -> Int? { stepNodes.firstIndex { self.name(of: $0)?.scalar == name } }

  func stepPlace(_ name: String) -> String { "\(Self.workflowPlace).steps.\(name)" }

  /// The steps' names and where they stand, for when the data has such a field.
  var stepNames: [FieldUse] {
    stepNodes.compactMap { step in
      guard let at = name(of: step), let name = at.scalar else { return nil }
      let message = "workflow.steps: the data has a field \(quoted(name)), which is this step's name too"
      return FieldUse(
        name: name, diagnostic: diagnostic(message, at: at, hint: "give the step another name: {\(name)} could be both")
      )
    }
  }

  var isInGraph: Bool { !stepNodes.isEmpty }

  /// Names of the steps that may be read where the reader is.
  var readableSteps: [String] {
    let names = stepNodes.map { name(of: $0)?.scalar ?? "" }
    return switch stepScope {
    case .any: names
    case .above(let index): Array(names.prefix(index))
    case .row: []
    }
  }

  /// Whether `{field}` is the output of a step; says so when it may not be read here.
  mutating func isStepOutput(_ field: String, at node: YAMLNode, _ name: String) -> Bool {
    guard let index = stepIndex(field) else { return false }
    switch stepScope {
    case .any: break
    case .above(let step) where index < step: break
    case .above(let step):
      fail(
        "\(name): {\(field)} is \(index == step ? "this step's own output" : "the output of a step below")", at: node,
        hint: index == step
          ? "a step reads the row's fields and the steps above it" : "steps run in their order; move \(field) up")
    case .row(let why): fail("\(name): \(field) is a step; \(why)", at: node, hint: "name a field of the row")
    }
    return true
  }

  // MARK: - Steps

  mutating func steps(_ node: YAMLNode) -> [StepSpec]? {
    guard let elements = elements(node, "workflow.steps") else { return nil }
    if elements.isEmpty {
      fail(
        "workflow.steps: there is no step", at: node,
        hint: "such as - { name: answer, prompt: { user: \"{question}\" } }")
    }
    var steps: [StepSpec] = []
    for (index, element) in elements.enumerated() {
      step = index
      stepScope = .above(index)
      if let spec = step(element, number: index) { steps.append(spec) }
    }
    stepScope = .any
    return steps.isEmpty || steps.count < elements.count ? nil : steps
  }

  private mutating func step(_ node: YAMLNode, number: Int) -> StepSpec? {
    guard let pairs = node.pairs else {
      fail(
        "workflow.steps: expected a mapping, found \(node.found)", at: node,
        hint: "such as - { name: answer, prompt: { user: \"{question}\" } }")
      return nil
    }
    let name = stepName(node, number)
    let place = name.map(stepPlace) ?? "workflow.steps"
    let given = pairs.compactMap(\.key.scalar).filter(Self.kinds.contains)
    guard let kind = given.first else {
      let near = pairs.first { Nearest.name(to: $0.key.scalar ?? "", among: Self.kinds) != nil }?.key
      fail(
        "\(place): \(near.map { "unknown key \(quoted($0.scalar ?? ""))" } ?? "has no kind")", at: near ?? node,
        hint: near.flatMap { Nearest.name(to: $0.scalar ?? "", among: Self.kinds) }.map { "did you mean \($0)?" }
          ?? "give it one of \(list(Self.kinds))")
      return nil
    }
    guard given.count == 1 else {
      fail("\(place): \(list(given)) exclude each other", at: node, hint: "make a step of each")
      return nil
    }
    let keys = Self.common + (kind == "command" ? Self.commandKeys : [kind])
    guard let members = members(node, of: place, keys: keys), let at = members[kind] else { return nil }
    let summary = text(members["description"], "\(place).description")
    let work: StepSpec.Work? =
      switch kind {
      case "prompt": prompt(at, place).map { .prompt($0) }
      case "fit": fit(at, "\(place).fit").map { .fit($0) }
      case "retrieve": retrieve(at, "\(place).retrieve").map { .retrieve($0) }
      default: command(members, place, nil).map { .command($0) }
      }
    guard let name, let work else { return nil }
    return StepSpec(name: name, summary: summary, work: work)
  }

  private mutating func stepName(_ node: YAMLNode, _ number: Int) -> String? {
    guard let at = name(of: node) else {
      fail("workflow.steps: step \(number + 1) has no name", at: node, hint: "name it: name: answer")
      return nil
    }
    guard let text = name(at, "workflow.steps.name") else { return nil }
    guard Template("$" + text).parameters == [text] else {
      fail(
        "workflow.steps: \(quoted(text)) is no name of a step", at: at,
        hint: "a name is a letter or underscore, then letters, digits or underscores")
      return nil
    }
    if Self.reserved.contains(text) {
      fail(
        "workflow.steps: a step may not be called \(text)", at: at, hint: "{\(text)} means something else in feedback")
    } else if parameters[text] != nil {
      fail("workflow.steps: \(text) is a parameter's name", at: at, hint: "give the step another; a trace shows both")
    } else if let first = stepIndex(text), first < number {
      fail("workflow.steps: the name \(text) stands twice", at: at, hint: "give each step its own name")
    }
    return text
  }

  // MARK: - Retrieval

  private mutating func retrieve(_ node: YAMLNode, _ place: String) -> RetrieveSpec? {
    guard let members = members(node, of: place, keys: Self.retrieveKeys) else { return nil }
    for (key, hint) in [
      ("from", "a file of documents: from: passages.jsonl"), ("query", "such as query: \"{question}\""),
    ]
    where members[key] == nil {
      fail("\(place): needs \(key)", at: node, hint: hint)
    }
    let documents = path(members["from"], "\(place).from")
    let query = template(members["query"], "\(place).query")
    let field = members["text"].map { name($0, "\(place).text") } ?? "text"
    let method = setting(members["method"], "\(place).method") { reader, node, name in
      reader.choice(node, name, RetrieveSpec.Method.allCases.map(\.rawValue)).map { .string($0) }
    }
    let topK = setting(members["top_k"], "\(place).top_k") { reader, node, name in
      reader.int(node, name, in: 1...Self.mostPassages).map { .int($0) }
    }
    let words = setting(members["words"], "\(place).words") { reader, node, name in
      reader.int(node, name, in: 1...1_000_000).map { .int($0) }
    }
    guard let documents, let query, let field else { return nil }
    if let file = members["from"] {
      documentUses.append(
        DocumentUse(
          path: documents, field: field, file: diagnostic("\(place).from", at: file, hint: nil),
          text: diagnostic("\(place).text", at: members["text"] ?? node, hint: nil)))
    }
    return RetrieveSpec(
      documents: documents, text: field, query: query,
      method: method ?? .value(.string(RetrieveSpec.Method.bm25.rawValue)), topK: topK ?? .value(.int(5)), words: words)
  }

  // MARK: - Commands

  /// A step sees one row: the steps above it ran for that one.
  mutating func refuseBatch(_ batch: YAMLNode?, _ files: Set<String>, _ command: YAMLNode, _ place: String) {
    let hint = "take {example.json}, which holds the row and the outputs of the steps above"
    if let batch { return fail("\(place).batch: a step sees one row at a time", at: batch, hint: hint) }
    if files.contains("batch.jsonl") {
      fail("\(place).command: a step sees one row at a time, there is no {batch.jsonl}", at: command, hint: hint)
    }
  }
}
