import Metadata
import Synchronization

/// Rights were changed while something was begun by what memory knew of them: nothing of that counts.
public struct RightsChanged: Error, Sendable {}

/// Whether what memory knows of rights still holds, asked along with what is read or written by it.
///
/// For a request that finds memory older than ``AccessMemory/bound``: asking first would make it wait for the database once more.
/// Nothing that was done by the old knowledge is given out, or committed, before this is answered.
final class RightsQuestion: SideQuestion {
  private enum Answer: Equatable {
    /// As of a moment after this one.
    case unchanged(askedAt: Int64)
    case changed
  }

  private let memory: AccessMemory
  /// What is supposed to hold still.
  private let revision: Int64
  private let answer = Mutex<Answer?>(nil)

  init(_ memory: AccessMemory, revision: Int64) {
    self.memory = memory
    self.revision = revision
  }

  /// Whether there is an answer that is young enough: what a request waits for afterwards may take longer than
  /// ``AccessMemory/bound``, and rights may be taken away meanwhile.
  var isAnswered: Bool {
    switch answer.withLock({ $0 }) {
    case .unchanged(let asked): memory.monotonicNanoseconds - asked <= AccessMemory.boundNanoseconds
    case .changed: true
    case nil: false
    }
  }

  func ask<T: Reading & ~Copyable>(in transaction: borrowing T) throws -> () throws -> Void {
    let asked = memory.monotonicNanoseconds
    let number = try transaction.laterAccessRevision()
    return { try self.take(number.first() ?? 0, askedAt: asked) }
  }

  /// - Throws: ``RightsChanged``.
  private func take(_ number: Int64, askedAt asked: Int64) throws {
    memory.learn(number, askedAt: asked)
    let holds = number == revision
    // Once changed it stays so, whatever another run of the transaction finds.
    let isChanged = answer.withLock { answer in
      if answer != .changed { answer = holds ? .unchanged(askedAt: asked) : .changed }
      return answer == .changed
    }
    if isChanged { throw RightsChanged() }
  }

  /// Whether everything holds still. Asks, unless a transaction took the question along a moment ago.
  func holds() async throws -> Bool {
    do {
      if !isAnswered { try await memory.database.read(along: [self]) { _ in } }
    } catch is RightsChanged {}
    return answer.withLock { $0 != nil && $0 != .changed }
  }
}
