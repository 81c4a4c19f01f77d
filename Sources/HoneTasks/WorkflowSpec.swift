import HoneModel
import HoneTrace

/// What a rollout runs.
public enum WorkflowSpec: Sendable {
  case prompt(PromptSpec)
  case command(CommandSpec)
  case fit(FitSpec)
  /// In their order, each reading the row and the outputs of those above it; the last one's output is scored.
  case steps([StepSpec])
}

/// One of several steps.
public struct StepSpec: Sendable {
  public enum Work: Sendable {
    case prompt(PromptSpec)
    case retrieve(RetrieveSpec)
    case command(CommandSpec)
    case fit(FitSpec)
  }
  /// What the steps below read its output by, and what its node in a trace is called.
  public var name: String
  /// A sentence for proposers; nil: what its kind does.
  public var summary: String?
  public var work: Work

  /// `prompt`, `retrieve`, `command` or `fit`: the key it has in the file.
  public var kind: String {
    switch work {
    case .prompt: "prompt"
    case .retrieve: "retrieve"
    case .command: "command"
    case .fit: "fit"
    }
  }
}

extension WorkflowSpec {
  /// The steps; a single prompt or command is the only one, under the name its trace has for it.
  public var steps: [StepSpec] {
    switch self {
    case .prompt(let spec): [StepSpec(name: "model", work: .prompt(spec))]
    case .command(let spec): [StepSpec(name: "command", work: .command(spec))]
    case .fit(let spec): [StepSpec(name: "fit", work: .fit(spec))]
    case .steps(let steps): steps
    }
  }

  /// Whether several steps are declared.
  public var isGraph: Bool { if case .steps = self { true } else { false } }

  /// Whether a rollout asks the model under tuning.
  public var asksModel: Bool { prompts > 0 }

  /// Requests to the model under tuning in one rollout.
  var prompts: Int { steps.count { $0.kind == "prompt" } }

  var commands: [CommandSpec] { steps.compactMap { if case .command(let spec) = $0.work { spec } else { nil } } }

  var retrievals: [RetrieveSpec] { steps.compactMap { if case .retrieve(let spec) = $0.work { spec } else { nil } } }

  var fits: [FitSpec] { steps.compactMap { if case .fit(let spec) = $0.work { spec } else { nil } } }

  /// Whether what is scored is what a command printed.
  var endsWithCommand: Bool { steps.last?.kind == "command" }
}

/// A chat request made of templates.
public struct PromptSpec: Sendable {
  public struct Message: Sendable {
    public var role: ChatMessage.Role
    public var template: Template
  }
  /// In order; demonstrations are put in before the last user message.
  public var messages: [Message]
  public var demonstrations: DemonstrationSpec?
  public var temperature: Setting
  public var maxTokens: Setting
  public var topP: Setting?
  public var stop: [String]
  public var seed: Int?
  public var format: ResponseFormat
}

/// Worked examples shown to the model as earlier turns.
public struct DemonstrationSpec: Sendable {
  public enum Source: Sendable {
    /// Rows of the training data: how many, at most, and the field whose values are balanced; nil: rows in their order.
    case rows(count: Setting, balance: String?)
    /// The parameter that holds them.
    case parameter(String)
  }
  /// What the output of a demonstration that a parameter holds is called in the templates.
  static let output = "output"

  public var source: Source
  public var user: Template
  public var assistant: Template
}

/// A fixed value or a parameter's.
public enum Setting: Hashable, Sendable {
  case value(Value)
  case parameter(String)
}

/// A program that is run for each example, or for a batch of them.
public struct CommandSpec: Sendable {
  /// The argument vector; no shell ever sees it.
  public var arguments: [Template]
  /// Working directory, resolved; nil: a fresh folder for each run.
  public var directory: String?
  /// Seconds before the process group is told to end.
  public var timeout: Double
  /// The program appends its steps to the file named in `HONE_TRACE`.
  public var trace: Bool
  /// Variables of the environment that are handed on, beside PATH.
  public var passEnvironment: [String]
  /// Further variables with fixed values.
  public var environment: [String: String]
  /// What the program reads on standard input; nil: nothing.
  public var input: Template?
  /// Rows in one `{batch.jsonl}`; nil when the command uses none.
  public var batch: Int?
  /// Nil: the command runs no generated code.
  public var sandbox: SandboxSpec?
}

/// What a command that runs generated code may see and use.
public struct SandboxSpec: Hashable, Sendable {
  /// Files and folders it may read beside the system's programs and the files its arguments name, resolved.
  public var read: [String] = []
  /// MiB, of each process and of all of them together.
  public var memory = 1024
  /// Processes and threads at a time.
  public var processes = 64

  public init() {}
}

/// A search for passages in a file of documents.
public struct RetrieveSpec: Sendable {
  /// How passages are found.
  public enum Method: String, Hashable, Sendable, CaseIterable { case bm25, dense, hybrid }
  /// Resolved path of the documents: rows, read as data files are.
  public var documents: String
  /// The field with a document's text.
  public var text: String
  public var query: Template
  /// One of `Method`'s names.
  public var method: Setting
  /// Passages handed on, at most.
  public var topK: Setting
  /// Words in a passage; nil: documents are not cut.
  public var words: Setting?

  /// The documents' path as seen from a folder: the same wherever a checkout lies.
  func documents(from directory: String) -> String {
    documents.hasPrefix(directory + "/") ? String(documents.dropFirst(directory.count + 1)) : documents
  }

  /// Whether embeddings may be needed.
  func mayEmbed(_ space: Space) -> Bool {
    let methods: [Value] =
      switch method {
      case .value(let value): [value]
      case .parameter(let name): space[name]?.domain.choices ?? []
      }
    return methods.compactMap { $0.string.flatMap(Method.init) }.contains { $0 != .bm25 }
  }
}

extension Domain {
  /// The values of a choice; nil for other kinds.
  var choices: [Value]? {
    switch self {
    case .categorical(let choices), .ordinal(let choices): choices
    default: nil
    }
  }
}
