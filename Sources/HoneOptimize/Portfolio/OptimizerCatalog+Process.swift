import HoneTrace

/// Settings of the Gaussian process and its variants.
extension OptimizerCatalog {
  static func process(_ name: String, _ reader: SettingsReader, _ space: Space?) throws(OptimizerError)
    -> any Optimizer
  {
    let beliefs = try beliefs(reader, space)
    switch name {
    case "gp-constrained":
      return ConstrainedSearch(.init(constraints: try bounds(reader), beliefs: beliefs))
    case "gp-cost":
      let power = try reader.number("power", in: 0...1) ?? 1
      return CostAwareSearch(
        .init(outcome: try reader.string("outcome") ?? "tokens", power: power, beliefs: beliefs))
    default:
      var settings = GaussianProcessSearch.Settings(beliefs: beliefs)
      if let chosen = try reader.string("acquisition") {
        guard let acquisition = Acquisition(rawValue: chosen) else {
          let known = Acquisition.allCases.map(\.rawValue).joined(separator: ", ")
          throw OptimizerError(
            setting: "acquisition", "there is no acquisition \"\(chosen.prefix(60))\"", hint: "there are \(known)")
        }
        if acquisition == .bound, !beliefs.isEmpty {
          throw OptimizerError(
            setting: "acquisition", "priors are added to a logarithm, and ucb is none", hint: "leave it out, or logei")
        }
        settings.acquisition = acquisition
      }
      settings.isWarped = try reader.bool("warp") ?? settings.isWarped
      settings.outputs = try reader.choice("outputs") ?? settings.outputs
      return GaussianProcessSearch(settings)
    }
  }

  private static func beliefs(_ reader: SettingsReader, _ space: Space?) throws(OptimizerError) -> Beliefs {
    var beliefs = Beliefs()
    if let confidence = try reader.number("confidence", in: 0...1_000) { beliefs.confidence = confidence }
    for (name, belief) in (try reader.object("priors") ?? [:]).sorted(by: { $0.key < $1.key }) {
      let path = "priors"
      guard let members = belief.object, var near = members["near"],
        members.keys.allSatisfy({ ["near", "spread"].contains($0) })
      else {
        throw OptimizerError(
          setting: path, "\(name): \(belief.shown) is not { near, spread }",
          hint: "such as \(name): { near: 0.2, spread: 0.1 }")
      }
      var spread = 0.2
      if let given = members["spread"] {
        guard let number = given.number, (0...1).contains(number) else {
          throw OptimizerError(setting: path, "\(name): spread must be a number from 0 to 1, found \(given.shown)")
        }
        spread = number
      }
      if let space {
        guard let parameter = space.encodable.first(where: { $0.name == name }) else {
          let near = Nearest.name(to: name, among: space.encodable.map(\.name)).map { "did you mean \($0)?" }
          throw OptimizerError(
            setting: path, "there is no number or choice \"\(name.prefix(60))\"", hint: near)
        }
        do {
          near = try parameter.domain.accept(near)
        } catch {
          throw OptimizerError(
            setting: path, "\(name): \(error.reason)", hint: "expected \(parameter.domain.constraint)")
        }
      }
      beliefs.byParameter[name] = Beliefs.Belief(near: near, spread: spread)
    }
    return beliefs
  }

  private static func bounds(_ reader: SettingsReader) throws(OptimizerError) -> [String: ConstrainedSearch.Bound] {
    var bounds: [String: ConstrainedSearch.Bound] = [:]
    for (name, bound) in (try reader.object("constraints") ?? [:]).sorted(by: { $0.key < $1.key }) {
      let least = bound["at_least"]?.number
      let most = bound["at_most"]?.number
      let isKnown = bound.object?.keys.allSatisfy { ["at_least", "at_most"].contains($0) } ?? false
      guard isKnown, least != nil || most != nil, bound.object?.count == [least, most].count(where: { $0 != nil }),
        least ?? -.infinity <= most ?? .infinity
      else {
        throw OptimizerError(
          setting: "constraints", "\(name): \(bound.shown) bounds nothing",
          hint: "such as \(name): { at_most: 500 }, at_least, or both, the lower one first")
      }
      bounds[name] = ConstrainedSearch.Bound(least: least, most: most)
    }
    return bounds
  }
}
