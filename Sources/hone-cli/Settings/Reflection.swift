import HoneModel
import HoneOptimize
import HoneStore
import HoneTrace

/// What led to a trial: the replies of the proposer in its round, and what it had been shown.
struct Reflection: Sendable {
  /// In the order in which they were made, those in vain too.
  var attempts: [Attempt] = []
  /// Their calls, as far as they are stored, each once.
  var calls: [CallRecord] = []

  /// What the proposer was shown of the workflow's runs, from the stored prompts; repairs show the same again.
  var shown: [String] {
    calls.compactMap(\.shownData).reduce(into: []) { shown, text in
      if !shown.contains(text) { shown.append(text) }
    }
  }
}

extension Reflection {
  /// Attempts are stored before the trials of their round, and nothing between them; rounds in vain stand before those.
  ///
  /// Of a round that began several trials, the replies of the proposers that made the others are left out.
  /// - Parameter events: of the whole study.
  static func attempts(for trial: Int, in events: [Event]) -> [Attempt] {
    let place = events.firstIndex { event in
      if case .began(let number, _) = event { number == trial } else { false }
    }
    guard let place, case .began(_, let proposal) = events[place] else { return [] }
    let before = events[..<place].reversed()
    let others = before.prefix(while: \.isBegun) + events[place...].prefix(while: \.isBegun)
    let origins = Set(others.compactMap(\.origin))
    let replies = before.drop(while: \.isBegun).prefix { $0.attempt != nil }.compactMap(\.attempt)
    return replies.reversed().filter { $0.origin == proposal.origin || !origins.contains($0.origin) }
  }
}

extension Event {
  fileprivate var isBegun: Bool { if case .began = self { true } else { false } }
  fileprivate var origin: String? { if case .began(_, let proposal) = self { proposal.origin } else { nil } }
  fileprivate var attempt: Attempt? { if case .attempted(let attempt) = self { attempt } else { nil } }
}

extension StudyReader {
  func reflection(on trial: Int, of study: String) async throws -> Reflection {
    var reflection = Reflection(attempts: Reflection.attempts(for: trial, in: try await store.events(of: study)))
    let archive = store.archive(of: study)
    var seen: Set<String> = []
    for key in reflection.attempts.flatMap(\.callKeys) where seen.insert(key).inserted {
      if let call = try await archive.call(for: key) { reflection.calls.append(call) }
    }
    return reflection
  }
}

extension CallRecord {
  /// The conversation that was sent, the system's words first, in OpenAI's or Anthropic's form.
  var messages: [(role: String, text: String)] {
    let system = request["system"].map { [(role: "system", text: $0.text)] } ?? []
    return system
      + (request["messages"]?.array ?? []).map { message in
        (role: message["role"]?.string ?? "", text: message["content"]?.text ?? "")
      }
  }

  /// What stands between the marks of recorded data in a proposer's first question; all of it where there are none.
  fileprivate var shownData: String? {
    guard let question = messages.first(where: { $0.role == "user" })?.text else { return nil }
    let lines = question.split(separator: "\n", omittingEmptySubsequences: false)
    for (begin, line) in lines.enumerated() where line.hasPrefix("BEGIN ") {
      if let end = lines[begin...].firstIndex(of: "END \(line.dropFirst(6))") {
        return lines[(begin + 1)..<end].joined(separator: "\n")
      }
    }
    return question
  }
}
