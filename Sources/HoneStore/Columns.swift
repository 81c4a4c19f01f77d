import Crypto
import Foundation
import GRDB
import HoneTrace

/// Texts and values as they stand in columns of type ANY.
///
/// Up to `Columns.inlineBytes` a text stands in the row itself; a longer one is stored once in `blobs` under its SHA-256
/// and the row holds the blob's id, an integer. A text with a NUL, which SQLite's text functions cut, is stored as bytes.
enum Columns {
  static let inlineBytes = 256

  /// SQL that gives a column's text wherever it stands.
  static func text(_ column: String) -> String {
    "CASE typeof(\(column)) WHEN 'integer' THEN (SELECT content FROM blobs WHERE id = \(column)) ELSE \(column) END"
  }

  /// The column's content for `text`, storing it as a blob when it is long.
  static func store(_ text: String, _ db: Database) throws -> DatabaseValue {
    if text.utf8.count <= inlineBytes { return inline(text) }
    let digest = Data(SHA256.hash(data: Data(text.utf8)))
    let find = try Prepared("SELECT id FROM blobs WHERE sha256 = ?", db)
    if let id = try find.first([digest.databaseValue], { try $0.whole(0) }) { return id.databaseValue }
    try Prepared("INSERT INTO blobs (sha256, content) VALUES (?, ?)", db).run([digest.databaseValue, inline(text)])
    return db.lastInsertedRowID.databaseValue
  }

  static func store(_ value: Value, _ db: Database) throws -> DatabaseValue {
    try store(StoredJSON.text(value), db)
  }

  static func inline(_ text: String) -> DatabaseValue {
    text.utf8.contains(0) ? Data(text.utf8).databaseValue : text.databaseValue
  }
}

/// Reads columns of a row that a damaged file may have filled with anything: a typed error, never a trap.
extension Row {
  func whole(_ index: Int) throws(StoreError) -> Int {
    guard case .int64(let value) = cell(index).storage else { throw damaged(index, "a whole number") }
    return Int(value)
  }

  func optionalWhole(_ index: Int) throws(StoreError) -> Int? { cell(index).isNull ? nil : try whole(index) }

  func real(_ index: Int) throws(StoreError) -> Double {
    switch cell(index).storage {
    case .double(let value): return value
    case .int64(let value): return Double(value)
    default: throw damaged(index, "a number")
    }
  }

  func optionalReal(_ index: Int) throws(StoreError) -> Double? { cell(index).isNull ? nil : try real(index) }

  func flag(_ index: Int) throws(StoreError) -> Bool { try whole(index) != 0 }

  func text(_ index: Int) throws(StoreError) -> String {
    switch cell(index).storage {
    case .string(let value): return value
    case .blob(let bytes): return String(decoding: bytes, as: UTF8.self)
    default: throw damaged(index, "a text")
    }
  }

  func optionalText(_ index: Int) throws(StoreError) -> String? { cell(index).isNull ? nil : try text(index) }

  func json(_ index: Int) throws(StoreError) -> HoneTrace.Value { try StoredJSON.value(text(index)) }

  func choice<Choice: RawRepresentable<String>>(_ index: Int, _ type: Choice.Type) throws(StoreError) -> Choice {
    guard let choice = Choice(rawValue: try text(index)) else { throw damaged(index, "a known word") }
    return choice
  }

  private func cell(_ index: Int) -> DatabaseValue { self[index] }

  private func damaged(_ index: Int, _ what: String) -> StoreError {
    .damaged(column: columnNames.dropFirst(index).first, what)
  }
}

extension StoreError {
  static func damaged(column: String?, _ what: String) -> StoreError {
    StoreError(
      .corrupt, "column \(column ?? "?") holds something else than \(what)",
      hint: "`hone db check` says what is wrong, `hone db recover NEW` saves what can be read")
  }
}
