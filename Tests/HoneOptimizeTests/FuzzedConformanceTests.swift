import Foundation
import HoneModel
import HoneOptimize
import HoneTesting
import HoneTrace
import Testing

/// All optimizers of the catalog in random spaces: a thousand at each change, a million when the environment has
/// `HONE_NIGHTLY=1`.
@Suite struct FuzzedConformanceTests {
  static let isNightly = ProcessInfo.processInfo.environment["HONE_NIGHTLY"] == "1"

  /// Optimizers by name; in the small size those with a model to fit, or to ask, take fewer turns.
  private static var makes: [@Sendable () -> any Optimizer] {
    let slow: Set = [
      "aegis", "alphaopt", "auto", "cqr", "epsilon-shotgun", "evoprompt", "forest", "gepa", "gp", "gp-constrained",
      "gp-cost", "llambo", "mipro", "opro", "optoprime", "portfolio", "random-forest", "textgrad",
    ]
    let fast = OptimizerCatalog.names.filter { !slow.contains($0) }
    let turns = isNightly ? 1 : 20
    let names = (0..<turns).flatMap { turn in fast + OptimizerCatalog.names.filter { turn == 0 && slow.contains($0) } }
    return names.map { name in { (try? OptimizerCatalog.make(name: name)) ?? RandomSearch() } }
  }

  @Test func everyOptimizerConformsInRandomSpaces() async {
    #expect(Set(Self.makes.map { $0().name }) == Set(OptimizerCatalog.names))
    let suite = OptimizerConformance(seed: 5, rounds: 6, model: ConformanceTests.fickle)
    let generator = SpaceGenerator(seed: 20_261_121)
    let spaces = Self.isNightly ? 1_000_000 : 1_000
    let found = await suite.fuzz(generator, 0..<spaces, Self.makes)
    #expect(found.isEmpty, "\(found.prefix(20))")
  }

  /// The generator makes what it says: all kinds of domains, conditions, forbidden combinations, one-point domains.
  @Test func spacesAreOfAllKinds() throws {
    let generator = SpaceGenerator(seed: 1)
    let spaces = (0..<300).map(generator.space)
    for space in spaces { try space.check() }
    #expect(generator.space(7) == SpaceGenerator(seed: 1).space(7))
    let parameters = spaces.flatMap(\.parameters)
    #expect(parameters.contains { $0.condition?.allowed.count == 2 })
    #expect(spaces.contains { $0.forbidden.count > 1 })
    #expect(parameters.contains { $0.domain.cardinality == 1 })
    var kinds: Set<String> = []
    for parameter in parameters {
      switch parameter.domain {
      case .float(let domain): kinds.insert("float \(domain.scale.rawValue) \(domain.step == nil)")
      case .int(let domain): kinds.insert("int \(domain.scale.rawValue) \(domain.step == 1)")
      case .bool: kinds.insert("bool")
      case .categorical: kinds.insert("categorical")
      case .ordinal: kinds.insert("ordinal")
      case .text: kinds.insert("text")
      case .code: kinds.insert("code")
      }
    }
    #expect(kinds.count == 12, "\(kinds.sorted())")
  }
}
