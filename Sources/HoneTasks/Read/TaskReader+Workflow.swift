import HoneTrace

extension TaskReader {
  static let workflowPlace = "workflow"
  private static let forms = ["prompt", "command", "fit", "steps"]

  mutating func workflow(_ node: YAMLNode, minibatch: Int?) -> WorkflowSpec? {
    guard let pairs = node.pairs else {
      fail("workflow: expected prompt, command, fit or steps, found \(node.found)", at: node)
      return nil
    }
    let names = pairs.map { $0.key.scalar ?? "" }
    let place = Self.workflowPlace
    if names.contains("steps") {
      for (key, _) in pairs where key.scalar.map(Self.forms.dropLast().contains) ?? false {
        fail("workflow: \(key.scalar ?? "") and steps exclude each other", at: key, hint: "make it one of the steps")
        return nil
      }
      guard let members = members(node, of: place, keys: ["steps"]), let steps = members["steps"] else { return nil }
      return self.steps(steps).map { .steps($0) }
    }
    if names.contains("prompt") {
      guard let members = members(node, of: place, keys: ["prompt"]), let prompt = members["prompt"] else {
        return nil
      }
      return self.prompt(prompt, place).map { .prompt($0) }
    }
    if names.contains("fit") {
      guard let members = members(node, of: place, keys: ["fit"]), let fit = members["fit"] else { return nil }
      return self.fit(fit, "\(place).fit").map { .fit($0) }
    }
    let keys = ["prompt"] + Self.commandKeys + ["fit", "steps"]
    guard let members = members(node, of: place, keys: keys) else { return nil }
    guard members["command"] != nil else {
      if members.count == pairs.count {
        fail(
          "workflow: needs prompt, command, fit or steps", at: node,
          hint: "prompt: { user: \"{text}\" } or command: [python3, run.py]")
      }
      return nil
    }
    return command(members, place, minibatch).map { .command($0) }
  }
}
