internal import Ground
internal import Metadata

/// Keeps a feed to one who brings it in or takes it away.
struct FeedClaim: Sendable {
  /// So long after its last word one that has broken off keeps others from its feed.
  static let term: Duration = .seconds(60)

  private let feed: String
  /// Tells it from another of the same feed.
  private let holder = SystemRandom().hexadecimal(byteCount: 8)

  init(_ feed: String) { self.feed = feed }

  private var chore: String { "import of \(feed)" }

  /// Claims the feed, or holds it for longer.
  ///
  /// - Throws: ``AdvisoryImportRefusal`` while another has it.
  func hold(_ transaction: borrowing Transaction) throws {
    guard try transaction.claimChore(chore, holder: holder, until: transaction.now + Self.term) else {
      throw AdvisoryImportRefusal(
        description: "\(feed) is being imported by another; try again when that has ended, at the latest in a minute")
    }
  }

  /// Has `body` work on a feed that nobody else works on meanwhile; it holds the claim in each of its transactions.
  static func on<Outcome: Sendable>(
    _ feed: String, _ database: any Database, _ body: (FeedClaim) async throws -> Outcome
  ) async throws -> Outcome {
    let claim = FeedClaim(feed)
    do {
      let outcome = try await body(claim)
      try await claim.release(database)
      return outcome
    } catch {
      // What was written stays; another may go on.
      try? await claim.release(database)
      throw error
    }
  }

  func release(_ database: any Database) async throws {
    try await database.write { transaction in
      try transaction.releaseChore(chore, holder: holder, nextAt: Timestamp(microseconds: 0))
    }
  }
}
