import GRDB
import HoneTrace

/// Ids of the step names and documentation texts used in one transaction.
struct Labels {
  struct Key: Hashable {
    var name: String
    var doc: String?
  }
  var ids: [Key: Int64] = [:]

  mutating func id(_ node: Trace.Node, _ db: Database) throws -> Int64 {
    let key = Key(name: node.name, doc: node.doc)
    if let id = ids[key] { return id }
    let (name, doc) = (Columns.inline(node.name), node.doc.map(Columns.inline))
    let find = try db.cachedStatement(sql: "SELECT id FROM labels WHERE name = ? AND doc IS ?")
    if let id = try Int64.fetchOne(find, arguments: [name, doc]) {
      ids[key] = id
      return id
    }
    let insert = try db.cachedStatement(sql: "INSERT INTO labels (name, doc) VALUES (?, ?)")
    try insert.execute(arguments: [name, doc])
    ids[key] = db.lastInsertedRowID
    return db.lastInsertedRowID
  }
}

extension SQLiteStore {
  private static let kinds: [Trace.Node.Kind] = [.parameter, .input, .constant, .step, .failure]

  private static func number(_ kind: Trace.Node.Kind) -> Int {
    switch kind {
    case .parameter: 0
    case .input: 1
    case .constant: 2
    case .step: 3
    case .failure: 4
    }
  }

  static func insert(_ trace: Trace, rollout: Int64, _ labels: inout Labels, _ db: Database) throws {
    let node = try Prepared(
      "INSERT INTO nodes (rollout, seq, kind, label, inputs, value, parent) VALUES (?, ?, ?, ?, ?, ?, ?)", db)
    for (seq, item) in trace.nodes.enumerated() {
      try node.run([
        rollout.databaseValue, .whole(seq), .whole(number(item.kind)), try labels.id(item, db).databaseValue,
        try inputs(item.inputs, db), try Columns.store(item.value, db), .whole(item.parent),
      ])
    }
    let feedback = try Prepared(
      "INSERT INTO feedback (rollout, seq, node, text, score) VALUES (?, ?, ?, ?, ?)", db)
    for (seq, item) in trace.feedback.enumerated() {
      try feedback.run([
        rollout.databaseValue, .whole(seq), .whole(item.node), try Columns.store(item.text, db), .real(item.score),
      ])
    }
  }

  private static func inputs(_ inputs: [Int], _ db: Database) throws -> DatabaseValue {
    if inputs.isEmpty { return .null }
    var text = "["
    for (index, input) in inputs.enumerated() {
      if index > 0 { text += "," }
      text += String(input)
    }
    return try Columns.store(text + "]", db)
  }

  private static let nodesOfRollout = """
    SELECT n.kind, l.name, l.doc, \(Columns.text("n.inputs")), \(Columns.text("n.value")), n.parent
    FROM nodes n LEFT JOIN labels l ON l.id = n.label WHERE n.rollout = ? ORDER BY n.seq
    """
  private static let feedbackOfRollout =
    "SELECT node, \(Columns.text("text")), score FROM feedback WHERE rollout = ? ORDER BY seq"

  static func trace(of rollout: Int64, _ db: Database) throws -> Trace {
    var trace = Trace()
    let nodes = try Prepared(nodesOfRollout, db)
    try nodes.each([rollout.databaseValue]) { row in
      let kind = try row.int(0)
      guard kinds.indices.contains(kind) else { throw StoreError(.corrupt, "a node's kind is \(kind)") }
      let inputs = row.isNull(3) ? [] : try row.json(3).array?.compactMap(\.int) ?? []
      trace.nodes.append(
        Trace.Node(
          kind: kinds[kind], name: try row.text(1), inputs: inputs, value: try row.json(4),
          doc: try row.optionalText(2), parent: try row.optionalInt(5)))
    }
    let feedback = try Prepared(feedbackOfRollout, db)
    try feedback.each([rollout.databaseValue]) { row in
      trace.feedback.append(Feedback(node: try row.int(0), text: try row.text(1), score: try row.optionalReal(2)))
    }
    return trace
  }
}
