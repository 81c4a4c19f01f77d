import Crypto
import Foundation
import HoneTrace

/// The key of a call: SHA-256 in hex over the canonical JSON of
/// `{"alias":…,"body":…,"path":…,"repeat":…,"sample":…,"version":1}`.
///
/// The body is the redacted request as it was asked for, without stream flags. The first three members are hashed once;
/// their digest counts identical requests in a scope, the whole is the key.
package struct CallKey {
  static let version = 1
  private let prefix: SHA256
  /// Equal for identical requests, whatever their sample.
  let fingerprint: String

  init(alias: String, path: String, body: Value) {
    self.init(alias: alias, path: path, canonicalBody: body.canonicalJSON)
  }

  init(alias: String, path: String, canonicalBody: String) {
    let text =
      "{\"alias\":\(Value.string(alias).canonicalJSON),\"body\":\(canonicalBody),"
      + "\"path\":\(Value.string(path).canonicalJSON)"
    var hash = SHA256()
    hash.update(data: Array(text.utf8))
    prefix = hash
    fingerprint = Self.hex(hash.finalize())
  }

  func key(repeat: Int, sample: Int) -> String {
    var hash = prefix
    hash.update(data: Array(",\"repeat\":\(`repeat`),\"sample\":\(sample),\"version\":\(Self.version)}".utf8))
    return Self.hex(hash.finalize())
  }

  /// The key under which the `number`-th failure of a call, from 0, is kept: no request has it.
  static func failure(_ number: Int, of key: String) -> String {
    hex(SHA256.hash(data: Array("\(key)/failed/\(number)".utf8)))
  }

  package static func hex(_ digest: SHA256.Digest) -> String {
    String(unsafeUninitializedCapacity: 2 * SHA256.byteCount) { hex in
      func digit(_ half: UInt8) -> UInt8 { half + (half < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) }
      for (index, byte) in digest.enumerated() {
        hex[2 * index] = digit(byte >> 4)
        hex[2 * index + 1] = digit(byte & 15)
      }
      return 2 * SHA256.byteCount
    }
  }
}

extension CallRecord {
  /// The key its own contents have; differs from `key` when the record was changed by hand.
  public var computedKey: String {
    let key = CallKey(alias: alias, path: path, body: request).key(repeat: `repeat`, sample: sample)
    guard !isReply else { return key }
    return CallKey.failure(response["number"]?.int ?? 0, of: key)
  }
}
