import Foundation

/// Finds the program a command names, the way a shell would.
enum ExecutableLookup {
  struct Failure: Error, Hashable, Sendable {
    var message: String
    /// What to do about it.
    var hint: String
  }

  /// A name with a slash starts at the working directory; any other is looked for along `path`.
  static func find(_ name: String, path: String?, directory: String) throws(Failure) -> String {
    if name.contains("/") {
      let absolute = name.hasPrefix("/") ? name : directory + "/" + name
      guard FileManager.default.fileExists(atPath: absolute) else {
        throw Failure(
          message: "the program \(quoted(name)) does not exist" + (name.hasPrefix("/") ? "" : " in \(directory)"),
          hint: "check the path; one that is relative starts at the folder the command runs in")
      }
      guard isProgram(absolute) else {
        throw Failure(
          message: "\(quoted(name)) is not executable; chmod +x it, or name its interpreter first",
          hint: "chmod +x \(name), or name its interpreter first: [python3, \(name)]")
      }
      return absolute
    }
    let folders = (path ?? "").split(separator: ":").map(String.init)
    for folder in folders where isProgram(folder + "/" + name) { return folder + "/" + name }
    throw Failure(
      message: "the program \(quoted(name)) was not found along PATH",
      hint: "install it, correct its name, or write its path")
  }

  private static func isProgram(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }
}
