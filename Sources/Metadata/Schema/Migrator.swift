internal import Ground

/// Brings a schema up to date, one migration a transaction.
struct Migrator {
  let connection: SQLiteConnection

  /// - Parameter limit: the last migration to apply; tests stop at every earlier schema.
  /// - Throws: ``DatabaseError/schemaTooNew(found:known:)``, and nothing is changed.
  func migrate(now: Timestamp, upTo limit: Int = Migration.latest) throws {
    try connection.executeScript(
      """
      CREATE TABLE IF NOT EXISTS schema_migration (
        number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL
      )
      """)
    let found = try refuseNewer()
    for migration in Migration.all where migration.number > found && migration.number <= limit {
      try connection.begin()
      do {
        try connection.executeScript(SQLDialect.sqlite.render(migration.script))
        _ = try connection.run(
          """
          INSERT INTO schema_migration (number, name, applied_at)
          VALUES (\(migration.number), \(migration.name), \(now))
          """
        ) { _ in false }
        try connection.commit()
      } catch {
        connection.rollback()
        throw error
      }
    }
  }

  /// Answers which schema is there.
  ///
  /// - Throws: ``DatabaseError/schemaTooNew(found:known:)``.
  @discardableResult
  func refuseNewer() throws -> Int {
    var found = 0
    _ = try connection.run("SELECT COALESCE(MAX(number), 0) FROM schema_migration") { row in
      found = Int(row.integer(0))
      return false
    }
    guard found <= Migration.latest else { throw DatabaseError.schemaTooNew(found: found, known: Migration.latest) }
    return found
  }
}
