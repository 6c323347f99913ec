internal import Ground

/// Brings the schema of a PostgreSQL up to date, one migration a transaction, one process at a time.
struct PostgresMigrator {
  let connection: PostgresConnection

  /// Unlike the lock of any other program that uses the database, with luck; a lock of two is slow and harmless.
  private static let lock: Int64 = 0x6265_7274_6800_0001

  /// - Parameter limit: the last migration to apply; tests stop at every earlier schema.
  /// - Throws: ``DatabaseError/schemaTooNew(found:known:)``, and nothing is changed.
  func migrate(now: Timestamp, upTo limit: Int = Migration.latest) throws {
    if try current() == limit { return }
    try locked {
      try run(
        """
        CREATE TABLE IF NOT EXISTS schema_migration (
          number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL
        )
        """)
    }
    for migration in Migration.all where migration.number <= limit {
      try locked {
        // Another process may have done it while this one waited for the lock.
        guard try newest() < migration.number else { return }
        for statement in Self.statements(of: migration.script) { try connection.submit(statement, to: NoRows.sink) }
        try run(
          """
          INSERT INTO schema_migration (number, name, applied_at)
          VALUES (\(migration.number), \(migration.name), \(now))
          """)
      }
    }
    try requireLatest(limit)
  }

  /// - Throws: ``DatabaseError``, unless the schema is the one that this version works with.
  func requireLatest(_ latest: Int = Migration.latest) throws {
    guard let found = try current() else {
      throw DatabaseError.failed(code: 0, message: "the database holds no registry yet; start berth serve once")
    }
    guard found >= latest else {
      throw DatabaseError.failed(
        code: 0, message: "the database has schema \(found), which `berth serve` of this version brings up to date")
    }
  }

  /// The newest migration that was applied; nil in a database without a registry.
  private func current() throws -> Int? {
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    defer { connection.rollback() }
    var exists = false
    _ = try connection.run("SELECT to_regclass('schema_migration') IS NOT NULL") { row in
      exists = row.integer(0) == 1
      return false
    }
    return exists ? try newest() : nil
  }

  private func newest() throws -> Int {
    var found = 0
    _ = try connection.run("SELECT COALESCE(MAX(number), 0) FROM schema_migration") { row in
      found = Int(row.integer(0))
      return false
    }
    guard found <= Migration.latest else { throw DatabaseError.schemaTooNew(found: found, known: Migration.latest) }
    return found
  }

  /// One step, which ends for no limit of statements: to build an index of a large table takes minutes, and what is cut off
  /// begins anew at every start. For another process that migrates it waits; for a lock of a table no longer than any statement,
  /// because what comes after it waits behind it: the caller tries such a conflict again.
  func locked(_ body: () throws -> Void) throws {
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    do {
      try connection.liftStatementLimit(waits: true)
      try run("SELECT pg_advisory_xact_lock(\(Self.lock))")
      try connection.liftStatementLimit(waits: false)
      try body()
      try connection.commit()
    } catch {
      connection.rollback()
      throw error
    }
  }

  private func run(_ sql: SQL) throws { _ = try connection.run(sql) { _ in true } }

  /// The statements of a script, which holds no semicolon but those that end them, and comments on lines of their own.
  static func statements(of script: String) -> [SQL] {
    let lines = script.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("--") }
    return lines.joined(separator: "\n").split(separator: ";").filter { $0.contains { !$0.isWhitespace } }
      .map { SQL(migration: String($0)) }
  }
}
