import ArgumentParser
import HoneModel
import HoneStore
import HoneTrace

struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Show model calls: request, reply, tokens, seconds.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var database: DatabaseOptions
  @Option(name: .shortAndLong, help: ArgumentHelp("How many of the newest calls (0: all).", valueName: "n"))
  var number = 3
  @Argument(help: "The study whose calls are shown (default: all).") var study: String?
  @Option(name: .customLong("study"), help: .hidden) var named: String?
  @Flag(help: "Only calls that failed.") var failed = false

  func validate() throws {
    if study != nil, named != nil { throw ValidationError("name the study once: hone logs STUDY") }
    if number < 0 { throw ValidationError("-n must be 0 or more, not \(number)") }
  }

  func run() async throws {
    let console = global.console()
    let reader = try await StudyReader(database)
    let studies: [String]
    if let study = study ?? named {
      _ = try await reader.definition(of: study)
      studies = [study]
    } else {
      studies = try await reader.store.studies().map(\.name)
    }
    var calls: [(study: String, call: CallRecord)] = []
    for study in studies {
      calls += try await reader.store.calls(of: study, limit: nil).map { (study, $0) }
    }
    if failed { calls = calls.filter { !$0.call.isReply } }
    if number > 0 { calls = Array(calls.suffix(number)) }
    for (study, call) in calls {
      if console.json {
        console.json("hone.call/1", call.fields(study: study))
      } else {
        print(call, study, console)
      }
    }
    if calls.isEmpty, !console.json {
      console.status("Empty", failed ? "no call failed" : "no model call is recorded", .warn)
    }
  }

  private func print(_ call: CallRecord, _ study: String, _ console: Console) {
    let isGood = call.isReply
    var head =
      "\(call.key.prefix(12))  \(Printable.line(study))  \(call.role)  \(Printable.line(call.alias))  \(call.status)"
    head += "  \(Format.duration(call.seconds))  \(Format.count(call.usage.totalTokens)) tok"
    if call.attempts > 1 { head += "  \(call.attempts) tries" }
    console.result("Call", head, isGood ? .good : .bad)
    for message in call.messages { put(message.role, message.text, console) }
    put("reply", call.replyText, console)
    console.data("")
  }

  private func put(_ role: String, _ text: String, _ console: Console) {
    let shown = console.verbosity.rawValue >= Console.Verbosity.verbose.rawValue ? text : String(text.prefix(2000))
    console.quote(role, shown)
    if shown.count < text.count { console.data("           … (\(Format.count(text.count)) characters; all with -v)") }
  }
}

extension CallRecord {
  /// The reply's words: OpenAI's or Anthropic's shape, else the whole body.
  var replyText: String {
    if let text = response["choices"]?[0]?["message"]?["content"]?.string { return text }
    if let parts = response["content"]?.array { return parts.compactMap { $0["text"]?.string }.joined() }
    return response.text
  }
}
