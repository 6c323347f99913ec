import Glibc
import Ground
import Synchronization
import TestSupport
import Testing

@testable import Metadata

/// Others are in the way of a transaction, on a real PostgreSQL: it is run again, so many times and no more, and counted.
@Suite struct `A transaction that others are in the way of` {
  private static let begin: SQL = "BEGIN ISOLATION LEVEL READ COMMITTED"

  private static func database(_ settings: PostgresSettings) async throws -> PostgresDatabase {
    let database = try await PostgresDatabase(settings)
    try await database.write { for name in ["a", "b"] { try $0.setKeepsake(name, [0]) } }
    return database
  }

  /// A connection that never looks for deadlocks, so that whoever waits for it is the one that is turned away.
  private static func patient(_ settings: PostgresSettings) async throws -> PostgresPool.Lease {
    let name = String(settings.url.split(separator: "/").last ?? "")
    let url = try await PostgresServer.shared().url(database: name, user: "postgres")
    return .init(connection: try PostgresConnection(.init(url: "\(url)?options=-c%20deadlock_timeout%3D600s")))
  }

  @Test func `in a deadlock is run again`() async throws {
    let settings = try await PostgresSettings.fresh()
    let database = try await Self.database(settings)
    let other = try await Self.patient(settings)
    let number = try other.connection.count("SELECT pg_backend_pid()")
    try other.connection.begin(Self.begin)
    try other.connection.change("UPDATE keepsake SET value = value WHERE name = 'b'")
    // Both wait in libpq: each on a thread of its own.
    let threads = WorkerPool(name: "test-deadlock", threads: 2)
    defer { threads.stop() }
    let runs = Mutex(0)
    let partner = Mutex<Task<Void, any Error>?>(nil)
    try await Task(executorPreference: threads) {
      try await database.write { transaction in
        let run = runs.withLock { runs -> Int in
          runs += 1
          return runs
        }
        try transaction.setKeepsake("a", [1])
        if run == 1 {
          let task = Task(executorPreference: threads) {
            try other.connection.change("UPDATE keepsake SET value = value WHERE name = 'a'")
            try other.connection.commit()
          }
          partner.withLock { $0 = task }
          while try transaction.number("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pid = \(number)") == 0 {
            usleep(5000)
          }
        }
        try transaction.setKeepsake("b", [1])
      }
    }.value
    try await partner.withLock { $0 }?.value
    #expect(runs.withLock { $0 } == 2)
    #expect(database.figures.conflicts == 1)
    for name in ["a", "b"] { #expect(try await database.read { try $0.keepsake(name) } == [1]) }
  }

  @Test func `in a serialisation failure is run again`() async throws {
    var settings = try await PostgresSettings.fresh()
    // The level is chosen before the first question, and none may be asked by the clock on the wall.
    settings.clockRefresh = .seconds(24 * 3600)
    let database = try await Self.database(settings)
    let other = PostgresPool.Lease(connection: try PostgresConnection(settings))
    let runs = Mutex(0)
    try await database.write { transaction in
      let run = runs.withLock { runs -> Int in
        runs += 1
        return runs
      }
      // Ours run at READ COMMITTED, where there is none; a later one may not.
      try transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
      _ = try transaction.keepsake("a")
      if run == 1 {
        try other.connection.begin(Self.begin)
        try other.connection.change("UPDATE keepsake SET value = value WHERE name = 'a'")
        try other.connection.commit()
      }
      try transaction.setKeepsake("a", [1])
    }
    #expect(runs.withLock { $0 } == 2)
    #expect(database.figures.conflicts == 1)
    #expect(try await database.read { try $0.keepsake("a") } == [1])
  }

  @Test func `again and again is given up, and told as a conflict`() async throws {
    let settings = try await PostgresSettings.fresh()
    let database = try await Self.database(settings)
    let other = try PostgresConnection(settings)
    try other.begin(Self.begin)
    try other.change("UPDATE keepsake SET value = value WHERE name = 'a'")
    let runs = Mutex(0)
    let error = await #expect(throws: DatabaseError.self) {
      try await database.write { transaction in
        runs.withLock { $0 += 1 }
        _ = try transaction.number("SELECT CAST(1 AS BIGINT) FROM keepsake WHERE name = 'a' FOR UPDATE NOWAIT")
      }
    }
    guard case .conflict? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(runs.withLock { $0 } == 9)
    #expect(database.figures.conflicts == 8)
    other.rollback()
    try await database.write { try $0.setKeepsake("a", [1]) }
    #expect(database.figures.conflicts == 8)
  }
}
