import HoneTrace

/// How a proposer of text asks its model.
public struct ProposerSettings: Hashable, Sendable {
  /// The parameters it may change; nil means all.
  public var parameters: [String]?
  /// Sampling temperatures; each request takes the next one, round and round.
  public var temperatures: [Double]
  /// The longest reply, in tokens.
  public var maxTokens: Int
  /// The longest prompt, in estimated tokens; parameters and feedback are never cut for it.
  public var tokenCap: Int
  /// How many of the best and of the newest past trials the prompt shows.
  public var memoryBest: Int
  public var memoryNewest: Int
  /// Requests with the reason of the rejection, after a rejected reply.
  public var repairs: Int
  /// Fresh requests for one proposal before giving up; nil means one where numbers can step in, else three.
  public var tries: Int?
  /// Whether numeric search near the incumbent steps in for a failed proposal.
  public var fallback: Bool
  /// The prompt templates.
  public var prompts: PromptLibrary

  public init(
    parameters: [String]? = nil, temperatures: [Double] = [0.7, 1.0, 0.4, 1.2], maxTokens: Int = 800,
    tokenCap: Int = 3_000, memoryBest: Int = 4, memoryNewest: Int = 3, repairs: Int = 1, tries: Int? = nil,
    fallback: Bool = true, prompts: PromptLibrary = PromptLibrary()
  ) {
    self.parameters = parameters
    self.temperatures = temperatures
    self.maxTokens = maxTokens
    self.tokenCap = tokenCap
    self.memoryBest = memoryBest
    self.memoryNewest = memoryNewest
    self.repairs = repairs
    self.tries = tries
    self.fallback = fallback
    self.prompts = prompts
  }
}

extension ProposerSettings {
  /// Model requests for one proposal (`ProposalRound`); none where there is nothing to change.
  func requests(_ space: Space) -> ClosedRange<Int> {
    let mine = space.parameters.filter { !$0.domain.holdsDemonstrations && parameters?.contains($0.name) ?? true }
    guard !mine.isEmpty else { return 0...0 }
    return 1...(tries(mine) * (1 + max(0, repairs)))
  }

  /// Fresh requests for one proposal of these parameters.
  func tries(_ changeable: [ParameterSpec]) -> Int {
    let canFallBack = fallback && changeable.contains { $0.domain.isEncodable }
    return max(1, tries ?? (canFallBack ? 1 : 3))
  }

  /// The parameters that may be changed under an assignment, in the space's order. Demonstrations are not written.
  func changeable(_ space: Space, base: Assignment) -> [ParameterSpec] {
    space.parameters.filter { parameter in
      base[parameter.name] != nil && !parameter.domain.holdsDemonstrations
        && parameters?.contains(parameter.name) ?? true
    }
  }

  /// The same settings for text and free code alone: no numbers step in for a failed proposal.
  func wordsOnly(_ space: Space) -> ProposerSettings {
    var settings = self
    settings.parameters = space.parameters.filter { parameter in
      !parameter.domain.isEncodable && !parameter.domain.holdsDemonstrations
        && parameters?.contains(parameter.name) ?? true
    }.map(\.name)
    settings.fallback = false
    return settings
  }
}
