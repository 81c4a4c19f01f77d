/// Chooses what of the groups fits a number of bytes, and writes it.
struct SummaryLayout {
  private let groups: [SummaryGroup]
  private let examples: [String]
  private let budget: Int
  /// What may be left out, nearest first.
  private let items: [Item]

  /// By group and position: whether it is shown.
  private var kept: [[Bool]]
  private var documented: Set<String> = []
  private var limit = Self.valueLimits[0]

  private struct Item {
    var distance: Int32
    var group: Int
    var position: Int
  }

  /// Bytes of a value that are shown, tried from the top; steps are folded only at the last.
  private static let valueLimits = [4_000, 2_000, 1_000, 500, 250, 120]

  init(groups: [SummaryGroup], examples: [String], budget: Int) {
    self.groups = groups
    self.examples = examples
    kept = groups.map { $0.graph.nodes.map { $0.kind == .parameter } }
    // Headers and notes of what is folded, at their longest.
    let notes = groups.indices.reduce(0) { $0 + Self.header(groups[$1], examples).utf8.count + 320 }
    self.budget = budget - notes
    var items: [Item] = []
    for (number, group) in groups.enumerated() {
      let distances = group.graph.distances()
      for position in group.graph.nodes.indices where group.graph.nodes[position].kind != .parameter {
        items.append(Item(distance: distances[position], group: number, position: position))
      }
    }
    // Among equals the later step first: it is nearer to what was judged.
    self.items = items.sorted { ($0.distance, $0.group, -$0.position) < ($1.distance, $1.group, -$1.position) }
  }

  /// Shortens values until everything fits; if nothing helps, keeps what is near.
  mutating func fit() {
    for limit in Self.valueLimits where fill(limit: limit, foldsRest: false) { return }
    _ = fill(limit: Self.valueLimits[Self.valueLimits.count - 1], foldsRest: true)
  }

  /// - Returns: whether everything fits. Stops at the first thing that does not, unless the rest is to be folded.
  private mutating func fill(limit: Int, foldsRest: Bool) -> Bool {
    self.limit = limit
    kept = groups.map { $0.graph.nodes.map { $0.kind == .parameter } }
    documented = []
    var left = budget
    var misses = 0
    for item in items {
      let group = groups[item.group]
      let doc = group.graph.nodes[item.position].isCode ? group.documentation(item.position) : nil
      let newDoc = doc.flatMap { documented.contains($0) ? nil : $0 }
      let cost = bytes(of: item) + (newDoc.map { $0.utf8.count + 1 } ?? 0)
      if cost <= left {
        left -= cost
        kept[item.group][item.position] = true
        if let newDoc { documented.insert(newDoc) }
      } else {
        misses += 1
        // Behind this many things that do not fit nothing worth the search follows.
        if !foldsRest || misses > 64 { return false }
      }
    }
    return misses == 0
  }

  private func bytes(of item: Item) -> Int {
    let group = groups[item.group]
    if group.inlined(item.position) != nil { return 0 }
    let values = group.values(item.position, limit: limit).reduce(0) { $0 + $1.utf8.count + 1 }
    // A line "…" may stand in front of a line of code.
    let code = group.graph.nodes[item.position].isCode ? group.code(item.position).utf8.count + 1 + 4 : 0
    return values + code
  }

  func write(to summary: inout TraceSummary) {
    var written: Set<String> = []
    for (number, group) in groups.enumerated() {
      summary.code += Self.header(group, examples) + foldNote(number)
      writeCode(of: number, to: &summary.code)
      var folded = 0
      for (position, node) in group.graph.nodes.enumerated() where node.kind != .parameter {
        if node.isCode, kept[number][position], let doc = group.documentation(position),
          written.insert(doc).inserted
        {
          summary.documentation += doc + "\n"
        }
        guard kept[number][position] else {
          if !node.isCode { folded += 1 }
          continue
        }
        guard group.inlined(position) == nil else { continue }
        let lines = TraceSummary.lines(group.values(position, limit: limit))
        if group.graph.isOutput[position] {
          summary.outputs += lines
        } else if node.isCode {
          summary.others += lines
        } else {
          summary.inputs += lines
        }
      }
      if folded > 0 { summary.inputs += "# \(folded) more values folded\n" }
    }
  }

  private func writeCode(of number: Int, to code: inout String) {
    let group = groups[number]
    var isGap = false
    for (position, node) in group.graph.nodes.enumerated() where node.isCode {
      guard kept[number][position] else {
        isGap = true
        continue
      }
      if isGap { code += "…\n" }
      isGap = false
      code += group.code(position) + "\n"
    }
    if isGap { code += "…\n" }
  }

  /// `# 99950 steps farther away are folded: add 50000, multiply 49950`.
  private func foldNote(_ number: Int) -> String {
    var counts: [String: Int] = [:]
    for (position, node) in groups[number].graph.nodes.enumerated() where node.isCode && !kept[number][position] {
      counts[SummaryGraph.word(node.name), default: 0] += 1
    }
    guard !counts.isEmpty else { return "" }
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let named = sorted.prefix(4).map { "\($0.key) \($0.value)" } + (sorted.count > 4 ? ["…"] : [])
    let total = counts.values.reduce(0, +)
    return "# \(total) steps farther away are folded: \(named.joined(separator: ", "))\n"
  }

  /// `# example 1 "a", 3 "c"`: whose code follows.
  private static func header(_ group: SummaryGroup, _ examples: [String]) -> String {
    guard examples.count > 1 else { return "" }
    let named = group.rollouts.map { "\($0.number + 1) \(Value.string(examples[$0.number]).quotedLine(limit: 80))" }
    return "# example \(named.joined(separator: ", "))\n"
  }
}
