import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// What every `Database` promises. In memory and in a file, which differ in how readers reach it.
@Suite struct `A database` {
  struct Refusal: Error, Equatable {}

  @Test(arguments: DatabaseKind.allCases) func `shows what was written to who reads next`(_ kind: DatabaseKind)
    async throws
  {
    try await kind.withDatabase { database in
      for value in UInt8(0)..<20 {
        try await database.write { try $0.setKeepsake("a", [value]) }
        #expect(try await database.read { try $0.keepsake("a") } == [value])
      }
    }
  }

  @Test(arguments: DatabaseKind.allCases) func `takes texts with U+0000, which some databases have not, all alike`(
    _ kind: DatabaseKind
  ) async throws {
    try await kind.withDatabase { database in
      _ = try await database.write { try $0.insertNamespace("a\0b", isPublic: false) }
      let names = try await database.read { try $0.namespaces(after: "", limit: 10).map(\.name) }
      #expect(names == ["a\u{FFFD}b"])
      #expect(try await database.read { try $0.namespace("a\0b")?.name } == "a\u{FFFD}b")
    }
  }

  @Test(arguments: DatabaseKind.allCases) func `keeps nothing of a body that throws`(_ kind: DatabaseKind) async throws
  {
    try await kind.withDatabase { database in
      await #expect(throws: Refusal()) {
        try await database.write { transaction in
          try transaction.setKeepsake("a", [1])
          throw Refusal()
        }
      }
      let kept = try await database.read { try $0.keepsake("a") }
      #expect(kept == nil)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `commits those that wait together, and tells each its own outcome`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let refused = try await withThrowingTaskGroup { group in
        for number in 0..<200 {
          group.addTask {
            do {
              try await database.write { transaction in
                try transaction.setKeepsake("k\(number)", [UInt8(number)])
                if number % 3 == 0 { throw Refusal() }
              }
              return Int?.none
            } catch is Refusal {
              return number
            }
          }
        }
        return try await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
      }
      #expect(refused == Set((0..<200).filter { $0 % 3 == 0 }))
      for number in 0..<200 {
        let kept = try await database.read { try $0.keepsake("k\(number)") }
        #expect((kept == nil) == (number % 3 == 0))
      }
      guard let database = database as? SQLiteDatabase else { return }
      #expect(database.commitFigures.commits <= database.commitFigures.transactions)
    }
  }

  @Test func `refuses to write where it was opened for reading`() async throws {
    let directory = try temporaryDirectory()
    _ = try SQLiteDatabase(path: directory + "/metadata.db")
    let reader = try SQLiteDatabase(readingPath: directory + "/metadata.db")
    await #expect(throws: DatabaseError.self) { try await reader.write { try $0.setKeepsake("a", [1]) } }
    try removeTree(directory)
  }

  @Test(
    arguments: DatabaseKind.allCases, ["plain", "it's", "\"; DROP TABLE tag; --", "", "ünï", "?1", "$1", "{LOCK}"])
  func `binds every value and splices none`(_ kind: DatabaseKind, _ text: String) async throws {
    try await kind.withDatabase { database in
      for bytes in [Array(text.utf8), [0, 255, 0], []] {
        try await database.write { try $0.setKeepsake(text, bytes) }
        #expect(try await database.read { try $0.keepsake(text) } == bytes)
      }
      #expect(try await database.read { try $0.inventory() }.tags == 0)
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `tells of a failure in what was sent without waiting, and goes on`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      await #expect(throws: DatabaseError.self) {
        try await database.write { transaction in
          try transaction.setKeepsake("a", [1])
          try transaction.enqueue("INSERT INTO keepsake (name, value) VALUES ('b', NULL)")
          try transaction.setKeepsake("c", [1])
        }
      }
      let kept = try await database.read { transaction in
        try ["a", "b", "c"].filter { try transaction.keepsake($0) != nil }
      }
      #expect(kept == [])
      try await database.write { try $0.setKeepsake("a", [2]) }
      #expect(try await database.read { try $0.keepsake("a") } == [2])
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `orders text by its bytes`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let names = try ["b", "a-b", "a/b", "ab", "a.b", "a_b", "a0"].map { try RepositoryName(parsing: $0) }
      for name in names { _ = try await database.push(.index([]), to: name) }
      let listed = try await database.read { try $0.catalogue(after: "", limit: 100) }
      #expect(listed.map(\.text) == names.map(\.text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
  }

  @Test(arguments: DatabaseKind.allCases)
  func `has a clock that goes on`(_ kind: DatabaseKind) async throws {
    try await kind.withDatabase { database in
      let before = database.now
      let inside = try await database.write { $0.now }
      #expect(before <= inside)
      #expect(inside <= database.now)
      #expect(abs(database.now.microseconds - SystemTime().now.microseconds) < 5_000_000)
    }
  }
}
