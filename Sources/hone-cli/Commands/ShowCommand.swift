import ArgumentParser
import HoneOptimize
import HoneStore
import HoneTrace

struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a study, one of its trials, or one step of a trial's trace.",
    discussion: """
      hone show triage          the study: what is searched, its best trial, its last trials
      hone show triage --front  what each score costs: the trials that no other is better than in every goal
      hone show triage --library  what alphaopt learned: with --json a file that another study may begin with
      hone show triage/17       trial 17: what it changed, why, what its proposer was shown, its rollouts, the trace of
                                the worst one
      hone show triage/17 --prompt    what its proposer was asked and what it answered, whole
      hone show triage/17/3     step 3 of that trace, with inputs, value and feedback
      """)

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Argument(help: "STUDY, STUDY/TRIAL or STUDY/TRIAL/STEP.") var address: Address
  @Option(
    help: ArgumentHelp("The example whose trace is shown (default: the one with the worst score).", valueName: "id"))
  var example: String?
  @Flag(help: "Print the trace for Graphviz: hone show triage/17 --dot | dot -Tsvg > trace.svg") var dot = false

  @Flag(help: "List every rollout of the trial; a terminal is shown the 20 worst.") var all = false

  @Flag(help: "Print the trial's proposer's requests and replies, whole.") var prompt = false

  @Flag(help: "Show the study's Pareto front, from what is stored: nothing is run.") var front = false

  @Flag(help: "Show the insights that the optimizer alphaopt learned, and where they held.") var library = false

  func validate() throws {
    if library, address.trial != nil { throw ValidationError("--library is of a study: \(address.study) --library") }
    if front, address.trial != nil { throw ValidationError("--front is of a study: \(address.study) --front") }
    if prompt, address.trial == nil || address.step != nil || dot {
      let trial = address.trial.map(String.init) ?? "TRIAL"
      throw ValidationError("--prompt is of a trial: \(address.study)/\(trial) --prompt")
    }
    if dot, address.trial == nil { throw ValidationError("--dot needs a trial: \(address.study)/TRIAL --dot") }
  }

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let definition = try await reader.definition(of: address.study)
    if library { return try await LibraryView(reader, definition, console: console).print() }
    if front {
      let (front, problem) = try await reader.front(definition)
      if console.json {
        console.json("hone.front/1", front.fields(study: address.study, objective: problem.objective))
      } else {
        FrontView(front: front, problem: problem, console: console).print()
      }
      return
    }
    guard let number = address.trial else {
      try await StudyView(reader: reader, definition: definition, console: console).print()
      return
    }
    let trial = try await reader.trial(number, of: address.study)
    let rollouts = try await reader.store.rollouts(of: address.study, trial: number, split: nil, traces: true)
      .sorted { $0.comesBefore($1) }
    let view = TrialView(
      study: address.study, definition: definition, trial: trial,
      changes: Changes(
        of: trial.proposal, among: try await reader.store.trials(of: address.study), space: definition.problem.space),
      reflection: try await reader.reflection(on: number, of: address.study), rollouts: rollouts, console: console,
      isWhole: all, isPrompted: prompt)
    if dot {
      let rollout = try view.traced(example)
      console.data(rollout.trace?.dot ?? "")
    } else if let step = address.step {
      try view.print(step: step, of: try view.traced(example))
    } else {
      try view.print(example: example)
    }
  }
}
