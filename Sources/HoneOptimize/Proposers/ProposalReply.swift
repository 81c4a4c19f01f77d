import HoneTrace

/// What a proposer's reply says, read within bounds; nothing in it is checked against a domain yet.
struct ProposalReply: Equatable {
  var reasoning: String
  /// Values by parameter name, as the model gave them.
  var suggestion: [String: Value]
  /// Only the field `terminate` counts; the word anywhere else means nothing.
  var terminate: Bool

  /// - Parameters:
  ///   - names: the space's parameters: an object of them alone is a suggestion without its frame.
  /// - Throws: `.malformed` when no object can be read, `.ambiguous` when two different ones could be meant.
  init(_ text: String, names: Set<String>) throws(Rejection) {
    let objects: [Value]
    do {
      objects = try LooseJSON.objects(in: text)
    } catch {
      throw Rejection(.malformed, "the answer is not a JSON object: \(error)")
    }
    var answers: [Value] = []
    for object in objects where Self.isAnswer(object, names: names) && !answers.contains(object) {
      answers.append(object)
      if answers.count == 2 { break }
    }
    guard let answer = answers.first else {
      throw Rejection(
        .malformed, objects.isEmpty ? "the answer holds no JSON object" : "the JSON object has no \"suggestion\"")
    }
    guard answers.count == 1 else {
      throw Rejection(.ambiguous, "the answer holds different JSON objects; exactly one is needed")
    }
    self = try Self.read(answer)
  }

  init(reasoning: String, suggestion: [String: Value], terminate: Bool) {
    self.reasoning = reasoning
    self.suggestion = suggestion
    self.terminate = terminate
  }

  private static func isAnswer(_ object: Value, names: Set<String>) -> Bool {
    guard let members = object.object, !members.isEmpty else { return false }
    return members["suggestion"] != nil || members["terminate"] != nil || members.keys.allSatisfy(names.contains)
  }

  private static func read(_ answer: Value) throws(Rejection) -> ProposalReply {
    let terminate = answer["terminate"]?.bool ?? false
    let reasoning = answer["reasoning"]?.text ?? ""
    guard let suggestion = answer["suggestion"] else {
      let framed = answer["terminate"] != nil || answer["reasoning"] != nil
      return ProposalReply(
        reasoning: reasoning, suggestion: framed ? [:] : answer.object ?? [:], terminate: terminate)
    }
    switch suggestion {
    case .object(let members):
      return ProposalReply(reasoning: reasoning, suggestion: members, terminate: terminate)
    case .null where terminate: return ProposalReply(reasoning: reasoning, suggestion: [:], terminate: true)
    case .string(let text):
      // An object written as a string is still that object.
      if let members = (try? Value.parse(json: text))?.object {
        return ProposalReply(reasoning: reasoning, suggestion: members, terminate: terminate)
      }
    default: break
    }
    throw Rejection(.malformed, "\"suggestion\" must be an object of parameter names and values")
  }
}
