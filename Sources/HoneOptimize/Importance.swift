import HoneNumerics
import HoneTrace

/// How much one parameter alone decides over the score, where that can be told from noise.
public struct Importance: Hashable, Codable, Sendable {
  public var parameter: String
  /// Part of the variance of the score over the whole space that is the parameter's main effect, from 0 to 1. What is
  /// missing to a sum of 1 is noise, what parameters do together, and what too few trials do not show.
  public var fraction: Double
  /// Against no effect, adjusted for the number of parameters.
  public var pValue: Double

  public init(parameter: String, fraction: Double, pValue: Double) {
    self.parameter = parameter
    self.fraction = fraction
    self.pValue = pValue
  }

  /// Most trials looked at: an even spread of them.
  static let limit = 512
  static let trees = 16
  /// Most different texts of a parameter.
  static let texts = 64

  /// Main effects of the parameters that have one: largest first, equal ones in the order of the space.
  ///
  /// A forest follows noise as if it were an effect, so a parameter is named only where permutation tests show an effect
  /// (`EffectSelection`): where none has one, some is named with a probability of 5 %. Their main effects are those of the
  /// functional analysis of variance over a random forest of them (Hutter, Hoos and Leyton-Brown, ICML 2014), as parts of
  /// the variance that they explain: the better one of what the forest predicts out of bag and of what parabolas and
  /// categories explain, adjusted for their number.
  ///
  /// Numbers count by their scale and all values as equally probable, whether parameters are active as the space's
  /// conditions have it. A text or code counts as a choice among those that were tried; one with more than 64 is left out.
  /// O((trees + permutations) trials parameters), at most 512 trials.
  ///
  /// - Parameters:
  ///   - trials: assignments with their mean scores; those that are not finite are left out.
  ///   - seed: of permutations and forest: the same trials and seed give the same numbers.
  /// - Returns: empty for fewer than 8 trials, and where no effect is shown.
  public static func mainEffects(
    of space: Space, trials: [(assignment: Assignment, mean: Double)], seed: UInt64 = 0
  ) -> [Importance] {
    let finite = trials.filter(\.mean.isFinite)
    guard finite.count >= 8 else { return [] }
    let size = min(finite.count, limit)
    let chosen = (0..<size).map { finite[$0 * finite.count / size] }
    let scores = GaussianProcessModel.standardized(chosen.map(\.mean))
    let random = RandomStream(seed: seed, name: "importance")
    let all = columns(space, chosen.map(\.assignment), seed)
    let selection = EffectSelection(
      all.map { EffectSelection.columns($0.values, choices: $0.choices) }, values: scores,
      random: random.child("permutations"))
    let named = selection.effects.sorted { $0.feature < $1.feature }
    guard !named.isEmpty else { return [] }
    let columns = named.map { all[$0.feature] }
    let points = chosen.indices.map { row in columns.map { $0.values[row] } }
    var settings = RegressionForest.Settings()
    settings.trees = trees
    let shown = selection.explained(scores)
    // The more noise, the larger the leaves: what trees follow of it would count as interactions.
    settings.leastToSplit += (1 - shown) * Double(size) / 5
    let forest = RegressionForest(
      FeatureTable(points, choices: columns.map(\.choices)), values: scores, settings: settings, random: random)
    guard let effects = FunctionalANOVA.mainEffects(forest, columns.map(\.axis)) else { return [] }
    let explained = min(1, max(shown, forest.outOfBagR2(scores) ?? 0))
    let order = effects.indices.sorted { effects[$0] == effects[$1] ? $0 < $1 : effects[$0] > effects[$1] }
    return order.map {
      Importance(parameter: columns[$0].name, fraction: explained * effects[$0], pValue: named[$0].pValue)
    }
  }

  /// One parameter as the forest takes it.
  private struct Column {
    var name: String
    var values: [Double?]
    var choices: Int
    var axis: FunctionalANOVA.Axis
  }

  private static func columns(_ space: Space, _ assignments: [Assignment], _ seed: UInt64) -> [Column] {
    let missing = missing(space, seed)
    var columns: [Column] = []
    for (index, parameter) in space.parameters.enumerated() {
      guard parameter.domain.isEncodable else {
        if let column = text(parameter.name, assignments) { columns.append(column) }
        continue
      }
      let place = space.parameters[..<index].count { $0.domain.isEncodable }
      let coordinate = Coordinate(parameter.domain)
      let values: FunctionalANOVA.Values =
        switch coordinate {
        case .continuous: .continuous
        case .grid(let places): .grid(places)
        case .choices(let count): .choices(count)
        }
      columns.append(
        Column(
          name: parameter.name, values: assignments.map { $0[parameter.name].flatMap(parameter.domain.encode) },
          choices: coordinate.choiceCount, axis: FunctionalANOVA.Axis(values, missing: missing[place])))
    }
    return columns
  }

  private static func text(_ name: String, _ assignments: [Assignment]) -> Column? {
    let all = assignments.map { $0[name]?.canonicalJSON }
    let different = Set(all.compactMap(\.self)).sorted()
    guard different.count > 1, different.count <= texts else { return nil }
    let count = Double(different.count)
    let values = all.map { text in
      text.flatMap { different.firstIndex(of: $0) }.map { (Double($0) + 0.5) / count }
    }
    let missing = Double(all.count { $0 == nil }) / Double(max(1, all.count))
    return Column(
      name: name, values: values, choices: different.count,
      axis: FunctionalANOVA.Axis(.choices(different.count), missing: missing))
  }

  /// How often each encodable parameter is inactive at a random point.
  private static func missing(_ space: Space, _ seed: UInt64) -> [Double] {
    let search = CandidateSearch(space)
    guard space.encodable.contains(where: { $0.condition != nil }) else { return search.coordinates.map { _ in 0 } }
    var random = RandomStream(seed: seed, name: "importance/missing")
    let points = 512
    var counts = search.coordinates.map { _ in 0.0 }
    for _ in 0..<points {
      for (index, value) in search.seen(search.uniform(&random)).enumerated() where value == nil { counts[index] += 1 }
    }
    return counts.map { $0 / Double(points) }
  }
}
