import Ground
import Metadata
import OCI
import Synchronization

/// The keys that sign what the token endpoint gives out: made at the first start, kept in the database, published.
///
/// A key that was retired still verifies until the last token that it may have signed has expired.
final class SigningKeys: Sendable {
  private let database: any Database
  private let random: any RandomSource
  private let state = Mutex<State>(State())

  private struct State {
    var revision: Int64 = -1
    var keys: [PrivateKey] = []
  }

  init(database: any Database, random: any RandomSource) {
    self.database = database
    self.random = random
  }

  /// Makes the first key where there is none.
  func prepare() async throws {
    if try await database.read({ try $0.signingKeys().isEmpty }) { _ = try await insert(retiringOthers: false) }
    try await load(revision: -1)
  }

  /// Makes a new key, which signs from now on. The others go on verifying.
  func rotate(forgettingAfter lifetime: Duration, by origin: Origin) async throws -> String {
    try await insert(retiringOthers: true, lifetime: lifetime, by: origin)
  }

  private func insert(
    retiringOthers: Bool, lifetime: Duration = .zero, by origin: Origin = .system
  ) async throws -> String {
    let id = random.hexadecimal(byteCount: 8)
    let der = try PrivateKey.generate()
    return try await database.write { transaction in
      // Two replicas that start at the same time make one key: the first. The other one waits here until that is committed.
      try transaction.accessChanges()
      if !retiringOthers, let first = try transaction.signingKeys().first { return first.id }
      try transaction.insertSigningKey(id: id, privateKey: der)
      if retiringOthers { try transaction.retireSigningKeys(but: id, forgettingBefore: transaction.now - lifetime) }
      try transaction.record(AuditEntry("key.rotate", by: origin, target: id))
      return id
    }
  }

  /// Reads the keys, unless those of this revision are known.
  func load(revision: Int64) async throws {
    if revision >= 0 && state.withLock({ $0.revision == revision }) { return }
    let records = try await database.read { try $0.signingKeys() }
    let known = state.withLock { $0.keys }
    // Those that sign first; then the newest first.
    let ordered = records.filter { $0.retiredAt == nil } + records.filter { $0.retiredAt != nil }
    let keys = try ordered.map { record in
      try known.first { $0.id == record.id } ?? PrivateKey(id: record.id, der: record.privateKey)
    }
    state.withLock { $0 = State(revision: revision, keys: keys) }
  }

  /// The one that signs.
  func signer() throws -> PrivateKey {
    guard let key = state.withLock({ $0.keys.first }) else { throw PrivateKey.Unusable() }
    return key
  }

  func key(_ id: String) -> PublicKey? { state.withLock { $0.keys.first { $0.id == id }?.publicKey } }

  /// What is published at `/.well-known/jwks.json` (RFC 7517, section 5).
  var published: JSONValue { ["keys": .array(state.withLock { $0.keys.map(\.jwk) })] }
}
