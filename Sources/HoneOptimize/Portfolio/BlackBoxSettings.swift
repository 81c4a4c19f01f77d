import HoneTrace

extension OptimizerCatalog {
  /// The settings of numerical optimizers, sorted; those that are not named have none.
  static let blackBoxSettings: [String: [String]] = [
    "aegis": ["candidates", "epsilon"],
    "annealing": ["acceptance", "cooling", "neighbour", "schedule", "step"],
    "cma-es": ["population", "step"],
    "cross-entropy": ["elite", "population", "smoothing"],
    "epsilon-shotgun": ["candidates", "epsilon"],
    "random-forest": ["random_share", "trees"],
  ]

  /// A numerical optimizer with settings of its own; nil for any other one.
  static func blackBox(_ name: String, _ reader: SettingsReader) throws(OptimizerError) -> (any Optimizer)? {
    _ = try reader.int("candidates", in: 1...64)
    switch name {
    case "aegis":
      var settings = AEGiS.Settings()
      settings.epsilon = try reader.number("epsilon", in: 0...1)
      return AEGiS(settings)
    case "annealing": return AnnealingSearch(try annealing(reader))
    case "cma-es":
      var settings = CMAES.Settings()
      settings.population = try reader.int("population", in: 4...1_000)
      settings.step = try reader.number("step", in: 0.001...1) ?? settings.step
      return CMAES(settings)
    case "cqr": return ConformalQuantileSearch()
    case "cross-entropy":
      var settings = CrossEntropySearch.Settings()
      settings.population = try reader.int("population", in: 4...1_000) ?? settings.population
      settings.elite = try reader.number("elite", in: 0.01...0.5) ?? settings.elite
      settings.smoothing = try reader.number("smoothing", in: 0.01...1) ?? settings.smoothing
      return CrossEntropySearch(settings)
    case "epsilon-shotgun":
      var settings = EpsilonShotgun.Settings()
      settings.epsilon = try reader.number("epsilon", in: 0...1) ?? settings.epsilon
      return EpsilonShotgun(settings)
    case "random-forest":
      var settings = RandomForestSearch.Settings()
      settings.trees = try reader.int("trees", in: 2...200) ?? settings.trees
      settings.randomShare = try reader.number("random_share", in: 0...1) ?? settings.randomShare
      return RandomForestSearch(settings)
    default: return nil
    }
  }

  private static func annealing(_ reader: SettingsReader) throws(OptimizerError) -> AnnealingSearch.Settings {
    var settings = AnnealingSearch.Settings()
    settings.schedule = try reader.choice("schedule") ?? settings.schedule
    settings.cooling = try reader.number("cooling", in: 0.5...0.9999) ?? settings.cooling
    settings.neighbour = try reader.choice("neighbour") ?? settings.neighbour
    settings.acceptance = try reader.choice("acceptance") ?? settings.acceptance
    settings.step = try reader.number("step", in: 0.001...1) ?? settings.step
    return settings
  }
}
