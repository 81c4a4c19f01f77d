import HoneTrace

/// The optimizers by the names and settings that task files use.
///
/// - `cqr`, `random`, `sobol`, `tpe`: no settings.
/// - `aegis`: `epsilon`, how often it explores (min(1, 2 / sqrt(parameters))). `epsilon-shotgun`: `epsilon`, how often its
///   target is not the lowest mean (0.1).
/// - `annealing`: `schedule`, `geometric`, `fast` or `logarithmic` (`geometric`); `cooling` of the geometric schedule (0.95);
///   `neighbour`, `several` or `single` (`several`); `acceptance`, `metropolis`, `threshold` or `greedy` (`metropolis`);
///   `step`, in parts of a range (0.2).
/// - `cma-es`: `population` (4 + 3 ln(numbers)); `step`, the first deviation in parts of a range (0.3).
/// - `cross-entropy`: `population` (20); `elite`, part of it that is fitted (0.2); `smoothing` (0.7).
/// - `random-forest`: `trees` (10); `random_share` of the proposals (0.2).
/// - `aegis`, `epsilon-shotgun`, `gp`: `candidates`, proposals of one ask (1).
/// - `gp`: `acquisition`, `ucb` (the default) or `logei`; `priors`, where the best values are expected, by parameter
///   `{ near, spread }` (spread 0.2); `confidence` in them, about a tenth of the trials planned (5); `outputs`, what is done
///   to scores before the fit, `compressed`, `yeo-johnson` or `none` (`compressed`); `warp`, whether numbers are (false).
/// - `gp-constrained`: `constraints` by outcome `{ at_least, at_most }`, `priors`, `confidence`.
/// - `gp-cost`: `outcome`, the cost (`tokens`), `power`, from 0 (cost does not count) to 1 (per unit; 1), `priors`,
///   `confidence`.
/// - `auto`, the default: those of `joint`; numbers by the model that suits the space, with a second one for insurance.
/// - `llambo`: `context`, what the model is told before results, `none`, `partial` or `full` (`full`); `card`, a text about the
///   data; `start`, configurations of the warm start (5); `suggestions` of a later request (10); `alpha`, how far beyond the
///   best score its target lies (0.1); `surrogate`, `discriminative`, `generative` or `none` (`discriminative`);
///   `permutations`, requests for predictions (2); `requests` that a trial may take (3); `confidence`, about a tenth of the
///   trials planned (5); `temperature` (0.8); `max_tokens` (1500); `prompt_tokens` of the results (2000); `prompts`.
/// - `optoprime`: `parameters`, names it may change (all); `temperature`, a number or a list taken in turn
///   ([0.7, 1, 0.4, 1.2]); `max_tokens` of a reply (800); `prompt_tokens`, cap of the prompt (3000); `memory`, past trials
///   shown (7); `repairs` after a rejected reply (1); `tries`, fresh requests for one proposal (1, or 3 where there are no
///   numbers); `fallback`, numeric search when the model fails (true); `prompts`, a folder of templates; `candidates`,
///   proposals of one ask (1).
/// - `opro`: those of `optoprime` (`temperature` 1, `memory` 20 of the best).
/// - `gepa`: those of `optoprime` but `fallback` and `memory` (`temperature` 1, `max_tokens` 1500, `prompt_tokens` 6000);
///   `merges` of a study (5); `changes_all`, all texts in one request instead of one after the other (false).
/// - `evoprompt`: those of `gepa` but `merges`, `changes_all` and `prompt_tokens` (`temperature` 0.5, `max_tokens` 1200);
///   `algorithm`, `differential` or `genetic` (`differential`); `population` (10).
/// - `forest`: those of `optoprime` (`temperature` 1, `max_tokens` 1200, `prompt_tokens` 6000; `memory`, directions shown with
///   what they did, 12); `trees` (3); `directions` of one request (3); `exploration`, c of UCT (1).
/// - `alphaopt`: those of `optoprime` but `memory` (`temperature` 1, `max_tokens` 1500, `prompt_tokens` 6000); `insights` of one
///   request (3); `applied`, insights that one proposal takes up (3); `library`, a file of insights to begin with.
/// - `textgrad`: those of `gepa` but `merges` and `changes_all` (`temperature` 0.7, `max_tokens` 1200); `examples`, rollouts whose
///   feedback is carried back (3); `requests` for it in one ask (12).
/// - `mipro`: those of `gepa` but `merges` and `changes_all` (`max_tokens` 1200); `start`, instructions written at first (2);
///   `notes`, requests for notes on the data (2); `demonstrations` bootstrapped in a set, at most (4); `labelled` beside them,
///   at most (4); `sets` of demonstrations for a parameter (8); `threshold`, the score from which on a rollout may become a
///   demonstration (by the scores).
/// - `portfolio`: `members`, who may propose (auto, llambo, optoprime, gepa, opro, textgrad, evoprompt; also mipro, forest,
///   alphaopt); `floor`, the part of the turns that each keeps (0.08); `adaptation` and `pursuit`, how fast rewards and turns follow (0.3, 0.2); `prompts`.
/// - `joint`: those of `optoprime` but `fallback`, and `share`, the part of the proposals that change text,
///   from 0 to 1 (0.5). In a space without text it is `sobol`.
public enum OptimizerCatalog {
  /// What an optimizer is called when nothing is said.
  public static let defaultName = "auto"

  public static let names = [
    "aegis", "alphaopt", "annealing", "auto", "cma-es", "cqr", "cross-entropy", "epsilon-shotgun", "evoprompt",
    "forest", "gepa", "gp", "gp-constrained", "gp-cost", "joint", "llambo", "mipro", "opro", "optoprime", "portfolio",
    "random", "random-forest", "sobol", "textgrad", "tpe",
  ]

  /// Those that ask a language model for every proposal: without one they propose nothing.
  public static let askingModel: Set<String> = [
    "alphaopt", "evoprompt", "forest", "gepa", "llambo", "mipro", "opro", "optoprime", "textgrad",
  ]

  /// The settings an optimizer knows, sorted; empty for an unknown one.
  public static func settingNames(of optimizer: String) -> [String] {
    let proposer = [
      "candidates", "max_tokens", "memory", "parameters", "prompt_tokens", "prompts", "repairs", "temperature", "tries",
    ]
    switch optimizer {
    case "auto", "joint": return (proposer + ["share"]).sorted()
    case "portfolio": return ["adaptation", "floor", "members", "prompts", "pursuit"]
    case "gp": return ["acquisition", "candidates", "confidence", "outputs", "priors", "warp"]
    case "gp-constrained": return ["confidence", "constraints", "priors"]
    case "gp-cost": return ["confidence", "outcome", "power", "priors"]
    case "llambo": return llamboSettings
    case "gepa": return (proposer + ["changes_all", "merges"]).filter { $0 != "memory" }.sorted()
    case "evoprompt":
      return (proposer + ["algorithm", "population"]).filter { !["memory", "prompt_tokens"].contains($0) }.sorted()
    case "mipro":
      let own = ["demonstrations", "labelled", "notes", "sets", "start", "threshold"]
      return (proposer + own).filter { $0 != "memory" }.sorted()
    case "textgrad": return (proposer + ["examples", "requests"]).filter { $0 != "memory" }.sorted()
    case "alphaopt":
      return (proposer + ["applied", "fallback", "insights", "library"]).filter { $0 != "memory" }.sorted()
    case "forest": return (proposer + ["directions", "exploration", "fallback", "trees"]).sorted()
    case "opro", "optoprime": return (proposer + ["fallback"]).sorted()
    default: return blackBoxSettings[optimizer] ?? []
    }
  }

  /// How many proposals the settings ask for at once, nil when they do not say: the study's batch.
  public static func candidates(_ settings: Value) -> Int? { settings["candidates"]?.int }

  /// - Parameters:
  ///   - settings: an object, or null for none.
  ///   - space: when given, the parameters that the settings name are looked up in it.
  /// - Throws: for an unknown optimizer or setting, naming the nearest one, and for a value that a setting cannot have.
  public static func make(name: String = defaultName, settings: Value = .null, space: Space? = nil)
    throws(OptimizerError) -> any Optimizer
  {
    let reader = try SettingsReader(
      of: name, "optimizer", among: names, settings: settings, allowed: settingNames(of: name),
      other: { SchedulerCatalog.names.contains($0) ? "\($0) is a scheduler: SchedulerCatalog makes it" : nil })
    if let blackBox = try blackBox(name, reader) { return blackBox }
    switch name {
    case "random": return RandomSearch()
    case "sobol": return SobolSearch()
    case "tpe": return TPE()
    case "gp", "gp-constrained", "gp-cost": return try process(name, reader, space)
    case "llambo": return LLAMBO(try llambo(reader))
    case "evoprompt":
      var settings = EvoPrompt.Settings()
      settings.text = try proposer(reader, space, from: settings.text)
      settings.algorithm = try reader.choice("algorithm") ?? settings.algorithm
      settings.population = try reader.int("population", in: 4...1_000) ?? settings.population
      return EvoPrompt(settings)
    case "textgrad":
      var settings = TextGrad.Settings()
      settings.text = try proposer(reader, space, from: settings.text)
      settings.examples = try reader.int("examples", in: 1...1_000) ?? settings.examples
      settings.requests = try reader.int("requests", in: 1...1_000) ?? settings.requests
      return TextGrad(settings)
    case "alphaopt": return AlphaOPT(try alphaopt(reader, space))
    case "forest": return Forest(try forest(reader, space))
    case "opro": return OPRO(try proposer(reader, space, from: OPRO().settings))
    case "gepa":
      var settings = GEPA.Settings()
      settings.text = try proposer(reader, space, from: settings.text)
      settings.merges = try reader.int("merges", in: 0...1_000) ?? settings.merges
      settings.changesAll = try reader.bool("changes_all") ?? settings.changesAll
      return GEPA(settings)
    case "mipro": return MIPRO(try mipro(reader, space))
    case "optoprime": return OptoPrime(try proposer(reader, space))
    case "portfolio": return Portfolio(try portfolio(reader))
    default:
      let share = try reader.number("share", in: 0...1) ?? 0.5
      let words = Joint.Settings(textShare: share, text: try proposer(reader, space))
      // Numbers alone need neither a model nor rollouts to show it.
      let isNumeric = space?.parameters.allSatisfy(\.domain.isEncodable) ?? false
      if name == "auto" { return Auto(Auto.Settings(words: words, needsRollouts: !isNumeric)) }
      return isNumeric ? SobolSearch() : Joint(words)
    }
  }
}

/// What is wrong with an optimizer's name or settings.
public struct OptimizerError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The key it is about; nil when it is the optimizer's name or the settings as a whole.
  public var setting: String?
  public var message: String
  /// What to do about it.
  public var hint: String?

  public init(setting: String? = nil, _ message: String, hint: String? = nil) {
    self.setting = setting
    self.message = message
    self.hint = hint
  }

  public var description: String {
    (setting.map { "\($0): " } ?? "") + message + (hint.map { " (\($0))" } ?? "")
  }
}
