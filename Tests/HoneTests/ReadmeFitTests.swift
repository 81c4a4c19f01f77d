import Foundation
// README: the fit
import Hone
// README: end
import Testing

// README: the function
func fitted(_ x: [Double], _ y: [Int], heldBack xHeld: [Double], _ yHeld: [Int]) throws -> Fit {
  let rows = try LogisticRows(features: x, labels: y, width: 3, classes: 2)
  let held = try LogisticRows(features: xHeld, labels: yHeld, width: 3, classes: 2)
  let fit = try Fit.classifier(rows, outer: held, groups: [0, 0, 1])  // two L2 strengths
  print(fit.tuned.lambda, fit.tuned.outerLoss, fit.tuned.valueError, fit.tuned.count.total)
  return fit
}
// end

/// The README's example of a fit as it stands there, compiled and run.
@Suite struct ReadmeFitTests {
  @Test func itTunesTwoStrengths() throws {
    func rows(_ count: Int, _ shift: Double) -> (x: [Double], y: [Int]) {
      let x = (0..<count).flatMap { row in
        let side = row % 2 == 0 ? 1.0 : -1.0
        return [side + sin(Double(7 * row) + shift), cos(Double(3 * row) + shift), 1.5 * sin(Double(5 * row) - shift)]
      }
      return (x, (0..<count).map { $0 % 2 == 0 ? 1 : 0 })
    }
    let (train, held) = (rows(40, 0), rows(24, 0.4))
    let fit = try fitted(train.x, train.y, heldBack: held.x, held.y)
    #expect(fit.weights.count == 3 && fit.weights[0] > 0.5)
    #expect(fit.tuned.lambda.count == 2 && fit.tuned.outerLoss <= fit.tuned.startLoss)
  }

  @Test func itIsTheReadmesText() throws {
    let file = URL(fileURLWithPath: #filePath)
    let root = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let source = try String(contentsOf: file, encoding: .utf8)
    func part(_ name: String) throws -> String {
      let rest = try #require(source.components(separatedBy: "// README: \(name)\n").dropFirst().first)
      return try #require(rest.components(separatedBy: "\n//").first).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let example = try part("the fit") + "\n\n" + part("the function")
    #expect(readme.contains("```swift\n" + example + "\n```"))
    #expect(example.split(separator: "\n").count <= 12)
  }
}
