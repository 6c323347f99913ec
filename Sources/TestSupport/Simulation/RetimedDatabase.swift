import Ground
import Metadata

/// A database whose time is a test's: a simulation lets days go by, and a server's clock does not follow.
struct RetimedDatabase: Database {
  private let base: any Database
  private let time: any TimeSource

  init(_ base: any Database, time: any TimeSource) {
    self.base = base
    self.time = time
  }

  var now: Timestamp { time.now }
  var isShared: Bool { base.isShared }

  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    let time = time
    return try await base.read { try Self.reading($0, time.now, body) }
  }

  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    let time = time
    return try await base.write { try Self.writing($0, time.now, body) }
  }

  // Apart, and not inlined: the optimiser of Swift 6.3 stops when it specialises the making of a non-copyable value in a
  // closure.
  @inline(never)
  private static func reading<V>(
    _ transaction: borrowing ReadTransaction, _ now: Timestamp, _ body: (borrowing ReadTransaction) throws -> V
  ) throws -> V {
    let retimed = ReadTransaction(connection: transaction.connection, now: now)
    return try body(retimed)
  }

  @inline(never)
  private static func writing<V>(
    _ transaction: borrowing Transaction, _ now: Timestamp, _ body: (borrowing Transaction) throws -> V
  ) throws -> V {
    let retimed = Transaction(connection: transaction.connection, now: now, isRepeat: transaction.isRepeat)
    return try body(retimed)
  }
}
