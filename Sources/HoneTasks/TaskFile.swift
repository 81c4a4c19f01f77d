import HoneModel
import HoneOptimize
import HoneTrace

/// A tuning task as its YAML file describes it: what is run, on which data, how it is scored, what may be changed.
///
/// `Documentation/Formats/task.md` documents every key.
public struct TaskFile: Sendable {
  /// The file as the user named it.
  public var path: String
  /// The folder it is in; relative paths in the file start there.
  public var directory: String
  /// The study's name.
  public var study: String
  public var objective: Objective
  /// A score at which the search may stop.
  public var target: Double?
  /// What an example costs, in units of the score; nil: the search does not end for this.
  public var costPerExample: Double?
  /// The model under tuning; nil for commands that name none.
  public var model: ModelSpec?
  /// The model that turns texts into vectors; nil when no step needs one.
  public var embedding: ModelSpec?
  /// Nil for a workflow that reads no row.
  public var data: DataSpec?
  public var workflow: WorkflowSpec
  public var space: Space
  public var score: ScoreSpec
  public var optimizer: OptimizerSpec
  public var budget: Budget
  /// Rollouts at a time; nil when the file does not say.
  public var parallel: Int?
  /// Everything the file says, by key, with defaults left out: what a study definition keeps and `diff` compares.
  public var canonical: Value
  /// Things that are allowed but look unintended.
  public var warnings: [Diagnostic]
  /// Where each data field is used, to say so when the data has no such field.
  var fieldUses: [FieldUse]
  /// The programs that commands begin with, to say so when one is not there.
  var programUses: [ProgramUse]
  /// Where the names of steps stand, to say so when the data has a field of that name.
  var stepNames: [FieldUse]
  /// Where retrievals name their documents, to say so when they cannot be read.
  var documentUses: [DocumentUse]
  /// Where fits stand, to say so when rows cannot be fitted; the message is the key.
  var fitUses: [Diagnostic]
  /// The paths that it names.
  var pathUses: [PathUse]
}

extension TaskFile {
  /// What is searched, in which direction, from which seed.
  public var problem: Problem { Problem(space: space, objective: objective, seed: optimizer.seed) }
}

/// `{name}` somewhere in a task file.
struct FieldUse: Sendable {
  var name: String
  /// Where it stands, with a message that says what is missing.
  var diagnostic: Diagnostic
  /// What else could be meant: steps whose output may be read there.
  var steps: [String] = []
}

/// A path in a task file.
struct PathUse: Sendable {
  var node: YAMLNode
  /// Where it leads.
  var path: String
}

/// The documents of a retrieval: the file and the field that is searched.
struct DocumentUse: Sendable {
  var path: String
  var field: String
  /// Where each stands; the message is the key.
  var file: Diagnostic
  var text: Diagnostic
}

/// The first argument of a command.
struct ProgramUse: Sendable {
  var program: Template
  /// The number of the workflow's step, from 0; nil: the score's command.
  var step: Int?
  /// Where it stands; the message is the key.
  var diagnostic: Diagnostic
}

/// An endpoint and a model there, as a task file names them.
public struct ModelSpec: Hashable, Sendable {
  public enum API: String, Hashable, Sendable, CaseIterable { case openai, anthropic }
  public enum Key: Hashable, Sendable {
    /// A variable's name, never the key itself.
    case environment(String)
    /// A file's path, resolved.
    case file(String)
  }
  /// Base URL; nil: taken from the environment.
  public var endpoint: String?
  public var api: API
  /// Nil: taken from the environment.
  public var name: String?
  /// Names the endpoint in cassettes and fingerprints; nil: the model's name.
  public var alias: String?
  public var key: Key?
  /// Seconds a request may take in all.
  public var timeout: Double?
  public var price: Price?
  public var maxConcurrent: Int?
  /// Plain HTTP with a key to another machine is allowed.
  public var allowInsecureHTTP: Bool
}

/// Where rows come from and what their fields are called.
public struct DataSpec: Hashable, Sendable {
  /// Resolved paths, for messages and reading; nil when the file names none.
  public var train: String?
  public var validation: String?
  public var test: String?
  /// The field of the task file for each name the rows use: `fields: { text: body }` reads `body` as `text`.
  public var fields: [String: String]
  /// The column that holds a row's id; nil: `id` when the row has one, else a hash of the row.
  public var id: String?
  /// Shares of one file that is split, summing to 1; only with `train` alone.
  public var split: SplitSpec?

  /// How one file is split: the order is drawn with `seed`, then cut.
  public struct SplitSpec: Hashable, Sendable {
    public var train: Double
    public var validation: Double
    public var test: Double
    public var seed: UInt64
  }
}

/// How an output becomes a score, and what is said about it.
public struct ScoreSpec: Sendable {
  public var metric: Metric
  /// Rollouts of each example, for scores with noise.
  public var repeats: Int
  /// Said when the score is not the best one; filled with the row's fields, `{output}` and `{score}`.
  public var feedback: Template?
  public var constraints: [Constraint]

  /// A bound on a further outcome.
  public struct Constraint: Hashable, Sendable {
    public var outcome: String
    public var atMost: Double?
    public var atLeast: Double?
  }
}

/// Who proposes, and with what settings.
public struct OptimizerSpec: Sendable {
  /// "auto", "joint", "optoprime", "random", "sobol", …
  public var name: String
  /// Its own settings, as they stand in the file.
  public var settings: [String: Value]
  /// The proposer's model; nil: the one under tuning.
  public var model: ModelSpec?
  /// Training rollouts shown to a proposer, and the first rows trials are compared on; nil: the study's default.
  public var minibatch: Int?
  /// Whether hopeless trials end after the minibatch; nil: the study's default.
  public var screening: Bool?
  public var seed: UInt64
  /// What decides which rollouts are paid for; nil: the study's default.
  public var scheduler: SchedulerSpec?
}

/// A scheduler and its own settings, as they stand in the file.
public struct SchedulerSpec: Hashable, Sendable {
  public var name: String
  public var settings: [String: Value]

  /// Begins trials itself: the optimizer is not asked.
  var isBandit: Bool { (try? SchedulerCatalog.make(name: name))?.asksOptimizer == false }
}
