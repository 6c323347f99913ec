import Ground
public import Metadata
import Synchronization

/// How long a process lives that works on some databases: a number of transactions that write. Nothing is done after its end, as
/// when it was killed.
public final class Lifetime: Sendable {
  /// What everything throws after the end.
  public struct Ended: Error {
    public init() {}
  }

  private let left: Mutex<Int>

  /// - Parameter writes: how many are committed; the next one ends it.
  public init(writes: Int) { left = Mutex(writes) }

  func write() throws {
    try left.withLock { left in
      left -= 1
      if left < 0 { throw Ended() }
    }
  }

  func read() throws { if left.withLock({ $0 < 0 }) { throw Ended() } }

  /// A database as this process sees it.
  public func database(_ base: any Database) -> any Database { MortalDatabase(base: base, lifetime: self) }
}

private struct MortalDatabase: Database {
  let base: any Database
  let lifetime: Lifetime

  var now: Timestamp { base.now }
  var isShared: Bool { base.isShared }

  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try lifetime.read()
    return try await base.read(body)
  }

  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    try lifetime.write()
    return try await base.write(body)
  }
}
