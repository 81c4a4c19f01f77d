import HoneTrace

/// Reads any `Decodable` from a `Value` that `ValueEncoder` made.
package enum ValueDecoder {
  package static func decode<Result: Decodable>(_ type: Result.Type, from value: Value) throws -> Result {
    try read(type, value, [])
  }

  private static func read<Result: Decodable>(_ type: Result.Type, _ value: Value, _ path: [any CodingKey]) throws
    -> Result
  {
    let found: Any?
    switch type {
    case is Value.Type: found = value
    case is Bool.Type: found = value.bool
    case is String.Type: found = value.string
    case is Double.Type: found = value.number
    case is Float.Type: found = value.number.map { Float($0) }
    case let whole as any FixedWidthInteger.Type: found = integer(whole, value)
    default: return try type.init(from: Coder(value: value, codingPath: path))
    }
    guard let result = found as? Result else {
      throw DecodingError.typeMismatch(
        type, DecodingError.Context(codingPath: path, debugDescription: "expected \(type)"))
    }
    return result
  }

  private static func integer<Whole: FixedWidthInteger>(_ type: Whole.Type, _ value: Value) -> Whole? {
    switch value {
    case .int(let number): Whole(exactly: number)
    case .string(let text): Whole(text)
    default: nil
    }
  }

  private struct Coder: Decoder {
    let value: Value
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
      guard let members = value.object else { throw mismatch([String: Value].self) }
      return KeyedDecodingContainer(Keyed<Key>(members: members, codingPath: codingPath))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
      guard let elements = value.array else { throw mismatch([Value].self) }
      return Unkeyed(elements: elements, codingPath: codingPath)
    }
    func singleValueContainer() -> any SingleValueDecodingContainer { Single(value: value, codingPath: codingPath) }

    private func mismatch(_ type: Any.Type) -> DecodingError {
      .typeMismatch(type, DecodingError.Context(codingPath: codingPath, debugDescription: "expected \(type)"))
    }
  }

  private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: Value]
    let codingPath: [any CodingKey]
    var allKeys: [Key] { members.keys.sorted().compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try member(key).isNull }
    func decode<Result: Decodable>(_ type: Result.Type, forKey key: Key) throws -> Result {
      try read(type, member(key), codingPath + [key])
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
      -> KeyedDecodingContainer<Nested>
    {
      try Coder(value: member(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try Coder(value: member(key), codingPath: codingPath + [key]).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { Coder(value: members["super"] ?? .null, codingPath: codingPath) }
    func superDecoder(forKey key: Key) throws -> any Decoder {
      Coder(value: try member(key), codingPath: codingPath + [key])
    }

    private func member(_ key: Key) throws -> Value {
      guard let value = members[key.stringValue] else {
        throw DecodingError.keyNotFound(
          key, DecodingError.Context(codingPath: codingPath, debugDescription: "no member \(key.stringValue)"))
      }
      return value
    }
  }

  private struct Unkeyed: UnkeyedDecodingContainer {
    let elements: [Value]
    let codingPath: [any CodingKey]
    var currentIndex = 0
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    init(elements: [Value], codingPath: [any CodingKey]) {
      self.elements = elements
      self.codingPath = codingPath
    }

    mutating func decodeNil() throws -> Bool {
      guard try peek().isNull else { return false }
      currentIndex += 1
      return true
    }
    mutating func decode<Result: Decodable>(_ type: Result.Type) throws -> Result {
      let result = try read(type, peek(), codingPath)
      currentIndex += 1
      return result
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws
      -> KeyedDecodingContainer<Nested>
    {
      try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> Coder {
      let coder = Coder(value: try peek(), codingPath: codingPath)
      currentIndex += 1
      return coder
    }

    private func peek() throws -> Value {
      guard elements.indices.contains(currentIndex) else {
        throw DecodingError.valueNotFound(
          Value.self, DecodingError.Context(codingPath: codingPath, debugDescription: "the array has ended"))
      }
      return elements[currentIndex]
    }
  }

  private struct Single: SingleValueDecodingContainer {
    let value: Value
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { value.isNull }
    func decode<Result: Decodable>(_ type: Result.Type) throws -> Result { try read(type, value, codingPath) }
  }
}
