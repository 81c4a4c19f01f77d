import HoneTrace

extension TaskReader {
  /// A JSON Schema, here or in a file that is named.
  mutating func schema(_ node: YAMLNode?, _ name: String) -> Value? {
    guard let node else { return nil }
    guard node.pairs == nil else {
      do throws(SchemaError) {
        _ = try JSONSchema(node.value)
        return node.value
      } catch {
        fail("\(name): \(error.message)", at: node)
        return nil
      }
    }
    guard let path = path(node, name) else { return nil }
    do {
      let schema = try Value.parse(json: try SafePath.read(path, limit: 1 << 20))
      _ = try JSONSchema(schema)
      return schema
    } catch {
      let reason = (error as? FileReadError)?.message ?? (error as? SchemaError)?.message ?? "\(error)"
      fail("\(name): \(reason)", at: node, hint: "write the schema here, or name a JSON file that holds one")
      return nil
    }
  }
}
