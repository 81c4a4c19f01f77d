import HoneModel
import HoneStore

/// Why a study ended without a report. Everything that was done is kept; the same call goes on.
public enum StudyError: Error, Sendable, CustomStringConvertible {
  case store(StoreError)
  /// The endpoint, a cap of the ledger, the cassette.
  case model(ModelError)
  /// The stored study is another one: the parts that differ.
  case changed(study: String, parts: [String])
  /// The same failure again and again, or of the start.
  case failing(String)
  case noData
  /// A cap was reached before the start was measured, so that there is nothing to report.
  case budget(Report.Stop, String)
  /// Something was asked for that cannot be, as an outcome that never comes or a reward for a ticket that nobody has.
  case refused(String, hint: String)
  case interrupted

  /// What happened, in one sentence.
  public var message: String {
    switch self {
    case .store(let error): error.message
    case .model(let error): error.message
    case .changed(let study, let parts):
      "the study \"\(study)\" was begun with another \(parts.joined(separator: ", another "))"
    case .failing(let reason): reason
    case .noData: "there are no validation examples"
    case .budget(_, let reason): reason
    case .refused(let reason, _): reason
    case .interrupted: "stopped before the end"
    }
  }

  /// What to do about it.
  public var hint: String {
    switch self {
    case .store(let error): error.hint
    case .model(let error): error.hint
    case .changed(let study, _):
      "undo the change, give the study another name than \"\(study)\", or remove it and begin again"
    case .failing:
      "mend the workflow, or take what fails out of the space, and give the study another name: what failed stays failed"
    case .noData: "give the study validation examples: they decide which trial is best"
    case .budget: "what was measured is kept: raise the budget and start the study again, and it goes on there"
    case .refused(_, let hint): hint
    case .interrupted: "start the study again: it goes on where it stopped"
    }
  }

  public var description: String { "\(message) (\(hint))" }
}
