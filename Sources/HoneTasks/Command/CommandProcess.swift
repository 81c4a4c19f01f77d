import Foundation
import HoneTrace
import Subprocess
import SystemPackage

/// A program to run once: in a session of its own, with nothing of this process but what is given.
struct CommandProcess: Sendable {
  /// The program and its arguments, as they are; no shell.
  var arguments: [String]
  /// The whole environment.
  var environment: [String: String]
  var directory: String
  /// A file the program reads on standard input; nil: /dev/null.
  var input: String?
  var timeout: Duration
  /// Between telling the processes to end and ending them.
  var grace: Duration = .seconds(5)
  /// A variable whose value no other run has. Processes that left the session still carry it, and are ended by it.
  var cookie: (name: String, value: String)
  /// What all processes together may use, when they are in a sandbox.
  var limits: SandboxWatch.Limits?

  struct Result: Sendable {
    var end: End
    var output: OutputTail
    var errors: OutputTail
  }

  enum End: Sendable, Equatable {
    case exited(Int32)
    case signaled(Int32)
    case timedOut
    case cancelled
    /// Ended for what it used: "more than 1024 MiB of memory".
    case overran(String)
    /// Not found, not executable, arguments too long and the like.
    case notStarted(String)
  }

  /// Runs the program to its end. However it ends, none of the processes it started is left: its session is told to end
  /// (TERM) at the deadline, and ended (KILL) after the grace time; what escaped the session is found by the cookie.
  func run() async -> Result {
    let state = Lock(State())
    return await withTaskCancellationHandler {
      // Cancellation is seen by the watch alone, so that output is drained and processes are ended in order.
      await Task { await runUncancelled(state) }.value
    } onCancel: {
      state.withLock { $0.isCancelled = true }
    }
  }

  struct State: Sendable {
    var isCancelled = false
    var isTimedOut = false
    var overrun: String?
    var output = OutputTail()
    var errors = OutputTail()
  }

  private func runUncancelled(_ state: Lock<State>) async -> Result {
    func result(_ end: End) -> Result { state.withLock { Result(end: end, output: $0.output, errors: $0.errors) } }
    do {
      let executable = try ExecutableLookup.find(arguments[0], path: environment["PATH"], directory: directory)
      var options = PlatformOptions()
      options.createSession = true
      let configuration = Configuration(
        executable: .path(FilePath(executable)),
        arguments: Arguments(executablePathOverride: arguments[0], remainingValues: Array(arguments.dropFirst())),
        environment: .custom(
          Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(rawValue: $0.key) ?? "", $0.value) })),
        workingDirectory: FilePath(directory), platformOptions: options)
      let source = try FileDescriptor.open(FilePath(input ?? "/dev/null"), .readOnly, options: [.closeOnExec])
      let ended = try await Subprocess.run(
        configuration, input: .fileDescriptor(source, closeAfterSpawningProcess: true), output: .sequence,
        error: .sequence
      ) { execution in
        async let output: Void = drain(execution.standardOutput) { bytes in state.withLock { $0.output.append(bytes) } }
        async let errors: Void = drain(execution.standardError) { bytes in state.withLock { $0.errors.append(bytes) } }
        await watch(execution.processIdentifier.value, state)
        _ = await (output, errors)
      }
      let (cancelled, timedOut, overrun) = state.withLock { ($0.isCancelled, $0.isTimedOut, $0.overrun) }
      switch ended.terminationStatus {
      case _ where cancelled: return result(.cancelled)
      case _ where timedOut: return result(.timedOut)
      case _ where overrun != nil: return result(.overran(overrun ?? ""))
      // The sandbox passes a signal on as shells do.
      case .exited(let code) where limits != nil && (129...159).contains(code): return result(.signaled(code - 128))
      case .exited(let code): return result(.exited(code))
      case .signaled(let signal): return result(.signaled(signal))
      }
    } catch let error as ExecutableLookup.Failure {
      return result(.notStarted(error.message))
    } catch let error as SubprocessError where error.underlyingError == .argListTooLong {
      return result(.notStarted("the arguments are too long; hand long values over in {parameters.json}"))
    } catch {
      return result(.notStarted("\(error)"))
    }
  }

  private func drain(_ sequence: SubprocessOutputSequence, _ body: @Sendable (UnsafeRawBufferPointer) -> Void) async {
    do {
      for try await buffer in sequence { buffer.withUnsafeBytes(body) }
    } catch {
      // The stream ends with the process; what was read counts.
    }
  }

  /// Waits for the program's end, and sees to it at the deadline. The program is not reaped here, so its process id, which
  /// is also its session's, belongs to it until this returns.
  private func watch(_ process: pid_t, _ state: Lock<State>) async {
    let clock = ContinuousClock()
    let start = clock.now
    var told: ContinuousClock.Instant?
    var sandbox = limits.map { SandboxWatch($0, leader: process) }
    var looked = start
    while !Self.hasEnded(process) {
      let now = clock.now
      if told == nil {
        let isCancelled = state.withLock { $0.isCancelled }
        if isCancelled || now - start >= timeout {
          if !isCancelled { state.withLock { $0.isTimedOut = true } }
          kill(-process, SIGTERM)
          told = now
        }
      } else if let told, now - told >= grace {
        kill(-process, SIGKILL)
      }
      if sandbox != nil, now - looked >= .milliseconds(50) {
        looked = now
        if let overrun = sandbox?.overrun() {
          state.withLock { $0.overrun = overrun }
          kill(-process, SIGKILL)
        }
      }
      // Short programs are seen to end at once, long ones cost nothing to watch.
      let pause = min(max((now - start) / 8, .milliseconds(1)), .milliseconds(50))
      try? await Task.sleep(for: pause)
    }
    kill(-process, SIGKILL)
    Leftovers.end(cookie: "\(cookie.name)=\(cookie.value)")
  }

  private static func hasEnded(_ process: pid_t) -> Bool {
    var info = siginfo_t()
    guard waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return true }
    return info.si_signo != 0
  }
}
