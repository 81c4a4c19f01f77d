import GRDB
import GRDBSQLite
import HoneTrace

/// A statement that is run for every trial or every step of a trace, on SQLite's own functions.
///
/// GRDB prepares and keeps it. Its arguments and rows, made for any use, cost as much CPU as such a small statement does;
/// all other statements go through them.
struct Prepared {
  private let statement: Statement

  init(_ sql: String, _ db: Database) throws { statement = try db.cachedStatement(sql: sql) }

  /// Runs a statement that gives no rows.
  /// - Parameter values: one for each question mark.
  func run(_ values: [DatabaseValue]) throws {
    try bind(values)
    defer { sqlite3_reset(statement.sqliteStatement) }
    let code = sqlite3_step(statement.sqliteStatement)
    guard code == SQLITE_DONE else { throw failure(code) }
  }

  /// The first row, as `read` takes it; nil when there is none.
  func first<Result>(_ values: [DatabaseValue], _ read: (Cells) throws -> Result) throws -> Result? {
    try bind(values)
    defer { sqlite3_reset(statement.sqliteStatement) }
    let code = sqlite3_step(statement.sqliteStatement)
    if code == SQLITE_DONE { return nil }
    guard code == SQLITE_ROW else { throw failure(code) }
    return try read(Cells(row: statement.sqliteStatement))
  }

  /// Every row in turn.
  func each(_ values: [DatabaseValue], _ body: (Cells) throws -> Void) throws {
    try bind(values)
    defer { sqlite3_reset(statement.sqliteStatement) }
    while true {
      let code = sqlite3_step(statement.sqliteStatement)
      if code == SQLITE_DONE { return }
      guard code == SQLITE_ROW else { throw failure(code) }
      try body(Cells(row: statement.sqliteStatement))
    }
  }

  private func bind(_ values: [DatabaseValue]) throws {
    let count = sqlite3_bind_parameter_count(statement.sqliteStatement)
    guard count == values.count else { throw failure(SQLITE_RANGE) }
    for (index, value) in values.enumerated() {
      let code = value.bind(to: statement.sqliteStatement, at: CInt(index) + 1)
      guard code == SQLITE_OK else { throw failure(code) }
    }
  }

  private func failure(_ code: CInt) -> DatabaseError {
    let message = sqlite3_errmsg(sqlite3_db_handle(statement.sqliteStatement)).map { String(cString: $0) }
    return DatabaseError(resultCode: ResultCode(rawValue: code), message: message, sql: statement.sql)
  }

  /// The row a statement stands on. A damaged file may have filled it with anything: a typed error, never a wrong value.
  struct Cells {
    fileprivate let row: SQLiteStatement

    func isNull(_ index: CInt) -> Bool { sqlite3_column_type(row, index) == SQLITE_NULL }

    func whole(_ index: CInt) throws(StoreError) -> Int64 {
      guard sqlite3_column_type(row, index) == SQLITE_INTEGER else { throw damaged(index, "a whole number") }
      return sqlite3_column_int64(row, index)
    }

    func optionalWhole(_ index: CInt) throws(StoreError) -> Int64? { isNull(index) ? nil : try whole(index) }

    func optionalReal(_ index: CInt) throws(StoreError) -> Double? {
      switch sqlite3_column_type(row, index) {
      case SQLITE_NULL: return nil
      case SQLITE_FLOAT, SQLITE_INTEGER: return sqlite3_column_double(row, index)
      default: throw damaged(index, "a number")
      }
    }

    func int(_ index: CInt) throws(StoreError) -> Int { Int(try whole(index)) }

    func optionalInt(_ index: CInt) throws(StoreError) -> Int? { isNull(index) ? nil : try int(index) }

    func real(_ index: CInt) throws(StoreError) -> Double {
      guard let number = try optionalReal(index) else { throw damaged(index, "a number") }
      return number
    }

    func flag(_ index: CInt) throws(StoreError) -> Bool { try whole(index) != 0 }

    func text(_ index: CInt) throws(StoreError) -> String {
      try withBytes(of: index) { String(decoding: $0, as: UTF8.self) }
    }

    func optionalText(_ index: CInt) throws(StoreError) -> String? { isNull(index) ? nil : try text(index) }

    func json(_ index: CInt) throws(StoreError) -> HoneTrace.Value {
      try StoredJSON.value(withBytes(of: index) { Array($0) })
    }

    /// The bytes of a text, which stands as a blob where it holds a NUL.
    private func withBytes<Result>(of index: CInt, _ body: (UnsafeRawBufferPointer) -> Result) throws(StoreError)
      -> Result
    {
      let type = sqlite3_column_type(row, index)
      guard type == SQLITE_TEXT || type == SQLITE_BLOB else { throw damaged(index, "a text") }
      return body(
        UnsafeRawBufferPointer(
          start: sqlite3_column_blob(row, index), count: Int(sqlite3_column_bytes(row, index))))
    }

    func choice<Choice: RawRepresentable<String>>(_ index: CInt, _ type: Choice.Type) throws(StoreError) -> Choice {
      guard let choice = Choice(rawValue: try text(index)) else { throw damaged(index, "a known word") }
      return choice
    }

    private func damaged(_ index: CInt, _ what: String) -> StoreError {
      let name = sqlite3_column_name(row, index).map { String(cString: $0) }
      return .damaged(column: name, what)
    }
  }
}

/// Values that a `Prepared` statement takes, without a box around each.
extension DatabaseValue {
  static func whole(_ number: Int) -> DatabaseValue { Int64(number).databaseValue }
  static func whole(_ number: Int?) -> DatabaseValue { number.map { Int64($0).databaseValue } ?? .null }
  static func real(_ number: Double?) -> DatabaseValue { number?.databaseValue ?? .null }
}
