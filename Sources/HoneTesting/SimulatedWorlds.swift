extension SimulatedWorld {
  /// Rises with every change of a world; figures of different versions are not compared.
  public static let version = 1

  /// Frozen on 2026-11-21, before any method was run on them.
  public static let all = [few, many, rare, null, coin]

  /// Five rules, each on many rows; feedback names most of what is missing.
  public static let few = SimulatedWorld(
    name: "few", seed: 1,
    rules: [
      Rule("Use the first word alone", share: 0.4), Rule("Ignore words with digits", share: 0.3),
      Rule("Prefer the rarer label", share: 0.3), Rule("Read the item backwards", share: 0.2),
      Rule("Count the vowels", share: 0.2),
    ], decoys: ["Use polite language", "Answer in French", "Sum the digits"])

  /// Twelve rules, most on few rows; demonstrations and temperature matter too.
  public static let many = SimulatedWorld(
    name: "many", seed: 2,
    rules: [
      Rule("Look for colours", share: 0.25), Rule("Look for trees", share: 0.2),
      Rule("Skip the second word", share: 0.2),
      Rule("Treat zero as a letter", share: 0.15), Rule("Compare word lengths", share: 0.15),
      Rule("Take the last label of a tie", share: 0.15), Rule("Merge equal words", share: 0.1),
      Rule("Drop the longest word", share: 0.1), Rule("Sort the words first", share: 0.1),
      Rule("Fold upper and lower case", share: 0.1), Rule("Mark missing words", share: 0.08),
      Rule("Never answer delta twice", share: 0.08),
    ],
    decoys: [
      "Use polite language", "Explain each step", "Answer in one line", "Mind the weather", "Think of a number",
    ],
    base: 0.25, ceiling: 0.85, luck: 0.2, temperature: 0.2, temperatureCost: 0.15, demonstrations: 0.1, passages: 5)

  /// One rule that matters on most rows and that feedback seldom names.
  public static let rare = SimulatedWorld(
    name: "rare", seed: 3,
    rules: [Rule("Labels follow the alphabet", share: 0.8), Rule("Stop at the first match", share: 0.1)],
    decoys: ["Use polite language", "Explain each step", "Answer in one line", "Mind the weather"], base: 0.4,
    ceiling: 0.8, luck: 0.3, naming: 0.15)

  /// Nothing helps: rows are right or wrong by themselves, with some luck.
  public static let null = SimulatedWorld(
    name: "null", seed: 4, rules: [Rule("Use the first word alone", share: 0.4), Rule("Count the vowels", share: 0.3)],
    decoys: ["Use polite language"], base: 0.6, ceiling: 0.6, luck: 0.5)

  /// Nothing helps, and every score is a coin flip.
  public static let coin = SimulatedWorld(
    name: "coin", seed: 5, rules: [Rule("Use the first word alone", share: 0.4), Rule("Count the vowels", share: 0.3)],
    decoys: ["Use polite language"], base: 0.5, ceiling: 0.5, luck: 1)
}
