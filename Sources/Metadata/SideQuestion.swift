/// A question that travels with somebody else's transaction, so that it costs no round trip of its own.
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
