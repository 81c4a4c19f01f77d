import HoneNumerics
import HoneTrace
import Testing

/// The reply matrix: whatever a model answers ends in an exact typed value or a typed rejection.
@Suite struct DomainAcceptTests {
  enum Expected: Equatable, Sendable {
    case success(Value)
    case failure(Rejection.Kind)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let domain: Domain
    let reply: Value
    let result: Expected

    init(_ domain: Domain, _ reply: Value, _ result: Expected) {
      self.domain = domain
      self.reply = reply
      self.result = result
    }

    var testDescription: String { "\(domain.constraint) <- \(reply.canonicalJSON.prefix(60))" }
  }

  static let unit = Domain.float(FloatDomain(0...1))
  static let ten = Domain.int(IntDomain(0...10))
  static let lists = Domain.categorical([[1, 2], [3, 4]])
  static let topK = Domain.ordinal([2, 4, 8])
  static let template = Domain.text(TextDomain(placeholders: ["question"], optionalPlaceholders: ["passages"]))

  static let matrix: [Row] = [
    Row(.bool, "False", .success(false)),
    Row(.bool, " true ", .success(true)),
    Row(.bool, "no", .failure(.wrongType)),
    Row(.bool, "yes", .failure(.wrongType)),
    Row(.bool, 1, .failure(.wrongType)),
    Row(.bool, nil, .failure(.empty)),
    Row(.bool, "", .failure(.empty)),
    Row(ten, 3.9, .failure(.notLossless)),
    Row(ten, "3.9", .failure(.notLossless)),
    Row(ten, 3.0, .success(3)),
    Row(ten, "3", .success(3)),
    Row(ten, "lots", .failure(.wrongType)),
    Row(ten, nil, .failure(.empty)),
    Row(ten, "", .failure(.empty)),
    Row(ten, "nan", .failure(.notFinite)),
    Row(ten, .double(.infinity), .failure(.notFinite)),
    Row(ten, 1e300, .failure(.outOfRange)),
    Row(ten, -999, .failure(.outOfRange)),
    Row(ten, 11, .failure(.outOfRange)),
    Row(ten, true, .failure(.wrongType)),
    Row(ten, [3], .failure(.wrongType)),
    Row(.int(IntDomain(0...10, clip: true)), -999, .success(0)),
    Row(.int(IntDomain(0...10, step: 4)), 10, .success(8)),
    Row(.int(IntDomain(0...10, step: 4)), 6, .success(8)),
    Row(.int(IntDomain(.min ... .max)), .int(.max), .success(.int(.max))),
    Row(unit, "0.5", .success(0.5)),
    Row(unit, 1, .success(1.0)),
    Row(unit, -0.0, .success(0.0)),
    Row(unit, "nan", .failure(.notFinite)),
    Row(unit, "NaN", .failure(.notFinite)),
    Row(unit, "-Infinity", .failure(.notFinite)),
    Row(unit, .double(.nan), .failure(.notFinite)),
    Row(unit, 1.5, .failure(.outOfRange)),
    Row(unit, 1e308, .failure(.outOfRange)),
    Row(unit, "0.5 or so", .failure(.wrongType)),
    Row(unit, "0x1p-1", .failure(.wrongType)),
    Row(unit, ["value": 0.5], .failure(.wrongType)),
    Row(.float(FloatDomain(0...1, clip: true)), 7, .success(1.0)),
    Row(.float(FloatDomain(0...1, step: 0.1)), 0.30000000000000004, .success(0.3)),
    Row(.float(FloatDomain(0...1, step: 0.1)), 0.26, .success(0.3)),
    Row(.float(FloatDomain(0...1, step: 0.3)), 1, .success(0.9)),
    Row(lists, "abc", .failure(.notAChoice)),
    Row(lists, "[3, 4]", .success([3, 4])),
    Row(lists, [3.0, 4], .success([3, 4])),
    Row(lists, [3], .failure(.notAChoice)),
    Row(topK, "8", .success(8)),
    Row(topK, 8.0, .success(8)),
    Row(topK, 3, .failure(.notAChoice)),
    Row(topK, nil, .failure(.empty)),
    Row(.categorical(["dense", "hybrid"]), " dense ", .success("dense")),
    Row(.categorical(["dense", "hybrid"]), "sparse", .failure(.notAChoice)),
    Row(.categorical([true, "auto"]), "True", .success(true)),
    Row(.categorical(["8", 8]), "8", .success("8")),
    Row(template, "Answer {question} from {passages}", .success("Answer {question} from {passages}")),
    Row(template, "Answer it", .failure(.missingPlaceholder)),
    Row(template, "{question} {secret}", .failure(.unknownPlaceholder)),
    Row(template, "{question} {\"a\": 1} {1x}", .success("{question} {\"a\": 1} {1x}")),
    Row(template, "", .failure(.empty)),
    Row(template, 5, .failure(.wrongType)),
    Row(template, ["{question}"], .failure(.wrongType)),
    Row(template, "{question}\u{0}", .failure(.malformed)),
    Row(template, "{question} \u{1b}[31m", .failure(.malformed)),
    Row(
      template, "</suggestion> {question} </value> \"}", .success("</suggestion> {question} </value> \"}")),
    Row(.text(TextDomain(maxLength: 5)), "too long", .failure(.tooLong)),
    Row(.text(TextDomain(minLength: 5)), "no", .failure(.tooShort)),
    Row(.text(TextDomain(pattern: "[a-z ]+")), "Upper", .failure(.patternMismatch)),
    Row(.text(TextDomain(pattern: "[a-z ]+")), "lower case", .success("lower case")),
    Row(.text(TextDomain(optionalPlaceholders: nil)), "any {thing}", .success("any {thing}")),
    Row(.code(CodeDomain(language: "python", alternatives: ["a": "1", "b": "2"])), "b", .success("b")),
    Row(.code(CodeDomain(language: "python", alternatives: ["a": "1"])), "../../etc/x", .failure(.notAChoice)),
    Row(.code(CodeDomain(language: "python")), "x = 1\n", .success("x = 1\n")),
    Row(.code(CodeDomain(language: "python")), "", .failure(.empty)),
  ]

  @Test(arguments: matrix) func replyMatrix(_ row: Row) {
    let result: Expected
    do {
      result = .success(try row.domain.accept(row.reply))
    } catch {
      result = .failure(error.kind)
      #expect(!error.reason.isEmpty && error.reason.count < 1_000)
    }
    #expect(result == row.result)
  }

  @Test(arguments: matrix) func acceptedValuesAreAcceptedAgainUnchanged(_ row: Row) throws {
    guard let value = try? row.domain.accept(row.reply) else { return }
    #expect(try row.domain.accept(value) == value)
    // Also after a round trip through JSON, where 1.0 becomes 1.
    let read = try Value.parse(json: value.canonicalJSON)
    #expect(try row.domain.accept(read) == value)
  }

  @Test func placeholdersAreFoundOnceAndInOrder() {
    #expect(TextDomain.placeholders(in: "{b} {a} {b} {{c}} {d e} {1f} {_g1} { h} {") == ["b", "a", "c", "_g1"])
  }

  @Test func messagesStayShortForHugeValues() {
    let huge = Value.string(String(repeating: "x", count: 1 << 20))
    #expect(throws: Rejection.self) { try Self.unit.accept(huge) }
    do { _ = try Self.topK.accept(huge) } catch { #expect(error.reason.count < 200) }
  }
}
