import Foundation
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

  static func forest(_ reader: SettingsReader, _ space: Space?) throws(OptimizerError) -> Forest.Settings {
    var settings = Forest.Settings()
    settings.text = try proposer(reader, space, from: settings.text)
    settings.trees = try reader.int("trees", in: 1...100) ?? settings.trees
    settings.directions = try reader.int("directions", in: 1...20) ?? settings.directions
    settings.exploration = try reader.number("exploration", in: 0...100) ?? settings.exploration
    return settings
  }

  static func alphaopt(_ reader: SettingsReader, _ space: Space?) throws(OptimizerError) -> AlphaOPT.Settings {
    var settings = AlphaOPT.Settings()
    settings.text = try proposer(reader, space, from: settings.text)
    settings.insights = try reader.int("insights", in: 1...20) ?? settings.insights
    settings.applied = try reader.int("applied", in: 1...20) ?? settings.applied
    settings.library = try library(reader) ?? settings.library
    return settings
  }

  /// The insights of a file, or those that stand in the settings themselves, as a study keeps them.
  private static func library(_ reader: SettingsReader) throws(OptimizerError) -> ExperienceLibrary? {
    var place = ""
    do {
      if reader.members["library"]?.object != nil {
        return try reader.object("library").map { try ExperienceLibrary(document: .object($0)) }
      }
      guard let path = try reader.string("library") else { return nil }
      place = "\(path): "
      guard let data = FileManager.default.contents(atPath: path) else {
        throw OptimizerError("it cannot be read", hint: "name a JSON file of insights")
      }
      return try ExperienceLibrary(document: try Value.parse(json: Array(data)))
    } catch let error as OptimizerError {
      throw OptimizerError(setting: "library", place + error.message, hint: error.hint)
    } catch {
      throw OptimizerError(setting: "library", "\(place)it holds no JSON: \(error)")
    }
  }

  static func mipro(_ reader: SettingsReader, _ space: Space?) throws(OptimizerError) -> MIPRO.Settings {
    var settings = MIPRO.Settings()
    settings.text = try proposer(reader, space, from: settings.text)
    if let count = try reader.int("start", in: 1...64) { settings.start = count }
    if let count = try reader.int("notes", in: 0...100) { settings.notes = count }
    if let count = try reader.int("demonstrations", in: 0...100) { settings.demonstrations = count }
    if let count = try reader.int("labelled", in: 0...100) { settings.labelled = count }
    if let count = try reader.int("sets", in: 0...1_000) { settings.sets = count }
    settings.threshold = try reader.number("threshold", in: -1e300...1e300)
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
