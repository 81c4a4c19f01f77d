import HoneTrace

/// Turns any `Encodable` into a `Value`, int and double told apart, which Foundation's JSON coder does not keep.
/// Members that are nil are left out. An unsigned number too large for `Int` becomes its decimal text.
package enum ValueEncoder {
  package static func value(_ encodable: some Encodable) throws -> Value {
    if let value = encodable as? Value { return value }
    let box = Box()
    try encodable.encode(to: Coder(box: box, codingPath: []))
    return box.value
  }

  private final class Box {
    enum Content {
      case leaf(Value)
      case array([Box])
      case object([String: Box])
    }
    var content = Content.leaf(.null)

    var value: Value {
      switch content {
      case .leaf(let value): value
      case .array(let boxes): .array(boxes.map(\.value))
      case .object(let boxes): .object(boxes.mapValues(\.value))
      }
    }

    func member(_ key: String) -> Box {
      let box = Box()
      if case .object(var boxes) = content {
        boxes[key] = box
        content = .object(boxes)
      } else {
        content = .object([key: box])
      }
      return box
    }

    func element() -> Box {
      let box = Box()
      if case .array(var boxes) = content {
        boxes.append(box)
        content = .array(boxes)
      } else {
        content = .array([box])
      }
      return box
    }

    func set(_ encodable: some Encodable, _ path: [any CodingKey]) throws {
      switch encodable {
      case let value as Value: content = .leaf(value)
      case let value as Bool: content = .leaf(.bool(value))
      case let value as String: content = .leaf(.string(value))
      case let value as Double: content = .leaf(.double(value))
      case let value as Float: content = .leaf(.double(Double(value)))
      case let value as any BinaryInteger:
        content = .leaf(Int(exactly: value).map { .int($0) } ?? .string("\(value)"))
      default: try encodable.encode(to: Coder(box: self, codingPath: path))
      }
    }
  }

  private struct Coder: Encoder {
    let box: Box
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
      if case .leaf = box.content { box.content = .object([:]) }
      return KeyedEncodingContainer(Keyed<Key>(box: box, codingPath: codingPath))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
      box.content = .array([])
      return Unkeyed(box: box, codingPath: codingPath)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { Single(box: box, codingPath: codingPath) }
  }

  private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: Box
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) throws { _ = box.member(key.stringValue) }
    func encode(_ value: some Encodable, forKey key: Key) throws {
      try box.member(key.stringValue).set(value, codingPath + [key])
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key)
      -> KeyedEncodingContainer<Nested>
    {
      Coder(box: box.member(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      Coder(box: box.member(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { Coder(box: box.member("super"), codingPath: codingPath) }
    func superEncoder(forKey key: Key) -> any Encoder {
      Coder(box: box.member(key.stringValue), codingPath: codingPath + [key])
    }
  }

  private struct Unkeyed: UnkeyedEncodingContainer {
    let box: Box
    let codingPath: [any CodingKey]
    var count: Int { if case .array(let boxes) = box.content { boxes.count } else { 0 } }

    func encodeNil() throws { _ = box.element() }
    func encode(_ value: some Encodable) throws { try box.element().set(value, codingPath) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
      Coder(box: box.element(), codingPath: codingPath).container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
      Coder(box: box.element(), codingPath: codingPath).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { Coder(box: box.element(), codingPath: codingPath) }
  }

  private struct Single: SingleValueEncodingContainer {
    let box: Box
    let codingPath: [any CodingKey]

    func encodeNil() throws { box.content = .leaf(.null) }
    func encode(_ value: some Encodable) throws { try box.set(value, codingPath) }
  }
}
