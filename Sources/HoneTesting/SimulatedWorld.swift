import Foundation
import HoneModel
import HoneNumerics
import HoneTrace

/// A made-up task whose truth is known: rows with labels, and latent rules that an instruction may or may not state.
///
/// It stands in for a language model where figures must be comparable and offline: the model under tuning labels rows as
/// well as its instruction, temperature, demonstrations and passages let it, and a proposer (`SimulatedWorld.reflect`) finds
/// rules in feedback. All it says follows from its parameters and the request alone. How good an assignment truly is can be
/// computed (`accuracy(of:)`), so gains that are reported can be told from gains that are there. Worlds of `all` are frozen:
/// their hash is in the tests, and they are not tuned to any method.
public struct SimulatedWorld: Hashable, Codable, Sendable {
  /// Words that help on some rows when the instruction holds them.
  public struct Rule: Hashable, Codable, Sendable {
    public var phrase: String
    /// Part of the rows it applies to, from 0 to 1.
    public var share: Double

    public init(_ phrase: String, share: Double) {
      self.phrase = phrase
      self.share = share
    }
  }

  public var name: String
  public var seed: UInt64
  public var rules: [Rule]
  /// Phrases that look like rules and help nowhere.
  public var decoys: [String]
  /// Probability of the right label on a row none of whose rules is stated, and on one all of whose rules are.
  public var base: Double
  public var ceiling: Double
  /// Part of a row's outcome that a coin decides anew for each request, from 0 to 1: 1 makes every score a coin flip.
  public var luck: Double
  /// Accuracy lost for each decoy that an instruction holds.
  public var clutter: Double
  /// The best temperature, and the accuracy lost one unit away from it.
  public var temperature: Double
  public var temperatureCost: Double
  /// Accuracy that many demonstrations add.
  public var demonstrations: Double
  /// The best number of passages, and the accuracy lost for each one more or fewer; 0 passages: the world has no retrieval.
  public var passages: Int
  public var passageCost: Double
  /// Probability that feedback on a wrong answer names a rule that was not stated.
  public var naming: Double

  public init(
    name: String, seed: UInt64, rules: [Rule], decoys: [String] = [], base: Double = 0.3, ceiling: Double = 0.9,
    luck: Double = 0.1, clutter: Double = 0.02, temperature: Double = 0, temperatureCost: Double = 0.1,
    demonstrations: Double = 0.05, passages: Int = 0, passageCost: Double = 0.02, naming: Double = 0.7
  ) {
    self.name = name
    self.seed = seed
    self.rules = rules
    self.decoys = decoys
    self.base = base
    self.ceiling = ceiling
    self.luck = luck
    self.clutter = clutter
    self.temperature = temperature
    self.temperatureCost = temperatureCost
    self.demonstrations = demonstrations
    self.passages = passages
    self.passageCost = passageCost
    self.naming = naming
  }

  /// What the model under tuning is handed beside the row.
  public struct Setting: Hashable, Sendable {
    public var instruction: String
    public var temperature: Double
    public var demonstrations: Int
    public var passages: Int

    public init(_ instruction: String, temperature: Double = 0, demonstrations: Int = 0, passages: Int = 0) {
      self.instruction = instruction
      self.temperature = temperature
      self.demonstrations = demonstrations
      self.passages = passages
    }
  }

  public static let labels = ["amber", "birch", "cedar", "delta"]
  /// Every instruction begins so; what follows are rules.
  public static let opening = "Answer with the label of the item."

  // MARK: - Rows

  /// The text of a row, from 0 on; the same rows in every process.
  public func text(_ row: Int) -> String {
    var random = RandomStream(seed: seed, name: "\(name)/text/\(row)")
    let words = (0..<6).map { _ in String(random.next() % 46_656, radix: 36) }
    return "item \(row): \(words.joined(separator: " "))"
  }

  public func label(_ row: Int) -> String {
    var random = RandomStream(seed: seed, name: "\(name)/label/\(row)")
    return Self.labels[Int(random.next() % UInt64(Self.labels.count))]
  }

  /// Indices of the rules that apply to a row; perhaps none.
  public func rules(of row: Int) -> [Int] {
    rules.indices.filter { uniform("rule/\($0)/\(row)") < rules[$0].share }
  }

  // MARK: - Truth

  /// Indices of the rules that an instruction states.
  public func stated(in instruction: String) -> Set<Int> {
    let text = instruction.lowercased()
    return Set(rules.indices.filter { text.contains(rules[$0].phrase.lowercased()) })
  }

  /// Probability that a row is labelled rightly.
  public func probability(_ row: Int, _ setting: Setting) -> Double {
    probability(rules(of: row), stated(in: setting.instruction), extra(setting))
  }

  /// Mean probability over rows: what a score on endlessly many repeats would be.
  public func accuracy(of setting: Setting, rows: Range<Int> = 0..<2_000) -> Double {
    let (stated, extra) = (stated(in: setting.instruction), extra(setting))
    return rows.reduce(0) { $0 + probability(rules(of: $1), stated, extra) } / Double(max(1, rows.count))
  }

  /// The best that any assignment reaches.
  public func bestAccuracy(rows: Range<Int> = 0..<2_000) -> Double {
    let all = rules.map(\.phrase).joined(separator: ". ")
    return accuracy(of: Setting(all, temperature: temperature, demonstrations: 1_000, passages: passages), rows: rows)
  }

  private func probability(_ applying: [Int], _ stated: Set<Int>, _ extra: Double) -> Double {
    let part = applying.isEmpty ? 1 : Double(applying.count(where: stated.contains)) / Double(applying.count)
    return min(max(base + (ceiling - base) * part + extra, 0), 1)
  }

  /// What is won and lost on every row alike. Nothing where nothing helps.
  private func extra(_ setting: Setting) -> Double {
    guard ceiling > base else { return 0 }
    let text = setting.instruction.lowercased()
    let clutter = clutter * Double(decoys.count { text.contains($0.lowercased()) })
    let heat = temperatureCost * min(1, abs(setting.temperature - temperature))
    let shown = demonstrations * (1 - exp(-Double(max(0, setting.demonstrations)) / 4))
    let far = passages == 0 ? 0 : passageCost * min(10, abs(Double(setting.passages - passages)))
    return shown - clutter - heat - far
  }

  /// The label that the model gives, right with the row's probability: decided by the row alone but for `luck`.
  ///
  /// - Parameter draw: tells requests apart, such as their text.
  public func answer(_ row: Int, _ setting: Setting, draw: String) -> String {
    let own = uniform("row/\(row)")
    let coin = uniform("coin/\(row)/\(draw)")
    let isCoin = uniform("luck/\(row)/\(draw)") < luck
    let right = label(row)
    guard (isCoin ? coin : own) >= probability(row, setting) else { return right }
    let wrong = Self.labels.filter { $0 != right }
    return wrong[Int(uniform("wrong/\(row)/\(draw)") * Double(wrong.count))]
  }

  /// What is said about an answer.
  public func feedback(_ row: Int, _ answer: String, instruction: String) -> String {
    if answer == label(row) { return "Correct." }
    let said = "Expected \(label(row)), got \(answer)."
    let missing = rules(of: row).filter { !stated(in: instruction).contains($0) }
    guard !missing.isEmpty, uniform("naming/\(row)") < naming else { return said }
    let rule = missing[Int(uniform("named/\(row)") * Double(missing.count))]
    return "\(said) The answer misses this: \(Self.mark)\(rules[rule].phrase)\(Self.mark)."
  }

  /// Stands around a phrase that feedback names.
  static let mark = "*"

  func uniform(_ name: String) -> Double {
    var random = RandomStream(seed: seed, name: "\(self.name)/\(name)")
    return random.uniform()
  }
}
