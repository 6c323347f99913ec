import Ground
import Metadata
import Synchronization
import TestSupport
import Testing

@testable import Upkeep

/// Cannot be reached at some of its writes, counted from 1.
private final class AbsentDatabase: Database {
  private let base: any Database
  private let absent: Set<Int>
  private let count = Atomic<Int>(0)

  init(_ base: any Database, absentAt absent: Set<Int>) {
    self.base = base
    self.absent = absent
  }

  var writes: Int { count.load(ordering: .relaxed) }
  var now: Timestamp { base.now }
  var isShared: Bool { true }

  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try await base.read(body)
  }

  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    let number = count.wrappingAdd(1, ordering: .relaxed).newValue
    if absent.contains(number) { throw DatabaseError.unavailable("a test says so") }
    return try await base.write(body)
  }
}

@Suite struct `The claim of a chore` {
  @Test func `is renewed also after a renewal that failed`() async throws {
    let clock = LeapingClock()
    let database = AbsentDatabase(try SQLiteDatabase.inMemory(time: clock), absentAt: [2])
    let claims = ChoreClaims(database: database, time: clock)
    _ = try await claims.doing("chore") {
      var rounds = 0
      while database.writes < 4, rounds < 100_000 {
        await Task.yield()
        rounds += 1
      }
      return .zero
    }
    #expect(database.writes >= 4)
  }
}
