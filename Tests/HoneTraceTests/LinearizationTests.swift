import HoneNumerics
import Testing

@testable import HoneTrace

@Suite struct LinearizationTests {
  /// The example of the documentation, as it stands there.
  @Test func theExampleOfTheDocumentation() throws {
    let x = try Tensor(rows: [[1, 2], [3, -1], [0, 1]])
    let point = try Linearization(at: [Tensor([0.1, -0.2]), Tensor(0.5)]) { inputs in
      let (w, strength) = (inputs[0], inputs[1])
      let losses = try logisticLoss(matvec(x, w), Tensor([1, 0, 1]))
      return try losses.sum() + strength.exp() * w.square().sum()
    }
    let products = try point.hessianProduct(along: [Tensor([1, 0]), nil])

    let sigma = [-0.3, 0.5, -0.2].map(Sigmoid.of)
    let strength = Exponential.of(0.5)
    let residuals = [sigma[0] - 1, sigma[1], sigma[2] - 1]
    let first = residuals[0] + 3 * residuals[1] + 2 * strength * 0.1
    let second = 2 * residuals[0] - residuals[1] + residuals[2] - 2 * strength * 0.2
    #expect(abs(point.gradient[0].elements[0] - first) < 1e-14)
    #expect(abs(point.gradient[0].elements[1] - second) < 1e-14)
    #expect(abs(point.gradient[1].elements[0] - strength * 0.05) < 1e-15)
    let slopes = sigma.map { $0 * (1 - $0) }
    #expect(abs(products[0].elements[0] - (slopes[0] + 9 * slopes[1] + 2 * strength)) < 1e-13)
    #expect(abs(products[0].elements[1] - (2 * slopes[0] - 3 * slopes[1])) < 1e-13)
    #expect(abs(products[1].elements[0] - 2 * strength * 0.1) < 1e-14)
  }

  @Test func constantsAndUnusedInputsHaveNoGradient() throws {
    let x = [Tensor([1, 2]), Tensor(3)]
    let unused = try Linearization(at: x) { inputs in inputs[0].square().sum() }
    #expect(unused.value == 5 && unused.gradient == [Tensor([2, 4]), Tensor(0)])
    #expect(try unused.hessianProduct(along: [nil, Tensor(1)]) == [Tensor([0, 0]), Tensor(0)])
    let constant = try Linearization(at: x) { _ in Traced(Tensor(7)) }
    #expect(constant.value == 7 && constant.gradient[0] == Tensor([0, 0]))
    #expect(try constant.slope(along: [Tensor([1, 1]), nil]) == 0)
    let itself = try Linearization(at: x) { inputs in inputs[1] }
    #expect(itself.value == 3 && itself.gradient == [Tensor([0, 0]), Tensor(1)])
    #expect(try itself.slope(along: [nil, Tensor(2)]) == 2)
    // What was detached is a constant; a step without a derivative is one too.
    let cut = try Linearization(at: x) { inputs in
      let double = step("double", inputs[1]) { Tensor($0.elements.map { 2 * $0 }) }
      return try inputs[0].detached().sum() * inputs[1] * double
    }
    #expect(cut.value == 54 && cut.gradient == [Tensor([0, 0]), Tensor(18)])
    let asked = try Linearization(at: x, wanted: [1]) { inputs in try inputs[0].sum() * inputs[1] }
    #expect(asked.gradient == [Tensor([0, 0]), Tensor(3)])
  }

  /// What is recorded inside leaves the rollout around it alone.
  @Test func itRecordsForItself() throws {
    let (point, recorder) = try recording(["p": 2]) {
      let outside = Traced.input("outside", Tensor([1, 2]))
      return try Linearization(at: [Tensor(3)]) { inputs in try (outside * inputs[0]).sum() }
    }
    #expect(point.gradient == [Tensor(3)] && recorder.count == 1)
  }

  @Test func sizesThatDoNotFitAreNamed() throws {
    let (two, three) = (Traced(Tensor([1, 2])), Traced(Tensor([1, 2, 3])))
    let matrix = Traced(try Tensor(rows: [[1, 2, 3], [4, 5, 6]]))
    let wrong: [(String, () throws(ArrayError) -> Traced<Tensor>)] = [
      ("add", { () throws(ArrayError) in try two + three }), ("subtract", { () throws(ArrayError) in try two - three }),
      ("multiply", { () throws(ArrayError) in try two * three }),
      ("divide", { () throws(ArrayError) in try two / matrix }),
      ("dot", { () throws(ArrayError) in try dot(two, three) }),
      ("matvec", { () throws(ArrayError) in try matvec(matrix, two) }),
      ("matvec", { () throws(ArrayError) in try matvec(matrix, transposed: true, three) }),
      ("matvec", { () throws(ArrayError) in try matvec(two, three) }),
      ("matvec", { () throws(ArrayError) in try matvec(matrix, matrix) }),
      ("matmul", { () throws(ArrayError) in try matmul(matrix, matrix) }),
      ("matmul", { () throws(ArrayError) in try matmul(matrix, three) }),
      ("squaredLoss", { () throws(ArrayError) in try squaredLoss(two, three) }),
      ("logisticLoss", { () throws(ArrayError) in try logisticLoss(matrix, three) }),
      ("crossEntropy", { () throws(ArrayError) in try crossEntropy(matrix, [0]) }),
      ("crossEntropy", { () throws(ArrayError) in try crossEntropy(matrix, [0, 3]) }),
      ("reshape", { () throws(ArrayError) in try three.reshaped(.vector(2)) }),
      ("tie", { () throws(ArrayError) in try three.tied(to: [0, 3]) }),
      ("tie", { () throws(ArrayError) in try three.tied(to: [-1]) }),
      ("tie", { () throws(ArrayError) in try three.element(-1) }),
    ]
    for (number, (name, call)) in wrong.enumerated() {
      do {
        _ = try call()
        Issue.record("\(name), \(number) was let through")
      } catch {
        #expect(error.kind == .shape && error.message.hasPrefix(name), "\(number): \(error)")
        #expect(error.hint?.isEmpty == false && error.message.contains("expected") || error.message.contains(" of "))
      }
    }
    #expect(try two.tied(to: [1, nil, 1]).value == Tensor([2, 0, 2]))
    do {
      _ = try matvec(matrix, two)
    } catch {
      #expect(
        "\(error)" == "matvec: the first input is a matrix of 2 x 3, the second a vector of 2 (the second needs 3 rows "
          + "or numbers; or multiply with `transposed`)")
    }
    // In a recording the error says where.
    let (message, _) = recording {
      do {
        return "\(try Traced.input("a", Tensor([1])).exp() + Tensor([1, 2]))"
      } catch { return "\(error)" }
    }
    #expect(message.hasPrefix("add after node 1: the first input is a vector of 1, the second a vector of 2"))
    #expect(throws: ArrayError.self) { try Tensor([1, 2, 3], rows: 2, columns: 2) }
    #expect(throws: ArrayError.self) { try Tensor([], rows: -1, columns: 0) }
    #expect(throws: ArrayError.self) { try Tensor(rows: [[1], [1, 2]]) }
    #expect(throws: ArrayError.self) { try two.number() }
    #expect(throws: ArrayError.self) { try Linearization(at: [Tensor([1, 2])]) { $0[0] } }
    let point = try Linearization(at: [Tensor([1, 2])]) { $0[0].sum() }
    #expect(throws: ArrayError.self) { try point.slope(along: []) }
    #expect(throws: ArrayError.self) { try point.hessianProduct(along: [Tensor([1, 2, 3])]) }
  }

  @Test func numbersThatAreNotFiniteAreNamed() {
    func message(_ x: [Double], _ function: ([Traced<Tensor>]) throws -> Traced<Tensor>) -> String {
      do {
        return "\(try Linearization(at: [Tensor(x)], function).value)"
      } catch {
        return (error as? ArrayError)?.kind == .notFinite ? "\(error)" : "another kind: \(error)"
      }
    }
    #expect(message([1, 0]) { $0[0].log().sum() }.hasPrefix("node 1 made by log is -inf, element 1 of a vector of 2"))
    #expect(message([1, 1e3]) { $0[0].exp().sum() }.hasPrefix("node 1 made by exp is inf, element 1"))
    #expect(message([1, .nan]) { $0[0].sum() }.hasPrefix("input 0 is nan, element 1"))
    #expect(message([0]) { inputs in try (1 / inputs[0]).sum() }.contains("made by divide is inf"))
    #expect(message([]) { $0[0].mean() }.contains("made by mean is "))
    // The value is finite, its derivative is not.
    let steep = message([.leastNonzeroMagnitude]) { inputs in inputs[0].log().sum() }
    #expect(steep.hasPrefix("a derivative made by divide is inf"))
  }

  @Test func arraysInATraceAreShownAndCut() throws {
    let (_, recorder) = try recording {
      let matrix = Traced.input("matrix", try Tensor(rows: [[1, 2.5], [3, 4]]))
      let long = Traced.input("long", Tensor((0..<10_000).map(Double.init)))
      return try (matvec(matrix, Tensor([1, 1])).sum() * long).exp()
    }
    let nodes = recorder.finish().nodes
    #expect(nodes.map(\.name) == ["matrix", "long", "constant", "matvec", "sum", "multiply", "exp"])
    let values = nodes.map(\.value.canonicalJSON)
    #expect(values[0] == "[[1,2.5],[3,4]]" && values[3] == "[3.5,7]" && values[4] == "10.5")
    #expect(nodes[3].doc == "A matrix times a vector." && nodes[5].inputs == [4, 1])
    let shown = try #require(nodes[1].value.array)
    #expect(shown.count < 2_000 && shown.last?.string?.hasSuffix("more)") == true)
  }

  @Test func valuesBecomeArrays() throws {
    #expect(Tensor(2 as Value) == Tensor(2) && Tensor([1, 2.5] as Value) == Tensor([1, 2.5]))
    #expect(Tensor([[1, 2], [3, 4]] as Value) == (try Tensor(rows: [[1, 2], [3, 4]])))
    for value: Value in ["a", nil, [1, "a"], [[1], [1, 2]], [[1], 2], [["a"]], ["a": 1]] {
      #expect(Tensor(value) == nil, "\(value)")
      #expect(throws: ArrayError.self) { try Traced(value).tensor() }
    }
  }
}
