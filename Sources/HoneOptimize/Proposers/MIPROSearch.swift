import HoneNumerics
import HoneTrace

/// The texts that MIPRO chooses from, by parameter: the start's, then those of trials and those that were offered.
struct MIPROPool {
  private var texts: [String: [String]] = [:]
  private var tried: Set<MIPRO.State.Offer> = []

  init(_ state: MIPRO.State, _ space: Space) {
    var seen: Set<MIPRO.State.Offer> = []
    func add(_ offer: MIPRO.State.Offer, to texts: inout [String: [String]]) {
      if seen.insert(offer).inserted { texts[offer.parameter, default: []].append(offer.text) }
    }
    let words = space.parameters.filter { !$0.domain.isEncodable }
    for parameter in words {
      add(.init(parameter: parameter.name, text: parameter.initial.string ?? ""), to: &texts)
    }
    for trial in state.history.trials {
      guard let values = state.texts[trial.number] else { continue }
      for parameter in words {
        guard let text = values[parameter.name] else { continue }
        let offer = MIPRO.State.Offer(parameter: parameter.name, text: text)
        tried.insert(offer)
        add(offer, to: &texts)
      }
    }
    for offer in state.offers { add(offer, to: &texts) }
  }

  func values(_ parameter: String) -> [String] { texts[parameter] ?? [] }

  /// Whether a trial was begun with it.
  func wasTried(_ offer: MIPRO.State.Offer) -> Bool { tried.contains(offer) }

  /// All demonstrations of all sets, once each.
  func demonstrations(_ parameter: String) -> [Demonstration] {
    var seen: Set<Demonstration> = []
    return values(parameter).compactMap(Demonstrations.init(lines:)).flatMap(\.list).filter { seen.insert($0).inserted }
  }
}

/// MIPRO's search (section 4.2): an index into the texts of each parameter, and the numbers and choices of the space beside
/// them, by the tree-structured Parzen estimator. An index is a choice without an order.
struct MIPROSearch {
  private let space: Space
  private let base: Assignment
  private let encodable: [ParameterSpec]
  /// Coordinates of the point that stay where the base has them.
  private let pinned: [Int: Double]
  private let words: [Choice]
  private let trials: [TrialHistory.Trial]
  private let groups: [TPE.Group]
  private let own: Int
  private let seed: UInt64

  /// A parameter with several texts.
  private struct Choice {
    var parameter: ParameterSpec
    /// At most `MIPROSearch.texts`; what they do not hold is as the base has it.
    var texts: [String]
    var isWhole: Bool
    var coordinate: Coordinate { .choices(texts.count + (isWhole ? 0 : 1)) }

    func place(_ text: String) -> Double {
      (Double(texts.firstIndex(of: text) ?? texts.count) + 0.5) / Double(texts.count + (isWhole ? 0 : 1))
    }
  }

  /// Texts of one parameter that are told apart.
  static let texts = 32
  /// Combinations of texts that are looked through when drawing finds nothing new.
  static let listed = 64

  /// - Parameters:
  ///   - words: the texts that may be changed.
  ///   - movable: the numbers and choices that may be; nil: all.
  init(_ state: MIPRO.State, _ context: AskContext, base: Assignment, words names: Set<String>, movable: [String]?) {
    space = context.problem.space
    self.base = base
    own = state.history.own
    seed = context.problem.seed
    encodable = space.encodable
    let places = space.encode(base)
    var pinned: [Int: Double] = [:]
    for (index, parameter) in encodable.enumerated() where !(movable?.contains(parameter.name) ?? true) {
      pinned[index] = places[index] ?? 0.5
    }
    self.pinned = pinned
    let history = Self.comparable(state.history.trials, context)
    let pool = MIPROPool(state, space)
    words = space.parameters.filter { names.contains($0.name) }.compactMap { parameter in
      let all = pool.values(parameter.name)
      guard all.count > 1 else { return nil }
      let kept = Self.kept(all, parameter.name, history, state.texts)
      return Choice(parameter: parameter, texts: kept, isWhole: kept.count == all.count)
    }
    let choices = words
    trials = history.map { trial in
      var trial = trial
      let texts = state.texts[trial.number]
      trial.point += choices.map { choice in texts?[choice.parameter.name].map(choice.place) }
      return trial
    }
    groups = Self.groups(encodable.map { ($0, Coordinate($0.domain)) } + words.map { ($0.parameter, $0.coordinate) })
  }

  /// A new assignment; nil when there is none.
  func next(taken: Set<String>, random: inout RandomStream) -> Assignment? {
    let dimensions = encodable.count + words.count
    guard dimensions > 0 else { return nil }
    for point in points(dimensions, &random) {
      if let assignment = decode(point), !taken.contains(assignment.key) { return assignment }
    }
    for _ in 0..<NumericSearch.misses {
      let point = (0..<dimensions).map { _ in random.uniform() }
      if let assignment = decode(point), !taken.contains(assignment.key) { return assignment }
    }
    return rest(taken, &random)
  }

  /// The most promising first. While there is no model: spread numbers, and the base's texts.
  private func points(_ dimensions: Int, _ random: inout RandomStream) -> [[Double]] {
    guard trials.count(where: { $0.loss != nil }) >= StartDesign.size else {
      let sobol = Sobol(dimensions: encodable.count, seed: seed)
      let texts = words.map { $0.place(base[$0.parameter.name]?.string ?? "") }
      return encodable.isEmpty ? [] : (0..<4).map { sobol.point(own + $0) + texts }
    }
    return TPE().rankedCandidates(trials, groups, dimensions, &random)
  }

  private func decode(_ point: [Double]) -> Assignment? {
    var point = point
    for (index, place) in pinned { point[index] = place }
    var base = base
    for (choice, u) in zip(words, point.dropFirst(encodable.count)) {
      let index = choice.coordinate.cell(u)
      if index < choice.texts.count { base.values[choice.parameter.name] = .string(choice.texts[index]) }
    }
    return try? space.decode(Array(point.prefix(encodable.count)), base: base)
  }

  /// What is left of a space that is nearly used up: the base's texts first, then others.
  private func rest(_ taken: Set<String>, _ random: inout RandomStream) -> Assignment? {
    let movable = Set(encodable.indices.filter { pinned[$0] == nil }.map { encodable[$0].name })
    var combinations = [base]
    for choice in words {
      combinations += combinations.flatMap { combination in
        choice.texts.map { text in
          var other = combination
          other.values[choice.parameter.name] = .string(text)
          return other
        }
      }.shuffled(using: &random).prefix(Self.listed)
    }
    for combination in combinations.prefix(Self.listed) {
      if let assignment = try? space.accept(combination.values), !taken.contains(assignment.key) { return assignment }
      guard !movable.isEmpty else { continue }
      let search = NumericSearch(
        space: pinned.isEmpty ? space : space.pinned(at: combination, except: movable), base: combination, parent: nil,
        known: taken)
      var draws = random.child("rest")
      let found = search.assignments(1, random: &random) { (0..<search.dimensions).map { _ in draws.uniform() } }
      if let found = found.first { return found }
    }
    return nil
  }

  // MARK: - Trials

  /// Trials whose scores can be compared: of one that was measured on a part of the examples what stands for its mean.
  static func comparable(_ trials: [TrialHistory.Trial], _ context: AskContext) -> [TrialHistory.Trial] {
    let sign = context.problem.objective.direction == .maximize ? -1.0 : 1.0
    let means = ShrunkenMeans(context.table)
    return trials.map { trial in
      var trial = trial
      trial.loss = trial.loss.map { sign * means.mean(of: trial.number, told: sign * $0) }
      return trial
    }
  }

  /// At most `texts` of them, in their order.
  private static func kept(
    _ all: [String], _ name: String, _ trials: [TrialHistory.Trial], _ texts: [Int: [String: String]]
  ) -> [String] {
    guard all.count > Self.texts else { return all }
    var best: [String: Double] = [:]
    for trial in trials {
      guard let text = texts[trial.number]?[name] else { continue }
      best[text] = min(best[text] ?? .infinity, trial.loss ?? .infinity)
    }
    return places(all.map { best[$0] }).map { all[$0] }
  }

  /// Which texts are kept, in their order: half of the places are for the best of those that were tried, the other half for
  /// the newest of those that were not; what one half has no use for is the other's.
  ///
  /// - Parameter losses: by text the least loss of a trial with it, infinite for none; nil: it was not tried.
  static func places(_ losses: [Double?]) -> [Int] {
    let untried: [Int] = losses.indices.reversed().filter { losses[$0] == nil }
    var tried: [(place: Int, loss: Double)] = []
    for (place, loss) in losses.enumerated() {
      if let loss { tried.append((place, loss)) }
    }
    // The newer of equals.
    tried.sort { a, b in a.loss == b.loss ? a.place > b.place : a.loss < b.loss }
    let best: [Int] = tried.prefix(max(texts / 2, texts - untried.count)).map { $0.place }
    return (best + untried.prefix(texts - best.count)).sorted()
  }

  /// Parameters under one condition belong together, as in `TPE.Group.all`.
  private static func groups(_ parameters: [(ParameterSpec, Coordinate)]) -> [TPE.Group] {
    var conditions: [Condition?] = []
    var groups: [TPE.Group] = []
    for (index, (parameter, coordinate)) in parameters.enumerated() {
      if let known = conditions.firstIndex(of: parameter.condition) {
        groups[known].members.append(index)
        groups[known].coordinates.append(coordinate)
      } else {
        conditions.append(parameter.condition)
        groups.append(TPE.Group(members: [index], coordinates: [coordinate]))
      }
    }
    return groups
  }
}
