internal import CSQLite
internal import Glibc

/// The database of packages that rpm has written since version 4.16: a table of SQLite, read in memory.
///
/// A log of writes beside the file is not read: rpm empties it when it is done.
///
/// Source: rpm, lib/backend/sqlite.cc; sqlite.org, "Defense Against The Dark Arts".
enum SQLitePackages {
  /// Steps of SQLite's machine for one query. A row takes less than ten.
  private static let stepLimit: Int32 = 5_000_000

  static func forEachHeader(
    in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(CatalogueError) -> Void
  ) throws(CatalogueError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX
    let status = sqlite3_open_v2(":memory:", &opened, flags, nil)
    defer { sqlite3_close_v2(opened) }
    guard status == SQLITE_OK, let database = opened else { throw failure(status) }
    try load(bytes, into: database)
    try restrict(database)

    var prepared: OpaquePointer?
    let outcome = sqlite3_prepare_v2(database, "SELECT blob FROM Packages", -1, &prepared, nil)
    defer { sqlite3_finalize(prepared) }
    guard outcome == SQLITE_OK, let statement = prepared else {
      if outcome == SQLITE_ERROR || outcome == SQLITE_AUTH {
        throw CatalogueError("it has no table of packages as rpm makes it")
      }
      throw failure(outcome)
    }
    while true {
      let step = sqlite3_step(statement)
      if step == SQLITE_DONE { return }
      guard step == SQLITE_ROW else { throw failure(step) }
      guard sqlite3_column_type(statement, 0) == SQLITE_BLOB, let content = sqlite3_column_blob(statement, 0) else {
        throw CatalogueError("a record of a package is empty")
      }
      try body(UnsafeRawBufferPointer(start: content, count: Int(sqlite3_column_bytes(statement, 0))))
    }
  }

  /// Puts a copy in place of the main database.
  private static func load(_ bytes: UnsafeRawBufferPointer, into database: OpaquePointer) throws(CatalogueError) {
    guard bytes.count >= 512, let base = bytes.baseAddress, let copy = sqlite3_malloc64(UInt64(bytes.count)) else {
      throw CatalogueError("it is cut off")
    }
    memcpy(copy, base, bytes.count)
    let content = copy.assumingMemoryBound(to: UInt8.self)
    // Databases in memory cannot have a log: the format's versions for writing and reading say that there is none.
    content[18] = 1
    content[19] = 1
    // From here on the copy is SQLite's, whatever becomes of it.
    let status = sqlite3_deserialize(
      database, "main", content, Int64(bytes.count), Int64(bytes.count),
      UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY))
    guard status == SQLITE_OK else { throw failure(status) }
  }

  /// What the file may make SQLite do: read one table, and that within limits.
  private static func restrict(_ database: OpaquePointer) throws(CatalogueError) {
    let limits: [(Int32, Int32)] = [
      (SQLITE_LIMIT_LENGTH, Int32(clamping: RPMDatabase.headerLimitBytes)), (SQLITE_LIMIT_SQL_LENGTH, 1 << 16),
      (SQLITE_LIMIT_COLUMN, 64), (SQLITE_LIMIT_EXPR_DEPTH, 16), (SQLITE_LIMIT_COMPOUND_SELECT, 2),
      (SQLITE_LIMIT_VDBE_OP, 10_000), (SQLITE_LIMIT_FUNCTION_ARG, 8), (SQLITE_LIMIT_ATTACHED, 0),
      (SQLITE_LIMIT_TRIGGER_DEPTH, 1), (SQLITE_LIMIT_WORKER_THREADS, 0),
    ]
    for (limit, value) in limits { sqlite3_limit(database, limit, value) }
    sqlite3_drop_modules(database, nil)
    // The first call comes after so many steps, and ends the query.
    sqlite3_progress_handler(database, stepLimit, { _ in 1 }, nil)
    for pragma in ["PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON"] {
      let status = sqlite3_exec(database, pragma, nil, nil, nil)
      guard status == SQLITE_OK else { throw failure(status) }
    }
    let status = sqlite3_set_authorizer(
      database,
      { _, action, table, _, _, _ in
        if action == SQLITE_SELECT { return SQLITE_OK }
        guard action == SQLITE_READ, let table, strcmp(table, "Packages") == 0 else { return SQLITE_DENY }
        return SQLITE_OK
      }, nil)
    guard status == SQLITE_OK else { throw failure(status) }
  }

  private static func failure(_ status: Int32) -> CatalogueError {
    let reason = sqlite3_errstr(status).map { String(cString: $0) } ?? "\(status)"
    return CatalogueError("it cannot be read as a database of SQLite: \(reason)")
  }
}
