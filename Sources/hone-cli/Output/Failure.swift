import Foundation
import Hone
import HoneModel
import HoneOptimize
import HoneStore
import HoneTasks
import HoneTrace

/// Exit codes, after BSD's sysexits. Documented in Documentation/Decisions/0007-command-line.md.
enum Exit: Int32, Sendable {
  case done = 0
  /// Finished, but the answer is no.
  case no = 1
  case usage = 64
  /// A wrong task file, data file, database or cassette.
  case badInput = 65
  case missing = 66
  case unavailable = 69
  case `internal` = 70
  case cannotCreate = 73
  case io = 74
  case tryAgain = 75
  case permission = 77
  case configuration = 78
}

/// Why a command ends: what, where, why, and what to do.
struct Failure: Error {
  var exit: Exit
  /// One sentence, beginning with where. Several lines when a file has several faults, each rendered whole.
  var message: String
  /// What to do. Empty only beside diagnostics, which bring their own.
  var hint: String
  /// Faults of a file, each with its place; shown instead of the message.
  var diagnostics: [Diagnostic] = []

  init(_ exit: Exit, _ message: String, hint: String) {
    self.exit = exit
    self.message = message
    self.hint = hint
  }

  func print(on console: Console) {
    console.endProgress()
    if console.json {
      var fields: [String: Value] = [
        "schema": "hone.error/1", "code": .int(Int(exit.rawValue)), "message": .string(Hidden.secrets(in: message)),
      ]
      if !hint.isEmpty { fields["hint"] = .string(hint) }
      if !diagnostics.isEmpty { fields["diagnostics"] = .array(diagnostics.map(\.fields)) }
      console.message(Value.object(fields).canonicalJSON)
      return
    }
    let colored = console.terminal.hasColor
    if diagnostics.isEmpty {
      console.message(Style.bad.apply("error:", if: colored) + " " + Hidden.secrets(in: Printable.clean(message)))
    } else {
      for diagnostic in diagnostics { console.message(diagnostic.rendered(colored: colored)) }
    }
    if !hint.isEmpty { console.message(Style.info.apply("hint:", if: colored) + " " + Printable.clean(hint)) }
  }
}

extension Failure {
  /// Any error as the program shows it. What is not known here is a fault of the program itself.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let error as StoreError: self.init(error)
    case let error as ModelError: self.init(error)
    case let error as TaskFileError: self.init(error.diagnostics, kind: error.kind)
    case let error as DataError: self.init(error.diagnostics, kind: error.kind)
    case let error as CassetteError: self.init(error)
    case let error as SpaceError:
      self.init(
        .badInput, (error.parameter.map { "\($0): " } ?? "") + error.message,
        hint: error.hint ?? Self.taskHint)
    case let error as OptimizerError:
      self.init(
        .badInput, "optimizer: " + (error.setting.map { "\($0): " } ?? "") + error.message,
        hint: error.hint ?? Self.taskHint)
    case let error as StudyError: self.init(error)
    case is CancellationError: self.init(.tryAgain, "stopped before the end", hint: "run the same command again")
    default:
      self.init(
        .internal, "\(error)",
        hint: "this is a fault in hone: please report it with the command, `hone version` and the task's seed")
    }
  }

  private static let replayHint =
    "undo what changed since, or write --auto FILE instead of --replay FILE: what it lacks is sent and recorded; "
    + "--record FILE records everything anew"
  private static let taskHint = "correct the task file; `hone check TASK` tells whether it is right"

  init(_ error: StoreError) {
    let exit: Exit =
      switch error.kind {
      case .busy: .tryAgain
      case .full, .io: .io
      case .corrupt, .foreign: .badInput
      case .permission: .permission
      case .cannotCreate, .networkFileSystem: .cannotCreate
      case .notFound: .missing
      }
    self.init(exit, error.message, hint: error.hint)
  }

  init(_ error: ModelError) {
    let exit: Exit =
      switch error.kind {
      case .connection, .timeout, .server, .rateLimited, .malformedReply, .tls, .redirect, .tooLarge: .unavailable
      case .budget, .notRecorded: .no
      case .authentication, .quota: .permission
      case .insecure, .configuration: .configuration
      case .badRequest where error.status == 404: .configuration
      case .badRequest, .contextExceeded: .badInput
      case .cancelled: .tryAgain
      case .archive: .io
      }
    self.init(exit, error.message, hint: error.kind == .notRecorded ? Self.replayHint : error.hint)
  }
}

extension Failure {
  init(_ error: StudyError) {
    switch error {
    case .store(let error): self.init(error)
    case .model(let error): self.init(error)
    case .changed(let study, _):
      self.init(
        .badInput, error.message,
        hint: "undo the change, give the task another study name than \"\(study)\", or begin again with --fresh")
    case .failing:
      self.init(
        .unavailable, error.message,
        hint:
          "mend the workflow, or take what fails out of the space, and begin again with --fresh; without it a study "
          + "with the same task file goes on, and what failed stays failed")
    case .noData: self.init(.badInput, error.message, hint: "name a file with rows under data.validation")
    case .budget(let stop, _):
      self.init(
        .no, error.message,
        hint: "what was measured is kept: the same command with a larger --\(stop.rawValue) goes on there")
    case .refused(_, let hint): self.init(.badInput, error.message, hint: hint)
    case .interrupted: self.init(.tryAgain, "stopped before the end", hint: "run the same command again")
    }
  }

  init(_ diagnostics: [Diagnostic], kind: TaskFileError.Kind) {
    let exit: Exit =
      switch kind {
      case .invalid: .badInput
      case .missing: .missing
      case .permission: .permission
      case .io: .io
      case .configuration: .configuration
      }
    self.init(exit, diagnostics.map(\.place).joined(separator: "\n"), hint: "")
    self.diagnostics = diagnostics
  }

  init(_ error: CassetteError) {
    let exit: Exit =
      switch error.kind {
      case .notFound: .missing
      case .foreign, .corrupt: .badInput
      case .readOnly, .permission: .permission
      case .full, .io: .io
      }
    self.init(exit, error.message, hint: error.hint)
  }
}

extension Diagnostic {
  /// As `description`, the severity in colour.
  func rendered(colored: Bool) -> String {
    let style: Style = severity == .error ? .bad : .warn
    let text = Hidden.secrets(in: Printable.clean(description))
    let label = "\(severity):"
    guard colored, text.hasPrefix(label) else { return text }
    return style.apply(label, if: true)
      + text.dropFirst(label.count).replacingOccurrences(
        of: "\nhint:", with: "\n" + Style.info.apply("hint:", if: true))
  }

  /// The message with its place, on one line.
  fileprivate var place: String {
    let message = Hidden.secrets(in: message)
    return line > 0 ? "\(file):\(line):\(column): \(message)" : "\(file): \(message)"
  }

  var fields: Value {
    var fields: [String: Value] = [
      "severity": .string(severity.rawValue), "file": .string(file), "line": .int(line), "column": .int(column),
      "length": .int(length), "message": .string(Hidden.secrets(in: message)),
    ]
    fields["hint"] = hint.map { .string($0) }
    return .object(fields)
  }
}
