internal import Ground
internal import Metadata

/// Lets one replica at a time do a chore. Not needed for safety (every chore looks again before it acts), but so that two do
/// not do the same work.
struct ChoreClaims: Sendable {
  /// How long the claim of a replica that died keeps the others from its chores.
  static let term: Duration = .seconds(60)
  /// How often a claim is renewed while its work goes on.
  static let renewalInterval: Duration = .seconds(20)
  /// How often one who was refused asks again, at the least.
  static let retryInterval: Duration = .seconds(5)

  private let database: any Database
  private let holder: String
  private let time: any TimeSource

  init(database: any Database, time: any TimeSource, random: any RandomSource = SystemRandom()) {
    self.database = database
    self.time = time
    holder = random.hexadecimal(byteCount: 8)
  }

  /// Does one step of a chore, if no other replica is at it. Where only this process uses the database, nobody is asked.
  ///
  /// - Parameter step: answers how long the chore may rest.
  /// - Returns: how long to wait before asking again.
  func doing(_ chore: String, _ step: () async throws -> Duration) async throws -> Duration {
    guard database.isShared else { return try await step() }
    guard try await claim(chore) else { return Self.retryInterval }
    let rest: Duration
    do {
      rest = try await renewing(chore, step)
    } catch {
      try? await release(chore, for: .zero)  // The step's error is the one to tell; the claim runs out by itself.
      throw error
    }
    if rest >= Self.retryInterval { try await release(chore, for: rest) }
    return min(rest, Self.retryInterval)
  }

  private func renewing(_ chore: String, _ step: () async throws -> Duration) async throws -> Duration {
    let renewal = Task {
      while !Task.isCancelled {
        try await time.sleep(for: Self.renewalInterval)
        // One that fails is followed by another before the term is over.
        _ = try? await claim(chore)
      }
    }
    defer { renewal.cancel() }
    return try await step()
  }

  private func claim(_ chore: String) async throws -> Bool {
    let holder = holder
    return try await database.write { transaction in
      try transaction.claimChore(chore, holder: holder, until: transaction.now + Self.term)
    }
  }

  private func release(_ chore: String, for rest: Duration) async throws {
    let holder = holder
    try await database.write { transaction in
      try transaction.releaseChore(chore, holder: holder, nextAt: transaction.now + rest)
    }
  }
}
