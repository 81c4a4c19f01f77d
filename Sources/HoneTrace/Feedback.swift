/// What is said about one output of a rollout: the words a propagator carries back to the parameters.
public struct Feedback: Hashable, Codable, Sendable {
  /// The node the words are about.
  public var node: Int
  public var text: String
  public var score: Double?

  public init(node: Int, text: String, score: Double? = nil) {
    self.node = node
    self.text = text
    self.score = score
  }
}
