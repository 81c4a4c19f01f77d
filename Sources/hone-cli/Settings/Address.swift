import ArgumentParser

/// `study`, `study/17` or `study/17/3`: a study, a trial of it, a step in the trial's trace.
struct Address: ExpressibleByArgument, Hashable, Sendable, CustomStringConvertible {
  var study: String
  var trial: Int?
  var step: Int?

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard let study = parts.first, !study.isEmpty, parts.count <= 3 else { return nil }
    self.study = study
    if parts.count > 1 {
      guard let trial = Int(parts[1]), trial >= 0 else { return nil }
      self.trial = trial
    }
    if parts.count > 2 {
      guard let step = Int(parts[2]), step >= 0 else { return nil }
      self.step = step
    }
  }

  var description: String {
    study + (trial.map { "/\($0)" } ?? "") + (step.map { "/\($0)" } ?? "")
  }
}
