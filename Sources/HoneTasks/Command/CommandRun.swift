import Foundation
import Hone
import HoneTrace

/// Runs a command for one example: fills its arguments, writes the files they name, reads back what it did.
struct CommandRun: Sendable {
  var arguments: [Template]
  /// Working directory.
  var directory: String
  /// Seconds.
  var timeout: Double
  var passEnvironment: [String] = []
  var fixedEnvironment: [String: String] = [:]
  var input: Template?
  var wantsTrace = false
  /// This process's environment.
  var environment: [String: String]
  var grace: Duration = .seconds(5)
  /// Nil: the command is the user's own and runs as any program does.
  var sandbox: Sandbox?

  static let defaultPath = "/usr/bin:/bin"

  /// What the command is told about one rollout.
  struct Call: Sendable {
    var example: Example
    var assignment: Assignment
    var `repeat`: Int
    /// The output to be scored; nil when the command makes one.
    var output: String?
  }

  struct Result: Sendable {
    var process: CommandProcess.Result
    var trace: TraceLines
  }

  /// The longest argument Linux takes is 128 KiB, its closing zero included.
  private static let maxArgument = 128 * 1024 - 1

  func run(_ call: Call) async -> Result {
    func notStarted(_ message: String) -> Result {
      Result(
        process: CommandProcess.Result(end: .notStarted(message), output: OutputTail(), errors: OutputTail()),
        trace: TraceLines())
    }
    do throws(RunDirectory.Failure) {
      let folder = try RunDirectory()
      defer { folder.remove() }
      var process = try process(call, folder)
      for argument in process.arguments {
        if argument.utf8.contains(0) {
          return notStarted("an argument holds a NUL character; hand it over in {parameters.json}")
        }
        guard argument.utf8.count <= Self.maxArgument else {
          return notStarted(
            "an argument has \(argument.utf8.count) bytes, more than a program can take; hand it over in {parameters.json}"
          )
        }
      }
      if let sandbox {
        let written = wantsTrace ? [try folder.write("trace.jsonl", "")] : []
        do throws(Sandbox.Failure) {
          process = try sandbox.wrap(process, folder, writable: written)
        } catch {
          return notStarted(error.message)
        }
      }
      let result = await process.run()
      return Result(process: result, trace: wantsTrace ? TraceLines.read(folder.path + "/trace.jsonl") : TraceLines())
    } catch {
      return notStarted(error.message)
    }
  }

  private func process(_ call: Call, _ folder: RunDirectory) throws(RunDirectory.Failure) -> CommandProcess {
    var files: [String: String] = [:]
    for name in ["parameters.json", "batch.jsonl", "example.json"]
    where arguments.contains(where: { $0.fields.contains(name) }) {
      files[name] = try folder.write(name, content(of: name, call))
    }
    func fill(_ template: Template) -> String {
      template.fill(
        field: { files[$0] ?? ($0 == "output" ? call.output : nil) ?? call.example.fields[$0]?.text ?? "" },
        parameter: { call.assignment[$0]?.text ?? "" })
    }
    var variables = ["PATH": environment["PATH"] ?? Self.defaultPath]
    for name in passEnvironment { variables[name] = environment[name] }
    variables.merge(fixedEnvironment) { $1 }
    variables["HONE_REPEAT"] = "\(call.repeat)"
    variables["HONE_RUN"] = folder.path
    if wantsTrace { variables["HONE_TRACE"] = folder.path + "/trace.jsonl" }
    return CommandProcess(
      arguments: arguments.map(fill), environment: variables, directory: directory,
      input: try input.map { (template) throws(RunDirectory.Failure) in try folder.write("stdin", fill(template)) },
      timeout: .seconds(timeout), grace: grace, cookie: ("HONE_RUN", folder.path))
  }

  private func content(of file: String, _ call: Call) -> String {
    switch file {
    case "parameters.json": return Value.object(call.assignment.values).canonicalJSON + "\n"
    case "batch.jsonl":
      let rows = call.example.fields["rows"]?.array ?? [call.example.fields]
      return rows.map { $0.canonicalJSON + "\n" }.joined()
    default:
      guard let output = call.output else { return call.example.fields.canonicalJSON + "\n" }
      let scored: Value = [
        "row": call.example.fields, "output": .string(output), "parameters": .object(call.assignment.values),
      ]
      return scored.canonicalJSON + "\n"
    }
  }
}

extension CommandProcess.Result {
  /// Why the run gave no result, with the last lines of standard error; nil when it ended with exit code 0.
  func failure(timeout: Double) -> String? {
    let what: String
    switch end {
    case .exited(0): return nil
    case .exited(let code): what = "the command ended with exit code \(code)"
    case .signaled(let signal): what = "the command was ended by \(SignalName.of(signal))"
    case .timedOut:
      what = "the command took longer than its timeout of \(Value.double(timeout).canonicalJSON) s and was ended"
    case .cancelled: what = "the command was cancelled"
    case .overran(let used): what = "the command used \(used), which its sandbox does not give, and was ended"
    case .notStarted(let reason): what = "the command could not be started: \(reason)"
    }
    let lines = errors.lastLines(20)
    return lines.isEmpty ? what : "\(what)\n\(lines)"
  }
}

/// Names of signals, which say more than numbers.
enum SignalName {
  private static let names: [Int32: String] = [
    SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
    SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
    SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU",
    SIGXFSZ: "SIGXFSZ", SIGVTALRM: "SIGVTALRM", SIGPROF: "SIGPROF", SIGSYS: "SIGSYS",
  ]

  /// "SIGSEGV (signal 11, segmentation fault)"
  static func of(_ signal: Int32) -> String {
    let meaning = strsignal(signal).map { String(cString: $0).lowercased() } ?? ""
    let name = names[signal] ?? "signal"
    return meaning.isEmpty ? "\(name) \(signal)" : "\(name) (signal \(signal), \(meaning))"
  }
}
