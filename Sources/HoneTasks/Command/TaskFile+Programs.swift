import Foundation

extension TaskFile {
  /// Looks up the programs that the workflow's and the score's command begin with, as a run would. One that a parameter
  /// names is not known before the run.
  /// - Throws: of kind `configuration`, with the places of all that are not there.
  public func checkPrograms(environment: [String: String] = ProcessInfo.processInfo.environment)
    throws(TaskFileError)
  {
    var problems: [Diagnostic] = []
    for use in programUses where use.program.parameters.isEmpty && use.program.fields.isEmpty {
      var folder = directory
      var path = environment["PATH"] ?? CommandRun.defaultPath
      let steps = workflow.steps
      if let step = use.step, steps.indices.contains(step), case .command(let spec) = steps[step].work {
        folder = spec.directory ?? directory
        path = spec.environment["PATH"] ?? path
      } else if use.step == nil, case .command(let metric) = score.metric {
        folder = metric.directory ?? directory
      }
      if let problem = use.problem(path: path, folder: folder) { problems.append(problem) }
    }
    if !problems.isEmpty { throw TaskFileError(problems, kind: .configuration) }
  }
}

extension ProgramUse {
  fileprivate func problem(path: String, folder: String) -> Diagnostic? {
    var found = diagnostic
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      found.message += ": the folder it runs in, \(folder), does not exist"
      found.hint = "make it, or correct the command's directory"
      return found
    }
    let name = program.fill(field: { _ in "" }, parameter: { _ in "" })
    do throws(ExecutableLookup.Failure) {
      _ = try ExecutableLookup.find(name, path: path, directory: folder)
      return nil
    } catch {
      found.message += ": \(error.message)"
      found.hint = error.hint
      return found
    }
  }
}
