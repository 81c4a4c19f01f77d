import HoneTrace

/// A history that an evolutionary search takes in generations: so many trials in the order in which they settled, whoever
/// proposed them. A trial that is told again counts anew only while its generation is open.
struct Generations: Codable, Sendable, Equatable {
  struct Member: Codable, Sendable, Equatable {
    var number: Int
    var point: [Double?]
    /// Less is better; nil when the trial failed.
    var loss: Double?
  }

  private(set) var history: TrialHistory
  /// Settled since the last generation was taken.
  private(set) var open: [Member] = []

  init(_ problem: Problem, owner: String) { history = TrialHistory(problem, owner: owner) }

  mutating func tell(_ event: Event) {
    guard let number = Self.settles(event) else { return history.tell(event) }
    let wasSettled = trial(number).map { $0.loss != nil || $0.hasFailed } ?? true
    history.tell(event)
    guard let trial = trial(number) else { return }
    let member = Member(number: number, point: trial.point, loss: trial.loss)
    if let index = open.lastIndex(where: { $0.number == number }) {
      open[index] = member
    } else if !wasSettled {
      open.append(member)
    }
  }

  static func settles(_ event: Event) -> Int? {
    switch event {
    case .completed, .failed: event.isInfrastructureFailure ? nil : event.trial
    case .began, .attempted: nil
    }
  }

  private func trial(_ number: Int) -> TrialHistory.Trial? { history.trials.last { $0.number == number } }

  /// The next generation, best first, failed ones last, ties by age; nil while there are too few.
  mutating func take(_ size: Int) -> [Member]? {
    guard size > 0, open.count >= size else { return nil }
    let members = Array(open.prefix(size))
    open.removeFirst(size)
    let order = members.indices.sorted { a, b in
      let (first, second) = (members[a].loss ?? .infinity, members[b].loss ?? .infinity)
      return first == second ? a < b : first < second
    }
    return order.map { members[$0] }
  }
}
