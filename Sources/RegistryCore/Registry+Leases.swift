internal import Ground
internal import Metadata
import Synchronization

/// What keeps a blob for the manifest that its client pushes next.
struct Lease: Sendable {
  let until: Timestamp
  /// An earlier lease was over, or nearly, before its commit was answered: what it held may have been collected.
  let isRenewed: Bool
}

extension Registry {
  /// How often a lease is taken anew because its commit took too long: who sets it to seconds, on a database that stands still,
  /// is answered all the same.
  static let leaseTries = 3

  /// Runs a transaction that leases a blob. On return half of the lease is still to come, as after a `HEAD`.
  ///
  /// The lease begins when the transaction does. A database that stands still answers the commit when it is over, and a collector
  /// that was quicker than the answer has freed what the client is about to be told of: such a transaction is run again.
  func leasing<V: Sendable>(
    _ body: @escaping @Sendable (borrowing Transaction, Lease) throws -> V
  ) async throws -> V {
    let term = settings.lease
    let end = Atomic<Int64>(0)
    for tried in 1... {
      let value = try await database.write { transaction in
        let until = transaction.now + term
        end.store(until.microseconds, ordering: .relaxed)
        return try body(transaction, Lease(until: until, isRenewed: tried > 1))
      }
      let until = Timestamp(microseconds: end.load(ordering: .relaxed))
      if tried == Self.leaseTries || database.now + term / 2 <= until { return value }
    }
    preconditionFailure("the last try returns")
  }
}
