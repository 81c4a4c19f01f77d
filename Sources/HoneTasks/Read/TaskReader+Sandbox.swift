import Foundation
import HoneTrace

extension TaskReader {
  mutating func sandbox(_ node: YAMLNode?, _ name: String) -> SandboxSpec? {
    guard let node else { return nil }
    var spec = SandboxSpec()
    guard let members = members(node, of: name, keys: ["read", "memory", "processes"]) else { return spec }
    for element in elements(members["read"], "\(name).read") ?? [] {
      if let path = readable(element, "\(name).read") { spec.read.append(path) }
    }
    spec.memory = int(members["memory"], "\(name).memory", in: 64...1_000_000) ?? spec.memory
    spec.processes = int(members["processes"], "\(name).processes", in: 4...10_000) ?? spec.processes
    return spec
  }

  /// A file or folder that is there and not everything there is.
  private mutating func readable(_ node: YAMLNode, _ name: String) -> String? {
    guard let path = path(node, name) else { return nil }
    guard FileManager.default.fileExists(atPath: path) else {
      fail("\(name): \(path) does not exist", at: node)
      return nil
    }
    let real = SafePath.real(path)
    let kept = [SafePath.real(NSHomeDirectory()), "/proc", "/sys", "/dev", "/run", "/etc", "/var"]
    let whole = kept.first { real == "/" || real == $0 || $0.hasPrefix(real + "/") }
    if let whole {
      fail(
        "\(name): \(real) would show generated code all of \(real == "/" ? "this machine" : whole)", at: node,
        hint: "name the folders the program needs")
      return nil
    }
    return path
  }

  /// Code that an optimizer may write runs in a sandbox, whether the file says so or not, and sees no secret.
  mutating func confine(_ workflow: WorkflowSpec, _ space: Space, _ node: YAMLNode) -> WorkflowSpec {
    switch workflow {
    case .prompt: return workflow
    case .fit: return workflow
    case .command(let command): return .command(confine(command, space, node, Self.workflowPlace))
    case .steps(var steps):
      for (index, element) in stepNodes.enumerated() where steps.indices.contains(index) {
        guard case .command(let command) = steps[index].work else { continue }
        steps[index].work = .command(confine(command, space, element, stepPlace(steps[index].name)))
      }
      return .steps(steps)
    }
  }

  private mutating func confine(_ command: CommandSpec, _ space: Space, _ node: YAMLNode, _ place: String)
    -> CommandSpec
  {
    var command = command
    let isGenerated = space.parameters.contains { spec in
      if case .code(let domain) = spec.domain { domain.alternatives.isEmpty } else { false }
    }
    if isGenerated { command.sandbox = command.sandbox ?? SandboxSpec() }
    if command.sandbox != nil, let names = node.pairs?.first(where: { $0.key.scalar == "pass_env" })?.value {
      for name in command.passEnvironment where TaskRunner.soundsSecret(name) {
        fail(
          "\(place).pass_env: generated code would see \(name)", at: names,
          hint: "what runs in a sandbox is given no secret and has no network to use one")
      }
    }
    return command
  }
}

extension TaskFile {
  /// Files that generated code may not read, wherever they are: the data, of which the test is sealed, and keys.
  var secretFiles: [String] {
    let keys = [model, optimizer.model].compactMap { model in
      if case .file(let path)? = model?.key { path } else { nil }
    }
    return [data?.train, data?.validation, data?.test].compactMap(\.self)
      + [directory + "/" + (path as NSString).lastPathComponent] + keys
  }
}
