import Ground
import TestSupport
import Testing

@testable import Metadata

@Suite struct `Migrations` {
  private func withDatabase(_ body: (String) async throws -> Void) async throws {
    let directory = try temporaryDirectory()
    try await body(directory + "/metadata.db")
    try removeTree(directory)
  }

  @Test func `are numbered from one, without a gap`() {
    #expect(Migration.all.map(\.number) == Array(1...Migration.latest))
  }

  @Test(arguments: 0...Migration.latest) func `reach the latest schema from every earlier one`(_ number: Int)
    async throws
  {
    try await withDatabase { path in
      do {
        let connection = try SQLiteConnection(path: path, readOnly: false, cacheBytes: 1 << 20)
        try Migrator(connection: connection).migrate(now: Timestamp(microseconds: 1), upTo: number)
        #expect(try Migrator(connection: connection).refuseNewer() == number)
      }
      let database = try SQLiteDatabase(path: path)
      #expect(try await database.read { try $0.inconsistencies(limit: 1) }.isEmpty)
      #expect(try await database.integrityProblems() == [])
    }
  }

  @Test func `are done once`() async throws {
    try await withDatabase { path in
      for _ in 0..<2 {
        let database = try SQLiteDatabase(path: path)
        try await database.write { try $0.setKeepsake("kept", [1]) }
      }
      let database = try SQLiteDatabase(path: path)
      #expect(try await database.read { try $0.keepsake("kept") } == [1])
    }
  }

  @Test func `refuse a newer schema, and say what to do`() async throws {
    try await withDatabase { path in
      do {
        let connection = try SQLiteConnection(path: path, readOnly: false, cacheBytes: 1 << 20)
        try Migrator(connection: connection).migrate(now: Timestamp(microseconds: 1))
        try connection.executeScript("INSERT INTO schema_migration VALUES (\(Migration.latest + 1), 'later', 0)")
      }
      for readsOnly in [false, true] {
        let error = #expect(throws: DatabaseError.self) {
          _ = readsOnly ? try SQLiteDatabase(readingPath: path) : try SQLiteDatabase(path: path)
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("newer version"), "\(text)")
        #expect(text.contains("\(Migration.latest + 1)"), "\(text)")
      }
    }
  }
}
