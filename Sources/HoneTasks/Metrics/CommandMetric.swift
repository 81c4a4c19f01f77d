/// A program that scores an output. It reads `{example.json}` (the row, the output, the parameters) and prints, as its
/// last line, a JSON object with `score` and, when it has something to say, `feedback` and further numbers.
public struct CommandMetric: Sendable {
  public var arguments: [Template]
  /// Working directory, absolute; nil: the task file's.
  public var directory: String?
  /// Seconds.
  public var timeout: Double
}
