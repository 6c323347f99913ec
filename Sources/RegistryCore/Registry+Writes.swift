internal import Ground
internal import Metadata
import Synchronization

// A registry that is being moved, or was, takes no writes. Each write is told so by the database; what writes nothing yet asks.
extension Registry {
  /// For how long the answer to this question is good: it must not cost each upload a look.
  static let writesMemory: Duration = .seconds(1)

  /// What the database said of writes, and when.
  struct WritesAnswer: Sendable {
    var refusal: DatabaseError?
    var askedAt: Int64
  }

  /// Refuses an upload whose end would be refused, before its bytes come.
  ///
  /// - Throws: ``DatabaseError/moved``, ``DatabaseError/readOnly(_:)``. May be a second late.
  public func requireWrites() async throws {
    let now = time.monotonicNanoseconds
    let known = writes.withLock { $0 }
    if let known, known.askedAt > now - Self.writesMemory.wholeMicroseconds * 1000 {
      if let refusal = known.refusal { throw refusal }
      return
    }
    let refusal = try await database.read { try $0.refusalOfWrites() }
    writes.withLock { $0 = WritesAnswer(refusal: refusal, askedAt: now) }
    if let refusal { throw refusal }
  }
}
