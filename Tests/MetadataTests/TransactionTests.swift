import Ground
import TestSupport
import Testing

@testable import Metadata

/// What every `Database` promises. In memory and in a file, which differ in how readers reach it.
@Suite struct `A database` {
  enum Kind: CaseIterable, Sendable { case inMemory, inFile }

  private func with(_ kind: Kind, _ body: (SQLiteDatabase) async throws -> Void) async throws {
    switch kind {
    case .inMemory: try await body(try SQLiteDatabase.inMemory())
    case .inFile:
      let directory = try temporaryDirectory()
      try await body(try SQLiteDatabase(path: directory + "/metadata.db"))
      try removeTree(directory)
    }
  }

  struct Refusal: Error, Equatable {}

  @Test(arguments: Kind.allCases) func `shows what was written to who reads next`(_ kind: Kind) async throws {
    try await with(kind) { database in
      for value in UInt8(0)..<20 {
        try await database.write { try $0.setKeepsake("a", [value]) }
        #expect(try await database.read { try $0.keepsake("a") } == [value])
      }
    }
  }

  @Test(arguments: Kind.allCases) func `keeps nothing of a body that throws`(_ kind: Kind) async throws {
    try await with(kind) { database in
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

  @Test(arguments: Kind.allCases)
  func `commits those that wait together, and tells each its own outcome`(_ kind: Kind) async throws {
    try await with(kind) { database in
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
      #expect(database.commitFigures.commits <= database.commitFigures.transactions)
    }
  }

  @Test func `refuses to write where it was opened for reading`() async throws {
    try await with(.inFile) { database in
      try await database.write { try $0.setKeepsake("a", [7]) }
    }
    let directory = try temporaryDirectory()
    _ = try SQLiteDatabase(path: directory + "/metadata.db")
    let reader = try SQLiteDatabase(readingPath: directory + "/metadata.db")
    await #expect(throws: DatabaseError.self) { try await reader.write { try $0.setKeepsake("a", [1]) } }
    try removeTree(directory)
  }

  @Test(arguments: ["plain", "it's", "\"; DROP TABLE tag; --", "", "ünï\u{0}", "?1"])
  func `binds every value and splices none`(_ text: String) async throws {
    try await with(.inMemory) { database in
      try await database.write { try $0.setKeepsake(text, Array(text.utf8)) }
      #expect(try await database.read { try $0.keepsake(text) } == Array(text.utf8))
      #expect(try await database.read { try $0.inventory() }.tags == 0)
    }
  }
}
