import HoneStore

/// Opens the database for commands that look and for commands that write.
enum Database {
  /// For looking: beside a writer, or on a copy that cannot be written.
  static func reading(_ path: String) async throws(StoreError) -> SQLiteStore {
    try await SQLiteStore(path: path, readOnly: true)
  }

  /// Made when it is not there.
  static func writing(_ path: String) async throws(StoreError) -> SQLiteStore {
    try await SQLiteStore(path: path)
  }
}
