import Foundation

/// Where generated code runs: a bubblewrap container that shows it the system's programs and the files it was given, read-only,
/// and nothing else. No network, no home folder, no other processes, nothing of the host to write to, and limits on all it uses.
///
/// Documentation/Decisions/0008-sandbox.md says what is kept out by what, and what is not.
struct Sandbox: Hashable, Sendable {
  /// Files and folders the program may read beside the system's, absolute.
  var readable: [String]
  /// Files in those folders that it may not: the data, keys.
  var hidden: [String] = []
  /// Bytes, of each process and of all of them together.
  var memory: Int
  /// Processes and threads at a time.
  var processes: Int

  struct Failure: Error, Hashable, Sendable { var message: String }

  /// What `CommandProcess` watches over while the program runs.
  var limits: SandboxWatch.Limits { .init(memory: memory, files: Self.maxFiles, scratch: Self.scratch) }

  /// Bytes of `/tmp`, and of `/dev/shm`.
  private static let scratch = 64 << 20
  /// Bytes of one file.
  private static let maxFile = 16 << 20
  /// Files in `/tmp`, and in `/dev/shm`.
  private static let maxFiles = 20_000
  private static let nobody: uid_t = 65_534

  /// The process that runs `process` in the sandbox.
  ///
  /// - Parameters:
  ///   - folder: the run's folder, read-only inside.
  ///   - writable: files of the folder that the program may write.
  func wrap(_ process: CommandProcess, _ folder: RunDirectory, writable: [String]) throws(Failure) -> CommandProcess {
    let path = process.environment["PATH"]
    var shown: [(source: String, target: String)] = readable.map { ($0, $0) }
    var start = [try Self.tool("bwrap", path)]
    if getuid() == 0 {
      // The superuser owns the host's devices and settings even inside, and is subject to no limit of processes.
      shown = try handOver(folder)
      let id = "\(Self.nobody)"
      start = [try Self.tool("setpriv", path), "--reuid=\(id)", "--regid=\(id)", "--clear-groups", "--"] + start
    }
    var wrapped = process
    wrapped.arguments = start + arguments(process.directory, folder, shown, writable) + ["--"]
    wrapped.arguments += limitArguments(process.timeout) + [try program(process)] + process.arguments.dropFirst()
    wrapped.environment.merge(["HOME": "/tmp", "TMPDIR": "/tmp"]) { given, _ in given }
    wrapped.directory = "/"
    wrapped.limits = limits
    return wrapped
  }

  private func arguments(
    _ directory: String, _ folder: RunDirectory, _ shown: [(source: String, target: String)], _ writable: [String]
  ) -> [String] {
    var arguments = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--cap-drop", "ALL"]
    arguments += ["--hostname", "sandbox", "--ro-bind", "/usr", "/usr"]
    for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
      if let link = try? FileManager.default.destinationOfSymbolicLink(atPath: name) {
        arguments += ["--symlink", link, name]
      } else {
        arguments += ["--ro-bind-try", name, name]
      }
    }
    for name in ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"] {
      arguments += ["--ro-bind-try", name, name]
    }
    arguments += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    arguments += ["--size", "\(Self.scratch)", "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    arguments += ["--size", "\(Self.scratch)", "--tmpfs", "/tmp", "--dir", directory]
    for (source, target) in shown { arguments += ["--ro-bind", source, target] }
    for name in hidden where FileManager.default.fileExists(atPath: name) && isShown(name) {
      arguments += ["--ro-bind", "/dev/null", name]
    }
    arguments += ["--ro-bind", folder.path, folder.path]
    for name in writable { arguments += ["--bind", name, name] }
    return arguments + ["--remount-ro", "/", "--chdir", directory]
  }

  private func limitArguments(_ timeout: Duration) -> [String] {
    [
      "/usr/bin/prlimit", "--data=\(memory)", "--nproc=\(processes)", "--fsize=\(Self.maxFile)", "--core=0",
      "--nofile=128", "--cpu=\(timeout.components.seconds + 1)", "--",
    ]
  }

  /// The program's path, which must be one that the sandbox shows.
  private func program(_ process: CommandProcess) throws(Failure) -> String {
    let found: String
    do throws(ExecutableLookup.Failure) {
      found = try ExecutableLookup.find(
        process.arguments[0], path: process.environment["PATH"], directory: process.directory)
    } catch {
      throw Failure(message: error.message)
    }
    let places = [found, SafePath.real(found)]
    guard places.allSatisfy({ Self.isSystem($0) || isShown($0) }) else {
      throw Failure(
        message:
          "the program \(quoted(process.arguments[0])) is \(places[1]), which generated code may not see; add its "
          + "folder to workflow.sandbox.read, or name a program under /usr")
    }
    return found
  }

  private static func isSystem(_ path: String) -> Bool {
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/"].contains { path.hasPrefix($0) }
  }

  private func isShown(_ path: String) -> Bool { readable.contains { path == $0 || path.hasPrefix($0 + "/") } }

  private static func tool(_ name: String, _ path: String?) throws(Failure) -> String {
    do throws(ExecutableLookup.Failure) {
      return try ExecutableLookup.find(name, path: path, directory: "/")
    } catch {
      throw Failure(message: error.message)
    }
  }

  /// Gives the run's folder to nobody, with copies of the files, which that user may not be able to reach.
  private func handOver(_ folder: RunDirectory) throws(Failure) -> [(source: String, target: String)] {
    var shown: [(source: String, target: String)] = []
    for (number, path) in readable.enumerated() {
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        shown.append((path, path))
        continue
      }
      shown.append((try copy(path, to: "file-\(number)", in: folder, mode: status.st_mode & 0o777 | 0o400), path))
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for path in [folder.path] + files.map({ folder.path + "/" + $0 }) {
      guard chown(path, Self.nobody, Self.nobody) == 0 else {
        throw Failure(message: "\(path) cannot be given to nobody: \(String(cString: strerror(errno)))")
      }
    }
    return shown
  }

  private func copy(_ path: String, to name: String, in folder: RunDirectory, mode: mode_t) throws(Failure) -> String {
    do {
      return try folder.write(name, SafePath.read(path, limit: 64 << 20), mode: mode)
    } catch let error as FileReadError {
      throw Failure(message: error.message)
    } catch {
      throw Failure(message: (error as? RunDirectory.Failure)?.message ?? "\(path) cannot be copied: \(error)")
    }
  }
}
