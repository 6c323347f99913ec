/// A question that travels with somebody else's transaction, so that it costs no round trip of its own.
///
/// Who takes the answer remembers it, inside the body of the transaction: the one exception to the rule that a body has no effect
/// outside. It may be taken more than once, and of a transaction that then fails, as the transaction only reads and so what it
/// was told is true whatever becomes of it. So what is done with it must come to the same when it is done again, and must
/// never be wrong by an answer that is older than another: what holds no more may be forgotten by it, and nothing forgotten
/// brought back.
public protocol SideQuestion: Sendable {
  /// Sends the question, before the transaction's own. Sent again when the transaction is run again.
  ///
  /// - Returns: what takes the answer. It is called once the transaction's own questions are answered, and before anybody is
  ///   given those answers; an error that it throws undoes the transaction and is passed on.
  func ask<T: Reading & ~Copyable>(in transaction: borrowing T) throws -> () throws -> Void
}

extension Database {
  /// ``read(_:)``, with questions of others in its round trips and in its snapshot.
  public func read<V: Sendable>(
    along questions: [any SideQuestion], _ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V
  ) async throws -> V {
    if questions.isEmpty { return try await read(body) }
    return try await read { transaction in
      var answers: [() throws -> Void] = []
      for question in questions { answers.append(try question.ask(in: transaction)) }
      let value = try body(transaction)
      for take in answers { try take() }
      return value
    }
  }
}
