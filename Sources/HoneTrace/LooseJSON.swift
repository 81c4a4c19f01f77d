/// Finds JSON objects in a model's reply: in prose, in code fences, with the small mistakes models make.
public enum LooseJSON {
  /// The top-level objects of a text, in order.
  ///
  /// Beside JSON it reads single quotes, a comma before a closing bracket, Python's `True`, `False`, `None`, and line ends
  /// inside strings. A brace that no quoted key follows is prose. Time and memory are linear in the text's length.
  ///
  /// - Throws: where an object has begun and does not end as one: cut off, nested deeper than `maxDepth`, a key standing
  ///   twice, a number over 1,024 digits; or when the text is over `maxBytes`. Nothing is guessed.
  public static func objects(in text: String, maxBytes: Int = 1 << 20, maxDepth: Int = 64) throws(JSONError) -> [Value]
  {
    guard text.utf8.count <= maxBytes else {
      throw JSONError(reason: "the text is longer than \(maxBytes) bytes", offset: maxBytes)
    }
    var parser = JSONParser(bytes: Array(text.utf8), maxDepth: maxDepth, tolerant: true)
    var objects: [Value] = []
    while let start = parser.bytes[parser.position...].firstIndex(of: UInt8(ascii: "{")) {
      parser.position = start
      guard parser.objectBegins() else {
        parser.position = start + 1
        continue
      }
      objects.append(try parser.value(depth: 0))
    }
    return objects
  }
}
