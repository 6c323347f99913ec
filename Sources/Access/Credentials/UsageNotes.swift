import Ground
import Metadata
import Synchronization

/// When accounts and tokens were last used: gathered in memory and written now and then. A crash loses the last of it.
final class UsageNotes: Sendable {
  static let entryLimit = 20_000

  private struct State {
    var accounts: [AccountID: Timestamp] = [:]
    var tokens: [String: Timestamp] = [:]
  }
  private let state = Mutex(State())

  func seen(_ account: AccountID, at moment: Timestamp) {
    state.withLock { state in
      if state.accounts.count < Self.entryLimit || state.accounts[account] != nil { state.accounts[account] = moment }
    }
  }

  func used(_ token: String, by account: AccountID, at moment: Timestamp) {
    seen(account, at: moment)
    state.withLock { state in
      if state.tokens.count < Self.entryLimit || state.tokens[token] != nil { state.tokens[token] = moment }
    }
  }

  /// Writes what was gathered.
  func flush(_ database: any Database) async throws {
    let taken = state.withLock { state in
      defer { state = State() }
      return state
    }
    guard !taken.accounts.isEmpty || !taken.tokens.isEmpty else { return }
    try await database.write { transaction in
      try transaction.noteSeen(taken.accounts)
      try transaction.noteUsed(taken.tokens)
    }
  }
}
