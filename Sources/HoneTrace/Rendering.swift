/// Turns a payload of any type into a value: the same on every run, and no longer than a cap.
struct Renderer {
  /// Bytes that may still be written.
  private var left: Int
  private static let maxDepth = 16

  init(maxBytes: Int) { left = maxBytes }

  mutating func render(_ payload: Any, depth: Int = 0) -> Value {
    switch payload {
    case let value as Value: return whole(value) ?? cut(value, depth: depth)
    case let value as any ParameterValue: return cut(value.parameterValue, depth: depth)
    case let array as ArrayPayload: return render(array.value, depth: depth)
    case let array as Tensor: return render(array: array, depth: depth)
    case let failure as RecordedFailure: return render(failure: failure.error)
    default: break
    }
    guard depth < Self.maxDepth else { return cut(.string(String(describing: payload)), depth: depth) }
    if let number = payload as? any BinaryInteger { return cut(Value(number), depth: depth) }
    if let number = payload as? Float { return cut(.double(Double(number)), depth: depth) }
    let mirror = Mirror(reflecting: payload)
    switch mirror.displayStyle {
    case .optional: return mirror.children.first.map { render($0.value, depth: depth) } ?? .null
    case .collection: return list(mirror.children, depth: depth)
    case .set: return set(mirror.children, depth: depth)
    case .dictionary: return dictionary(mirror.children, depth: depth)
    case .tuple: return members(mirror, depth: depth)
    case .struct where !(payload is any CustomStringConvertible) && !mirror.children.isEmpty:
      return members(mirror, depth: depth)
    default: return cut(.string(String(describing: payload)), depth: depth)
    }
  }

  /// A number, a list, or a list of rows; only what is shown is built.
  private mutating func render(array: Tensor, depth: Int) -> Value {
    guard case .matrix(let rows, let columns) = array.shape else {
      guard array.shape == .scalar else {
        return list(array.elements.lazy.map { (label: nil, value: $0) }, depth: depth)
      }
      return cut(.double(array.elements[0]), depth: depth)
    }
    let lines = (0..<rows).lazy.map { row in
      (label: String?.none, value: Tensor(Array(array.elements[(row * columns)..<((row + 1) * columns)])) as Any)
    }
    return list(lines, depth: depth)
  }

  private mutating func render(failure error: any Error) -> Value {
    cut(.string("(\(type(of: error))) \(error)"), depth: 0)
  }

  /// The value as it is where all of it fits, as nearly always.
  private mutating func whole(_ value: Value) -> Value? {
    let size = value.renderedBytes
    guard size < left else { return nil }
    left -= size
    return value
  }

  /// Cuts a value that is too long for what is left; the cut shows in it.
  private mutating func cut(_ value: Value, depth: Int) -> Value {
    switch value {
    case .string(let text):
      let size = text.utf8.count
      if size <= left {
        left -= size
        return value
      }
      let kept = text.cut(toBytes: left)
      left = 0
      return .string("\(kept)… (\(size - kept.utf8.count) more bytes)")
    case .array(let elements): return list(elements.map { (nil, $0) }, depth: depth)
    case .object(let members):
      return object(members.map { ($0.key, $0.value) }, depth: depth)
    default:
      left -= 8
      return value
    }
  }

  private mutating func list(_ children: some Collection<(label: String?, value: Any)>, depth: Int) -> Value {
    var elements: [Value] = []
    for child in children {
      guard left > 0 else {
        elements.append(.string("… (\(children.count - elements.count) more)"))
        break
      }
      left -= 1
      elements.append(render(child.value, depth: depth + 1))
    }
    return .array(elements)
  }

  /// A set has no order of its own; its elements are sorted by their canonical JSON.
  private mutating func set(_ children: Mirror.Children, depth: Int) -> Value {
    let whole = children.map { child in
      var renderer = Renderer(maxBytes: left)
      return renderer.render(child.value, depth: depth + 1)
    }
    let sorted = whole.map { ($0, $0.canonicalJSON) }.sorted { $0.1 < $1.1 }
    return list(sorted.map { (nil, $0.0) }, depth: depth)
  }

  private mutating func dictionary(_ children: Mirror.Children, depth: Int) -> Value {
    var pairs: [(String, Any)] = []
    for child in children {
      let pair = Array(Mirror(reflecting: child.value).children)
      guard pair.count == 2 else { continue }
      var renderer = Renderer(maxBytes: left)
      pairs.append((renderer.render(pair[0].value, depth: depth + 1).text, pair[1].value))
    }
    return object(pairs, depth: depth)
  }

  private mutating func members(_ mirror: Mirror, depth: Int) -> Value {
    object(mirror.children.enumerated().map { ($1.label ?? String($0), $1.value) }, depth: depth)
  }

  private mutating func object(_ pairs: [(String, Any)], depth: Int) -> Value {
    var members: [String: Value] = [:]
    let sorted = pairs.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    for (position, pair) in sorted.enumerated() {
      guard left > 0 else {
        members["…"] = .string("(\(sorted.count - position) more)")
        break
      }
      left -= pair.0.utf8.count + 2
      members[pair.0] = render(pair.1, depth: depth + 1)
    }
    return .object(members)
  }
}

extension Value {
  /// What `cut` and those it calls count for a value that is not cut.
  fileprivate var renderedBytes: Int {
    switch self {
    case .string(let text): text.utf8.count
    case .array(let elements): elements.reduce(elements.count) { $0 + $1.renderedBytes }
    case .object(let members): members.reduce(0) { $0 + $1.key.utf8.count + 2 + $1.value.renderedBytes }
    default: 8
    }
  }

  /// A whole number, exact where it fits and text where it does not.
  fileprivate init(_ number: some BinaryInteger) {
    self = Int(exactly: number).map(Value.int) ?? .string(String(number))
  }
}

extension String {
  /// The longest prefix of whole characters within `count` bytes.
  func cut(toBytes count: Int) -> Substring {
    var end = utf8.index(startIndex, offsetBy: max(0, count), limitedBy: endIndex) ?? endIndex
    while end > startIndex, end.samePosition(in: self) == nil { utf8.formIndex(before: &end) }
    return self[..<end]
  }
}

extension NodeTable {
  /// The nodes as they are stored. Parameters are never cut.
  func rendered(maxValueBytes: Int) -> [Trace.Node] {
    (0..<count).map { index in
      let tag = kinds[index]
      var renderer = Renderer(maxBytes: tag.kind == .parameter ? .max / 2 : maxValueBytes)
      let parent = scopeNodes[Int(scopes[index])]
      return Trace.Node(
        kind: tag.kind, name: names[index], inputs: inputs[ranges[index].indices].map(Int.init),
        value: renderer.render(values[index]),
        doc: docs[names[index]] ?? (tag.isOperator ? operatorDoc(index) : nil),
        parent: parent >= 0 ? Int(parent) : nil)
    }
  }

  private func operatorDoc(_ index: Int) -> String? {
    let doc = values[index] is ArrayPayload ? nil : Operator.docs[names[index]]
    return doc ?? Operator.arrayDocs[names[index]]
  }
}
