import Crypto
import Foundation
import HoneTrace

/// The key of a call: SHA-256 in hex over the canonical JSON of
/// `{"alias":…,"body":…,"path":…,"repeat":…,"sample":…,"version":1}`.
///
/// The body is the redacted request as it was asked for, without stream flags. The first three members are hashed once;
/// their digest counts identical requests in a scope, the whole is the key.
struct CallKey {
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

  private static func hex(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension CallRecord {
  /// The key its own contents have; differs from `key` when the record was changed by hand.
  public var computedKey: String {
    CallKey(alias: alias, path: path, body: request).key(repeat: `repeat`, sample: sample)
  }
}
