import HoneNumerics
import Testing

@testable import HoneTrace

/// One pass back with numbers and words.
@Suite struct BackwardTests {
  /// A calibrated judge: loss = (weight * judge(prompt, answer) + bias - 1)^2, where only the judge is opaque.
  private static func judged() throws -> (Traced<Tensor>, Recorder, judge: Int) {
    var judge = -1
    let (loss, recorder) = try recording(["prompt": "Judge it.", "weight": 2, "bias": -0.5]) {
      let prompt = try #require(parameter("prompt"))
      let weight = try #require(parameter("weight")).tensor()
      let bias = try #require(parameter("bias")).tensor()
      let score = step("judge", prompt, Traced.input("answer", "yes")) { _, _ in 0.4 }
      judge = TraceContext.current?.recorder?.node(of: score) ?? -1
      return try squaredLoss(weight * score.tensor() + bias, Tensor(1))
    }
    return (loss, recorder, judge)
  }

  @Test func gradientsWhereDerivativesAreAndWordsElsewhere() throws {
    let (loss, recorder, judge) = try Self.judged()
    let node = try #require(recorder.node(of: loss))
    let nodes = recorder.finish().nodes
    func parameter(_ name: String) -> Int { nodes.firstIndex { $0.kind == .parameter && $0.name == name } ?? -1 }
    let words = Feedback(node: node, text: "The label is yes.", score: 0.3)
    let other = Feedback(node: judge, text: "The judge is too strict.")
    let result = try recorder.backward(from: [node], feedback: [words, other])
    // weight * 0.4 + bias - 1 = -0.7
    #expect(abs((result.gradients[parameter("weight")]?.elements[0] ?? 0) - 2 * -0.7 * 0.4) < 1e-15)
    #expect(abs((result.gradients[parameter("bias")]?.elements[0] ?? 0) - 2 * -0.7) < 1e-15)
    #expect(result.gradients[parameter("prompt")] == nil)
    let note = Feedback(
      node: judge, text: "The gradient of the objective here is -2.8: a higher value lowers the objective.")
    #expect(result.feedback == [parameter("prompt"): [words, other, note]])
    #expect(result.notes == [note])
    // Nothing is used up, and without feedback the sentence alone arrives.
    #expect(try recorder.backward(from: [node]).feedback == [parameter("prompt"): [note]])
    // No objective: words alone, as a stored trace carries them.
    let spoken = try recorder.backward(from: [], feedback: [words, other])
    #expect(spoken.feedback == recorder.finish().backward([words, other]) && spoken.gradients.isEmpty)
  }

  @Test func severalObjectivesAddUp() throws {
    let (loss, recorder) = try recording(["p": 3]) {
      let p = try #require(parameter("p")).tensor()
      return (try p * p, try p * 5.0, p)
    }
    let outputs = [loss.0, loss.1, loss.1, loss.2].compactMap(recorder.node(of:))
    let result = try recorder.backward(from: outputs)
    #expect(result.gradients == [0: Tensor(6 + 5 + 5 + 1)] && result.feedback.isEmpty)
    #expect(try recorder.backward(from: [0]).gradients == [0: Tensor(1)], "a parameter is its own objective")
    let about = Feedback(node: 0, text: "Too low.")
    #expect(try recorder.backward(from: [], feedback: [about]).feedback == [0: [about]])
  }

  /// Operators on single numbers have derivatives too.
  @Test func operatorsOnNumbersPassGradients() throws {
    let (result, recorder) = try recording(["a": 2.0, "b": 0.5]) {
      let a = try #require(parameter("a")).tensor().number()
      let b = try #require(parameter("b")).tensor().number()
      return (a * b - a / b + (-b) * 3.0 + a).tensor().exp()
    }
    let node = try #require(recorder.node(of: result))
    let gradients = try recorder.backward(from: [node]).gradients
    let value = result.value.elements[0]
    let nodes = recorder.finish().nodes
    let (a, b) = (nodes.firstIndex { $0.name == "a" } ?? -1, nodes.firstIndex { $0.name == "b" } ?? -1)
    #expect(abs((gradients[a]?.elements[0] ?? 0) - value * (0.5 - 2 + 1)) < 1e-12 * value)
    #expect(abs((gradients[b]?.elements[0] ?? 0) - value * (2 + 8 - 3)) < 1e-12 * value)
  }

  /// A step of the user's that has an operator's name has no derivative by that name.
  @Test func aNameAloneIsNoDerivative() throws {
    let (result, recorder) = try recording(["a": 2.0]) {
      let a = try #require(parameter("a")).tensor().number()
      return step("negate", a) { -$0 }.tensor()
    }
    let backward = try recorder.backward(from: [try #require(recorder.node(of: result))])
    #expect(backward.gradients.isEmpty && backward.feedback[0]?.count == 1)
  }

  @Test func whatIsNoNumberIsNoObjective() throws {
    let (texts, recorder) = recording { (Traced.input("text", "a"), Traced.input("x", Tensor([1, 2])), 0) }
    func kind(_ node: Int) -> ArrayError.Kind? {
      do {
        _ = try recorder.backward(from: [node])
        return nil
      } catch { return error.kind }
    }
    _ = texts
    #expect(kind(0) == .notDifferentiable && kind(7) == .notDifferentiable && kind(-1) == .notDifferentiable)
    #expect(kind(1) == .shape)
    let (root, broken) = try recording(["a": 0]) { try #require(parameter("a")).tensor().log() }
    #expect(throws: ArrayError.self) { try broken.backward(from: [try #require(broken.node(of: root))]) }
  }

  /// Long chains neither recurse nor grow faster than their length.
  @Test func longChainsEnd() throws {
    let count = 3_000
    let (last, recorder) = try recording(["a": 1]) {
      var value = try #require(parameter("a")).tensor()
      for _ in 0..<count { value = try value + value * 1e-4 }
      return value
    }
    let gradients = try recorder.backward(from: [try #require(recorder.node(of: last))]).gradients
    #expect(abs((gradients[0]?.elements[0] ?? 0) - last.value.elements[0]) < 1e-12)
  }
}
