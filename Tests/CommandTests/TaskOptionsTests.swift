import ArgumentParser
import Testing

@testable import hone_cli

/// Options of `check` and `tune` as they stand in command lines that are shown.
struct TaskOptionsTests {
  /// What is shown parses to the same options again.
  @Test func argumentsParseAgain() throws {
    let given: [[String]] = [
      ["task.yaml"], ["a b/task.yaml", "--trials", "9"], ["./-odd.yaml", "--rollouts", "70", "--requests", "80"],
      ["t.yaml", "--tokens", "1000000", "--money", "0.25", "--time", "90m", "--seed", "7", "--force"],
      ["t.yaml", "--money", "1e-9", "--time", "1.5", "--parallel", "3", "--seed", "18446744073709551615"],
    ]
    for words in given {
      let options = try TaskOptions.parse(words)
      let again = try TaskOptions.parse(options.arguments)
      #expect(again.arguments == options.arguments)
      #expect(
        again.path == options.path && again.trials == options.trials && again.rollouts == options.rollouts
          && again.requests == options.requests && again.tokens == options.tokens && again.money == options.money
          && again.time?.value == options.time?.value && again.parallel == options.parallel
          && again.seed == options.seed && again.force == options.force, "\(words)")
    }
  }

  @Test func timesAreShown() throws {
    let times = ["90s": "90s", "30m": "30m", "1h30m": "90m", "2h": "2h", "1d": "24h", "120": "2m", "0.5": "0.5"]
    for (given, shown) in times.sorted(by: { $0.key < $1.key }) {
      #expect(Seconds(argument: given)?.argument == shown, "\(given)")
    }
  }

  @Test func linesAreQuotedAndNameADatabaseThatWasGiven() throws {
    var options = try TaskOptions.parse(["a b.yaml", "--requests", "80"])
    #expect(options.line("tune") == "hone tune 'a b.yaml' --requests 80")
    options.requests = 90
    #expect(options.line("check", Setting("x.db", from: "--db")) == "hone check 'a b.yaml' --requests 90 --db x.db")
    #expect(options.line("tune", Setting("x.db", from: "HONE_DB")) == "hone tune 'a b.yaml' --requests 90")
  }
}
