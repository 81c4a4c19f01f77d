import HoneNumerics
import HoneTrace
import Testing

@Suite struct SpaceWideningTests {
  private static let old = Space(
    [
      ParameterSpec(name: "x", domain: .float(FloatDomain(0...1, step: 0.25)), initial: 0.5),
      ParameterSpec(name: "n", domain: .int(IntDomain(2...10, step: 2)), initial: 4),
      ParameterSpec(name: "kind", domain: .categorical(["a", "b"]), initial: "a"),
      ParameterSpec(name: "size", domain: .ordinal([2, 8]), initial: 2),
      ParameterSpec(name: "text", domain: .text(TextDomain(maxLength: 20)), initial: "Do it"),
    ], forbidden: [["kind": "b", "size": 8]])

  private func changed(_ index: Int, _ domain: Domain) -> Space {
    var space = Self.old
    space.parameters[index].domain = domain
    return space
  }

  @Test func widerSpacesTakeEveryOldAssignment() throws {
    let wider = [
      Self.old, changed(0, .float(FloatDomain(-1...2, step: 0.25))), changed(1, .int(IntDomain(0...20, step: 2))),
      changed(2, .categorical(["c", "b", "a"])), changed(3, .ordinal([1, 2, 4, 8])),
      changed(4, .text(TextDomain(maxLength: 200))), Space(Self.old.parameters),
    ]
    var random = RandomStream(seed: 1, name: "widening")
    for space in wider {
      #expect(space.widens(Self.old))
      for _ in 0..<200 {
        let point = Self.old.encodable.map { _ in random.uniform() }
        guard let assignment = try? Self.old.decode(point, base: Self.old.initial) else { continue }
        #expect(try space.accept(assignment.values) == assignment)
      }
    }
  }

  @Test func otherSpacesDoNot() {
    var start = Self.old
    start.parameters[0].initial = 0.25
    let other = [
      changed(0, .float(FloatDomain(0...0.75, step: 0.25))), changed(0, .float(FloatDomain(-0.1...1, step: 0.25))),
      changed(0, .float(FloatDomain(0...1))), changed(1, .int(IntDomain(1...11, step: 2))),
      changed(1, .int(IntDomain(2...10, scale: .log, step: 2))), changed(2, .categorical(["a", "c"])),
      changed(3, .ordinal([8, 2])), changed(3, .categorical([2, 8])), changed(4, .text(TextDomain(maxLength: 10))),
      Space(Self.old.parameters.dropLast(), forbidden: Self.old.forbidden), start,
      Space(Self.old.parameters, forbidden: Self.old.forbidden + [["kind": "a"]]),
    ]
    for space in other { #expect(!space.widens(Self.old)) }
  }
}
