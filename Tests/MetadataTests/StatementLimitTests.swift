import Ground
import TestSupport
import Testing

@testable import Metadata

/// A statement that takes too long is ended by the server, not only given up by us: else it would go on, with its locks.
@Suite struct `The limit of a statement` {
  private static func settings(pooled: Bool) async throws -> PostgresSettings {
    var settings = try await pooled ? PostgresSettings.pooled() : .fresh()
    settings.statementTimeout = .milliseconds(1500)
    return settings
  }

  private static func text(_ connection: PostgresConnection, _ sql: SQL) throws -> String {
    var found = ""
    _ = try connection.run(sql) { row in
      found = row.text(0)
      return false
    }
    return found
  }

  @Test(arguments: [false, true])
  func `is the server's, also behind a pooler in transaction mode`(pooled: Bool) async throws {
    let database = try await PostgresDatabase(try await Self.settings(pooled: pooled))
    for writes in [false, true] {
      let error = await #expect(throws: DatabaseError.self) {
        if writes {
          try await database.write { _ = try $0.number("SELECT CAST(1 AS BIGINT) FROM pg_sleep(600)") }
        } else {
          try await database.read { _ = try $0.number("SELECT CAST(1 AS BIGINT) FROM pg_sleep(600)") }
        }
      }
      // In the server's words; ours would be that no answer came.
      #expect(error.map { "\($0)".contains("statement timeout") } ?? false, "\(String(describing: error))")
    }
    try await database.write { try $0.setKeepsake("after", [1]) }
  }

  @Test(arguments: [false, true])
  func `is one for waiting for others, too`(pooled: Bool) async throws {
    let settings = try await Self.settings(pooled: pooled)
    let connection = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    for (name, value) in [
      ("statement_timeout", "1500ms"), ("lock_timeout", "1500ms"), ("idle_in_transaction_session_timeout", "3s"),
      ("jit", "off"),
    ] {
      #expect(try Self.text(connection, "SELECT current_setting(\(name))") == value, "\(name)")
    }
    try connection.commit()
  }

  @Test(arguments: [false, true])
  func `is none for a migration, which waits for locks of tables no longer than others`(pooled: Bool) async throws {
    var settings = try await Self.settings(pooled: pooled)
    settings.statementTimeout = .milliseconds(100)
    let connection = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    try PostgresMigrator(connection: connection).locked {
      // Longer than the server's limit, and than the five seconds more that we wait.
      _ = try Self.text(connection, "SELECT CAST(pg_sleep(5.5) AS TEXT)")
      #expect(try Self.text(connection, "SELECT current_setting('statement_timeout')") == "0")
      #expect(try Self.text(connection, "SELECT current_setting('lock_timeout')") == "100ms")
    }
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    #expect(try Self.text(connection, "SELECT current_setting('statement_timeout')") == "100ms")
    try connection.commit()
  }

  @Test func `is none for a replica that waits for another one's migration`() async throws {
    var settings = try await PostgresSettings.fresh()
    settings.statementTimeout = .milliseconds(100)
    let first = try PostgresConnection(settings)
    let second = try PostgresConnection(settings)
    try PostgresMigrator(connection: first).migrate(now: Timestamp(microseconds: 1), upTo: Migration.latest - 1)
    let waiting = Task.detached {
      try PostgresMigrator(connection: second).migrate(now: Timestamp(microseconds: 1))
    }
    try PostgresMigrator(connection: first).locked {
      _ = try Self.text(first, "SELECT CAST(pg_sleep(1) AS TEXT)")
    }
    try await waiting.value
  }

  @Test func `leaves nothing in a session that others use as well`() async throws {
    let settings = try await Self.settings(pooled: true)
    let connection = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    for _ in 0..<4 {
      try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
      #expect(try Self.text(connection, "SELECT current_setting('statement_timeout')") == "1500ms")
      try connection.commit()
      #expect(try Self.text(connection, "SELECT current_setting('statement_timeout')") == "0")
    }
  }

  @Test func `costs no round trip of its own behind a pooler`() async throws {
    let database = try await PostgresDatabase(try await PostgresSettings.pooled())
    try await database.write { try $0.setKeepsake("a", [1]) }
    let before = database.figures.roundTrips
    _ = try await database.read { try $0.keepsake("a") }
    #expect(database.figures.roundTrips - before == 1)
  }
}
