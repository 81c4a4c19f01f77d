import HoneNumerics
import HoneTrace

/// What random, Sobol and neighbourhood search share: points of the unit cube become new, valid assignments. Text and free
/// code stand still at a base, for numbers do not invent words.
struct NumericSearch {
  let space: Space
  let base: Assignment
  /// The trial whose assignment the base is.
  let parent: Int?
  var known: Set<String>

  /// Points drawn in vain for one proposal before the space is looked at as a whole.
  static let misses = 64
  /// Largest finite space that is listed to find what is left of it.
  static let listed = 50_000

  init(space: Space, base: Assignment, parent: Int?, known: Set<String>) {
    self.space = space
    self.base = base
    self.parent = parent
    self.known = known
  }

  /// Around the incumbent's text, or the initial one.
  init(_ context: AskContext) {
    self.init(
      space: context.problem.space, base: context.incumbent?.assignment ?? context.problem.space.initial,
      parent: context.incumbent?.trial, known: context.known)
  }

  /// Coordinates of a point.
  var dimensions: Int { space.encodable.count }
  var middle: [Double] { [Double](repeating: 0.5, count: dimensions) }

  /// Up to `count` assignments that are neither known nor equal.
  ///
  /// - Parameters:
  ///   - random: chooses among what is left when drawing no longer finds anything new.
  ///   - draw: the next point to try.
  func assignments(_ count: Int, random: inout RandomStream, draw: () -> [Double]) -> [Assignment] {
    guard dimensions > 0, count > 0 else { return [] }
    var taken = known
    var found: [Assignment] = []
    var misses = 0
    // In a space without end a point is new unless its combination is forbidden, so some more patience finds one.
    let patience = isListable ? Self.misses : Self.misses * 16
    while found.count < count, misses < patience {
      if let assignment = try? space.decode(draw(), base: base), taken.insert(assignment.key).inserted {
        found.append(assignment)
        misses = 0
      } else {
        misses += 1
      }
    }
    guard found.count < count, isListable,
      let all = space.assignments(base: base, limit: Self.listed)
    else { return found }
    let left = all.filter { !taken.contains($0.key) }
    return found + left.shuffled(using: &random).prefix(count - found.count)
  }

  private var isListable: Bool { space.cardinality(base: base).map { $0 <= Self.listed } ?? false }
}
