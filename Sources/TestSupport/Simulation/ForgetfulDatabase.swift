public import Ground
public import Metadata

/// Runs every transaction twice, as when the answer to its commit was lost.
public struct ForgetfulDatabase: Database {
  private let base: any Database
  private let meanwhile: @Sendable () async throws -> Void

  /// - Parameter meanwhile: what happens before a transaction is run again.
  public init(base: any Database, meanwhile: @escaping @Sendable () async throws -> Void = {}) {
    self.base = base
    self.meanwhile = meanwhile
  }

  public var now: Timestamp { base.now }
  public var isShared: Bool { true }

  public func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try await base.read(body)
  }

  public func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    _ = try await base.write(body)
    try await meanwhile()
    return try await base.write { try Self.again($0, body) }
  }

  /// Runs a body as one that may have been committed before.
  ///
  /// Apart, and not inlined: the optimiser of Swift 6.3 stops when it specialises the making of a non-copyable value in a
  /// closure.
  @inline(never)
  static func again<V>(
    _ transaction: borrowing Transaction, _ body: (borrowing Transaction) throws -> V
  ) throws -> V {
    let repeated = Transaction(connection: transaction.connection, now: transaction.now, isRepeat: true)
    return try body(repeated)
  }
}
