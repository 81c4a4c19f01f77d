import Hone
import HoneStore
import HoneTrace

extension Report {
  /// As `--json` prints it: names in snake case, as those of all other objects.
  /// - Parameter trials: of the study.
  func fields(_ trials: [TrialRecord], space: Space, roles: Roles) throws -> [String: Value] {
    var fields = try Self.renamed(Value(encoding: self)).object ?? [:]
    // One row is no sample.
    for (name, comparison) in [("validation", validation), ("test", test)] where comparison?.isSample == false {
      var members = fields[name]?.object ?? [:]
      for key in ["start_interval", "best_interval", "gain_interval", "p_value"] { members[key] = .null }
      fields[name] = .object(members)
    }
    fields["spend"] = spend.asValue
    fields["improved"] = .bool(isImproved)
    fields["roles"] = roles.asValue
    fields["lineage"] = Lineage(of: bestTrial, among: trials, space: space).asValue
    return fields
  }

  /// Names of parameters and outcomes are kept: they are the task's.
  private static func renamed(_ value: Value) -> Value {
    if let elements = value.array { return .array(elements.map(renamed)) }
    guard case .object(let members) = value else { return value }
    var renamed: [String: Value] = [:]
    for (name, value) in members {
      renamed[snake(name)] = ["assignment", "outcomes"].contains(name) ? value : Self.renamed(value)
    }
    return .object(renamed)
  }

  private static func snake(_ name: String) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }
}
