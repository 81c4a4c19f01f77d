import Foundation
import HoneModel
import HoneOptimize
import HoneTrace

extension TaskFile {
  private static let keys = [
    "version", "study", "goal", "model", "embedding", "data", "workflow", "parameters", "forbidden", "score",
    "optimizer", "budget",
  ]

  /// Reads and checks a task file. Data files are not opened here.
  /// - Throws: everything that is wrong, in the order it stands in the file.
  public static func load(path: String) throws(TaskFileError) -> TaskFile {
    let bytes: [UInt8]
    do throws(FileReadError) {
      bytes = try SafePath.read(path, limit: 16 * YAMLReader.maxBytes)
    } catch {
      let hint = error.isMissing ? "check the path; hone init writes a task file to start from" : error.hint
      throw TaskFileError([Diagnostic(error.reason, file: path, line: 0, column: 0, hint: hint)], kind: error.kind)
    }
    let absolute = URL(fileURLWithPath: path).standardizedFileURL
    return try parse(bytes, path: path, directory: absolute.deletingLastPathComponent().path)
  }

  /// Reads and checks the text of a task file.
  /// - Parameter directory: where relative paths start.
  public static func parse(_ bytes: [UInt8], path: String, directory: String) throws(TaskFileError) -> TaskFile {
    let root: YAMLNode
    let source: YAMLSource
    do throws(Diagnostic) {
      (root, source) = try YAMLReader.read(bytes, file: path)
    } catch {
      throw TaskFileError([error])
    }
    var reader = TaskReader(source: source, directory: directory)
    let task = reader.task(root, path: path, keys: keys)
    let errors = reader.errors
    guard errors.isEmpty, let task else { throw TaskFileError(errors) }
    return task
  }
}

extension TaskReader {
  /// The whole file; nil when anything is wrong.
  fileprivate mutating func task(_ root: YAMLNode, path: String, keys: [String]) -> TaskFile? {
    guard let members = members(root, of: "", keys: keys) else { return nil }
    version(members["version"], root)
    let study = self.study(members["study"], root)
    let goal = goal(members["goal"])
    if members["goal"] == nil { missing("goal", root, "such as goal: { maximize: accuracy }") }
    let model = model(members["model"], "model")
    let embedding = embedding(members["embedding"])
    let data = data(members["data"])
    declareSteps(members["workflow"])
    declareParameters(members["parameters"])
    let space = space(members["parameters"], forbidden: members["forbidden"])
    if members["parameters"] == nil { missing("parameters", root, "what may be tuned: temperature: { float: [0, 1] }") }
    let optimizer = optimizer(members["optimizer"], space)
    let (budget, parallel) = budget(members["budget"])
    var workflow: WorkflowSpec?
    if let node = members["workflow"] {
      workflow = self.workflow(node, minibatch: optimizer.minibatch)
    } else {
      missing("workflow", root, "what is run: prompt:, command:, fit: or steps:")
    }
    var score: ScoreSpec?
    if let node = members["score"] {
      let last = stepNodes.last ?? members["workflow"]
      score = self.score(
        node, isCommand: last?.pairs?.contains { $0.key.scalar == "command" } ?? false, fit: Self.fitForm(last))
    } else {
      missing("score", root, "how an output is scored: exact_match: label")
    }
    guard var workflow, let space, let score else { return nil }
    if let node = members["workflow"] { workflow = confine(workflow, space, node) }
    checkBandit(members, optimizer, space, goal.objective)
    agree(members, workflow, space, score, hasEmbedding: embedding != nil)
    if case .outcome(let name) = score.metric, let node = members["goal"] {
      check(direction: goal.objective.direction, ofOutcome: name, at: node)
    }
    if let cap = budget.oracleCalls, let node = members["budget"] { check(oracleCalls: cap, workflow, at: node) }
    if !workflow.asksModel, model == nil, let node = members["optimizer"] ?? members["parameters"] {
      checkProposer(optimizer, space, at: node)
    }
    return TaskFile(
      path: path, directory: directory, study: study, objective: goal.objective, target: goal.target,
      costPerExample: goal.costPerExample, model: model, embedding: embedding, data: data, workflow: workflow,
      space: space, score: score, optimizer: optimizer, budget: budget, parallel: parallel, canonical: root.value,
      warnings: diagnostics.filter { $0.severity == .warning },
      fieldUses: fieldUses, programUses: programUses, stepNames: stepNames, documentUses: documentUses,
      fitUses: fitUses, pathUses: pathUses)
  }

  private mutating func missing(_ key: String, _ root: YAMLNode, _ hint: String) {
    diagnostics.append(
      Diagnostic(
        "the key \(key) is missing", file: source.file, line: root.mark.line, column: root.mark.column, hint: hint))
  }

  private mutating func version(_ node: YAMLNode?, _ root: YAMLNode) {
    guard let node else { return missing("version", root, "begin the file with version: 1") }
    guard let version = int(node, "version") else { return }
    if version != 1 {
      fail(
        "version: this program reads version 1, found \(version)", at: node,
        hint: version > 1 ? "use a newer hone" : nil)
    }
  }

  private mutating func study(_ node: YAMLNode?, _ root: YAMLNode) -> String {
    guard let node else {
      missing("study", root, "a name for the search: study: ticket-triage")
      return ""
    }
    guard let text = name(node, "study") else { return "" }
    let isName = text.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0)
    }
    if !isName || text.hasPrefix(".") || text.hasPrefix("-") || text.count > 100 {
      fail(
        "study: \(quoted(text)) is no study name", at: node,
        hint: "use letters, digits, dashes, underscores and dots, at most 100; a letter or digit first")
    }
    return text
  }
}
