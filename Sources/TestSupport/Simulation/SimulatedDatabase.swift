import BlobStorage
public import Ground
public import Metadata
import Synchronization

/// Looks at what transactions do.
public protocol DatabaseWitness: Sendable {
  /// A transaction begins.
  ///
  /// - Parameter isAgain: what was seen last is of this one too, and may not have been committed.
  func begin(isAgain: Bool)

  /// Looks at what the transaction has done, at its end and inside of it.
  func see(_ transaction: borrowing Transaction) throws
}

/// A database on the same machine as a ``SimulatedDisk``: each commit is durable, counts as one change, and is refused
/// once the power is off.
///
/// Gives way to other tasks before and after each transaction, so that a ``SeededExecutor`` can interleave there.
public struct SimulatedDatabase: Database {
  private let base: any Database
  private let power: PowerSwitch
  public let isShared: Bool
  private let witness: (any DatabaseWitness)?
  private let forgetting: SeededRandom?

  /// - Parameters:
  ///   - base: lives on when the power is cut: what it has committed is durable.
  ///   - isShared: whether several registries work over it.
  ///   - witness: sees each transaction before it is committed.
  ///   - forgetting: chooses commits whose answer is lost, so that the transaction is run again, as over a network.
  public init(
    _ base: any Database, power: PowerSwitch, isShared: Bool = false, witness: (any DatabaseWitness)? = nil,
    forgetting: SeededRandom? = nil
  ) {
    self.forgetting = forgetting
    self.base = base
    self.isShared = isShared
    self.power = power
    self.witness = witness
  }

  public func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    await Task.yield()
    try power.check()
    let value = try await base.read(body)
    await Task.yield()
    return value
  }

  public func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    guard let forgetting, forgetting.next() % 8 == 0 else { return try await writeOnce(body) }
    _ = try await writeOnce(body)
    return try await writeOnce { try ForgetfulDatabase.again($0, body) }
  }

  private func writeOnce<V: Sendable>(
    _ body: @escaping @Sendable (borrowing Transaction) throws -> V
  ) async throws -> V {
    await Task.yield()
    try power.change()
    let witness = witness
    let runs = Atomic(0)
    let value = try await base.write { transaction in
      witness?.begin(isAgain: runs.add(1, ordering: .relaxed).oldValue > 0)
      let value = try body(transaction)
      try witness?.see(transaction)
      return value
    }
    await Task.yield()
    return value
  }

  public var now: Timestamp { base.now }
}
