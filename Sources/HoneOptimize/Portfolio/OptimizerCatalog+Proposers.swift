import HoneTrace

/// Settings of proposers.
extension OptimizerCatalog {
  static let llamboSettings = [
    "alpha", "card", "confidence", "context", "max_tokens", "permutations", "prompt_tokens", "prompts", "requests",
    "start", "suggestions", "surrogate", "temperature",
  ]

  static func llambo(_ reader: SettingsReader) throws(OptimizerError) -> LLAMBO.Settings {
    var settings = LLAMBO.Settings()
    settings.context = try reader.choice("context") ?? settings.context
    settings.surrogate = try reader.choice("surrogate") ?? settings.surrogate
    if let card = try reader.string("card") { settings.card = card }
    if let count = try reader.int("start", in: 1...64) { settings.start = count }
    if let count = try reader.int("suggestions", in: 1...64) { settings.candidates = count }
    if let alpha = try reader.number("alpha", in: -1...1) { settings.alpha = alpha }
    if let count = try reader.int("permutations", in: 1...20) { settings.permutations = count }
    if let count = try reader.int("requests", in: 1...100) { settings.requests = count }
    if let confidence = try reader.number("confidence", in: 0...1_000) { settings.confidence = confidence }
    if let temperature = try reader.number("temperature", in: 0...2) { settings.temperature = temperature }
    if let tokens = try reader.int("max_tokens", in: 16...1_000_000) { settings.maxTokens = tokens }
    if let tokens = try reader.int("prompt_tokens", in: 200...10_000_000) { settings.tokenCap = tokens }
    if let prompts = try prompts(reader) { settings.prompts = prompts }
    return settings
  }

  static func portfolio(_ reader: SettingsReader) throws(OptimizerError) -> Portfolio.Settings {
    var settings = Portfolio.Settings()
    if let members = try reader.strings("members") {
      for name in members where !Portfolio.members.contains(name) {
        let near = Nearest.name(to: name, among: Portfolio.members).map { "did you mean \($0)?" }
        throw OptimizerError(
          setting: "members", "a portfolio has no member \"\(name.prefix(60))\"",
          hint: near ?? "it may have \(Portfolio.members.joined(separator: ", "))")
      }
      guard !members.isEmpty, Set(members).count == members.count else {
        throw OptimizerError(setting: "members", "a portfolio needs members, each once")
      }
      settings.members = members
    }
    settings.floor = try reader.number("floor", in: 0...1) ?? settings.floor
    settings.adaptation = try reader.number("adaptation", in: 0...1) ?? settings.adaptation
    settings.pursuit = try reader.number("pursuit", in: 0...1) ?? settings.pursuit
    if let prompts = try prompts(reader) { settings.text.prompts = prompts }
    return settings
  }

  /// Settings that proposers of text share, those that are not named as they are given.
  static func proposer(
    _ reader: SettingsReader, _ space: Space?, from settings: ProposerSettings = ProposerSettings()
  ) throws(OptimizerError) -> ProposerSettings {
    var settings = settings
    _ = try reader.int("candidates", in: 1...64)
    settings.parameters = try reader.strings("parameters")
    if let space, let chosen = settings.parameters {
      let known = space.parameters.map(\.name)
      for name in chosen where !known.contains(name) {
        let near = Nearest.name(to: name, among: known).map { "did you mean \($0)?" }
        throw OptimizerError(setting: "parameters", "there is no parameter \"\(name.prefix(60))\"", hint: near)
      }
    }
    if let temperatures = try reader.numbers("temperature", in: 0...2) { settings.temperatures = temperatures }
    if let tokens = try reader.int("max_tokens", in: 16...1_000_000) { settings.maxTokens = tokens }
    if let tokens = try reader.int("prompt_tokens", in: 200...10_000_000) { settings.tokenCap = tokens }
    if let memory = try reader.int("memory", in: 0...1_000) {
      // OPRO remembers the best alone.
      let newest = settings.memoryNewest == 0 ? 0 : memory / 2
      settings.memoryBest = memory - newest
      settings.memoryNewest = newest
    }
    if let repairs = try reader.int("repairs", in: 0...10) { settings.repairs = repairs }
    settings.tries = try reader.int("tries", in: 1...20)
    if let fallback = try reader.bool("fallback") { settings.fallback = fallback }
    if let prompts = try prompts(reader) { settings.prompts = prompts }
    return settings
  }

  /// The templates of the folder that is named, if one is.
  static func prompts(_ reader: SettingsReader) throws(OptimizerError) -> PromptLibrary? {
    guard let folder = try reader.string("prompts") else { return nil }
    do {
      return try PromptLibrary(folder: folder)
    } catch {
      throw OptimizerError(setting: "prompts", error.message, hint: error.hint)
    }
  }
}
