import Foundation

/// Commands that are shown to be copied: the options stay as they were given.
extension TaskOptions {
  /// Words of a command line that give these options: `task.yaml --requests 500 --seed 3`.
  ///
  /// For another budget, change a copy of the options.
  var arguments: [String] {
    var words = [path.hasPrefix("-") ? "./\(path)" : path]
    func add(_ name: String, _ value: String?) { if let value { words += ["--\(name)", value] } }
    add("trials", trials.map(String.init))
    add("rollouts", rollouts.map(String.init))
    add("requests", requests.map(String.init))
    add("tokens", tokens.map(String.init))
    add("money", money.map(Format.number))
    add("time", time?.argument)
    add("parallel", parallel.map(String.init))
    add("seed", seed.map { String($0) })
    if force { words.append("--force") }
    return words
  }

  /// `hone tune task.yaml --requests 500 --db other.db`, quoted for a shell. A database that the environment names, or the
  /// usual one, is not named again.
  /// - Parameter others: further words, as they were given.
  func line(_ command: String, _ database: Setting<String>? = nil, _ others: [String] = []) -> String {
    let place = database.flatMap { $0.origin == "--db" ? ["--db", $0.value] : nil } ?? []
    return (["hone", command] + (arguments + others + place).map(Shell.quoted)).joined(separator: " ")
  }
}

extension Seconds {
  /// As it may be given again: `2h`, `90m`, `45s`, else a bare number.
  var argument: String {
    guard value >= 1, value < 1e9, value == value.rounded() else { return Format.number(value) }
    let whole = Int(value)
    if whole.isMultiple(of: 3600) { return "\(whole / 3600)h" }
    return whole.isMultiple(of: 60) ? "\(whole / 60)m" : "\(whole)s"
  }
}
