import Foundation
import HoneTrace

extension Value {
  /// An encodable value as JSON.
  package init(encoding value: some Encodable) throws {
    let data = try JSONEncoder().encode([value])
    self = try Value.parse(json: Array(data))[0] ?? .null
  }
}
