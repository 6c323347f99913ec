import BlobStorage
public import Ground
public import Metadata

/// A database on the same machine as a ``SimulatedDisk``: each commit is durable, counts as one change, and is refused
/// once the power is off.
///
/// Gives way to other tasks before and after each transaction, so that a ``SeededExecutor`` can interleave there.
public struct SimulatedDatabase: Database {
  private let base: any Database
  private let power: PowerSwitch
  public let isShared: Bool

  /// - Parameters:
  ///   - base: lives on when the power is cut: what it has committed is durable.
  ///   - isShared: whether several registries work over it.
  public init(_ base: any Database, power: PowerSwitch, isShared: Bool = false) {
    self.base = base
    self.isShared = isShared
    self.power = power
  }

  public func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    await Task.yield()
    try power.check()
    let value = try await base.read(body)
    await Task.yield()
    return value
  }

  public func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    await Task.yield()
    try power.change()
    let value = try await base.write(body)
    await Task.yield()
    return value
  }

  public var now: Timestamp { base.now }
}
