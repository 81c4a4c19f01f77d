import Foundation
import HoneModel
import HoneTrace

/// Finds out, once, whether generated code can be run in a sandbox here. Without one it is not run at all.
final class SandboxProbe: Sendable {
  private let answer = Lock<Task<String?, Never>?>(nil)
  private let environment: [String: String]

  init(environment: [String: String]) { self.environment = environment }

  /// - Throws: `ModelError.configuration`, which ends the study.
  func check() async throws(ModelError) {
    let task = answer.withLock { answer in
      let task = answer ?? Task { await Self.problem(environment) }
      answer = task
      return task
    }
    guard let problem = await task.value else { return }
    throw ModelError(
      .configuration, "generated code runs only in a sandbox, and there is none here: \(problem)",
      hint:
        "install bubblewrap 0.8 or newer (apt-get install bubblewrap) and, in a container, allow user namespaces; or "
        + "give the code parameter a fixed list of alternatives")
  }

  /// Runs two harmless programs under the same arguments as generated code.
  private static func problem(_ environment: [String: String]) async -> String? {
    do throws(RunDirectory.Failure) {
      let folder = try RunDirectory()
      defer { folder.remove() }
      let plain = CommandProcess(
        arguments: ["/bin/sh", "-c", "/bin/true && /bin/true && exit 42"],
        environment: ["PATH": environment["PATH"] ?? CommandRun.defaultPath], directory: "/tmp", timeout: .seconds(60),
        cookie: ("HONE_RUN", folder.path))
      do throws(Sandbox.Failure) {
        let sandbox = Sandbox(readable: [], memory: 256 << 20, processes: 8)
        let result = await (try sandbox.wrap(plain, folder, writable: [])).run()
        // 42 says that the program ran; bwrap itself ends with 1 when it cannot.
        if result.end == .exited(42) { return nil }
        let said = result.errors.lastLines(3)
        return said.isEmpty ? "bwrap ended with \(result.end)" : said
      } catch {
        return error.message
      }
    } catch {
      return error.message
    }
  }
}

extension TaskFile {
  /// Whether a command runs in a sandbox: when it says so, and always when a parameter is code without a fixed list.
  public var isSandboxed: Bool { workflow.commands.contains { $0.sandbox != nil } }

  /// - Throws: `ModelError.configuration` when the workflow needs a sandbox and none can be made here.
  public func checkSandbox(environment: [String: String] = ProcessInfo.processInfo.environment) async throws(ModelError)
  {
    if isSandboxed { try await SandboxProbe(environment: environment).check() }
  }
}
