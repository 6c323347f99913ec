import Ground
import Metadata
import OCI
import Synchronization

/// An account as decisions see it.
struct AccountState: Sendable {
  struct Grant: Sendable {
    let id: Int64
    let pattern: RepositoryPattern
    let role: Role
    /// The team it comes through; nil: it is the account's own.
    let team: String?
  }

  let record: AccountRecord
  let siteRole: SiteRole?
  let teams: [String]
  /// By namespace.
  let grants: [String: [Grant]]

  var name: String { record.name }
}

/// A trust rule as decisions see it.
struct TrustRule: Sendable {
  let record: TrustRuleRecord
  let pattern: RepositoryPattern
  let role: Role
  let claims: [(name: String, pattern: String)]

  init?(_ record: TrustRuleRecord) {
    guard let pattern = RepositoryPattern(parsing: record.pattern), let role = Role(rawValue: record.role),
      let claims = (try? JSONValue.parse(record.claims))?.object
    else { return nil }
    self.record = record
    self.pattern = pattern
    self.role = role
    self.claims = claims.members.map { ($0.key, $0.value.string ?? "") }
  }

  /// It takes the jobs of strangers: it was made before a rule about an issuer that all share had to name an owner. It gives nothing.
  var takesEverybody: Bool {
    SharedIssuer.known.contains { $0.url == record.issuer && !$0.tellsOwner(claims.map { ($0.name, $0.pattern) }) }
  }
}

/// What this process remembers of who may do what, while the database says that nothing of it has changed.
///
/// Every transaction that changes it counts the revision on (``Transaction/accessChanges()``). Where this process alone writes,
/// it forgets after its own changes; where others write too, it asks for the number when it last did so longer than
/// ``bound`` ago, by itself (``refresh(force:)``) or along with what is read (``question()``). So a token that was revoked is
/// refused by every replica half a second later.
final class AccessMemory: Sendable {
  static let bound: Duration = .milliseconds(500)
  static let boundNanoseconds = bound.wholeMicroseconds * 1000
  static let entryLimit = 50_000

  let database: any Database
  private let time: any TimeSource
  private let liveSettings: Live<AccessSettings>
  private let accounts = BoundedCache<AccountID, AccountState>(costLimit: entryLimit)
  private let tokensByHash = BoundedCache<String, TokenRecord>(costLimit: entryLimit)
  private let tokensByID = BoundedCache<String, TokenRecord>(costLimit: entryLimit)
  private let namespaces = BoundedCache<String, Bool>(costLimit: entryLimit)
  private let rules = BoundedCache<Int64, TrustRule>(costLimit: entryLimit)
  /// The published keys and all that is derived from the revision elsewhere look at this number.
  private let known = Mutex<(number: Int64, checkedAt: Int64)>((-1, .min))

  init(database: any Database, time: any TimeSource, settings: Live<AccessSettings>) {
    self.database = database
    self.time = time
    liveSettings = settings
  }

  var settings: AccessSettings { liveSettings.value }

  /// What is remembered may be used without asking.
  var isFresh: Bool {
    guard database.isShared else { return known.withLock { $0.number >= 0 } }
    let oldest = time.monotonicNanoseconds - Self.boundNanoseconds
    return known.withLock { $0.number >= 0 && $0.checkedAt >= oldest }
  }

  /// Asks whether anything has changed, unless it was asked a moment ago.
  ///
  /// - Returns: the revision that what is remembered from now on is at least of.
  @discardableResult
  func refresh(force: Bool = false) async throws -> Int64 {
    if isFresh && !force { return known.withLock { $0.number } }
    let asked = time.monotonicNanoseconds
    let number = try await database.read { try $0.accessRevision() }
    learn(number, askedAt: asked)
    return number
  }

  /// Takes over what the revision was at a moment after `asked`.
  ///
  /// A lower number is a database that has lost commits, as a standby may that took over, or an answer that was overtaken by a
  /// later one: nothing here tells which. Of the first, what is remembered never was, and other changes will have its number;
  /// so everything is forgotten for both, and an overtaken answer costs reading it once more.
  func learn(_ number: Int64, askedAt asked: Int64) {
    known.withLock { known in
      if number == known.number {
        known.checkedAt = max(known.checkedAt, asked)
      } else {
        // Under the lock: who sees the new number must find nothing of the old one.
        forgetAll()
        known = (number, asked)
      }
    }
  }

  /// What is to be asked along by who uses what is remembered and is not fresh; nil where there is nothing to use, or all of it
  /// may be used unasked. To be taken before anything is looked up.
  func question() -> RightsQuestion? {
    guard !isFresh else { return nil }
    let revision = known.withLock { $0.number }
    return revision >= 0 ? RightsQuestion(self, revision: revision) : nil
  }

  var monotonicNanoseconds: Int64 { time.monotonicNanoseconds }

  /// To be called after a change by this process was committed, before anybody is told.
  func changed() async throws {
    forgetAll()
    try await refresh(force: true)
  }

  /// To be called after the settings were changed: what is remembered was judged by those before.
  func settingsChanged() { forgetAll() }

  private func forgetAll() {
    accounts.removeAll()
    tokensByHash.removeAll()
    tokensByID.removeAll()
    namespaces.removeAll()
    rules.removeAll()
  }

  // MARK: Accounts

  func accountAtHand(_ id: AccountID) -> AccountState? { accounts.value(for: id) }

  func account(_ id: AccountID) async throws -> AccountState? {
    if let known = accounts.value(for: id) { return known }
    let generation = accounts.generation
    let found = try await database.read { transaction -> AccountState? in
      guard let record = try transaction.account(id) else { return nil }
      return try self.state(of: record, transaction)
    }
    if let found { accounts.insert(found, for: id, cost: 1, since: generation) }
    return found
  }

  /// - Parameter countsAll: also by memberships that do not count, to tell what those would give.
  func state(
    of record: AccountRecord, countsAll: Bool = false, _ transaction: borrowing ReadTransaction
  ) throws -> AccountState {
    let memberships = try transaction.memberships(of: record.id)
    let teams = countsAll ? Set(memberships.map(\.team)) : settings.teams(memberships, of: record)
    var grants: [String: [AccountState.Grant]] = [:]
    for grant in try transaction.grants(of: record.id) where grant.team.map({ teams.contains($0) }) ?? true {
      guard let pattern = RepositoryPattern(parsing: grant.pattern), let role = Role(rawValue: grant.role) else {
        throw DatabaseError.corrupt("grant \(grant.id) is stored as \(grant.role) on \(grant.pattern)")
      }
      grants[grant.namespace, default: []].append(
        AccountState.Grant(id: grant.id, pattern: pattern, role: role, team: grant.team))
    }
    return AccountState(
      record: record, siteRole: record.siteRole.flatMap { SiteRole(rawValue: $0) },
      teams: teams.sorted(), grants: grants)
  }

  // MARK: Tokens

  func tokenAtHand(hash: String) -> TokenRecord? { tokensByHash.value(for: hash) }
  func tokenAtHand(id: String) -> TokenRecord? { tokensByID.value(for: id) }

  func token(hash: String) async throws -> TokenRecord? {
    if let known = tokensByHash.value(for: hash) { return known }
    let generation = tokensByHash.generation
    let found = try await database.read { try $0.token(hash: hash) }
    if let found { tokensByHash.insert(found, for: hash, cost: 1, since: generation) }
    return found
  }

  func token(id: String) async throws -> TokenRecord? {
    if let known = tokensByID.value(for: id) { return known }
    let generation = tokensByID.generation
    let found = try await database.read { try $0.token(id) }
    if let found { tokensByID.insert(found, for: id, cost: 1, since: generation) }
    return found
  }

  // MARK: Namespaces and rules

  func isPublicAtHand(_ namespace: String) -> Bool? { namespaces.value(for: namespace) }

  /// Whether everybody may pull from it. One that does not exist is not public.
  func isPublic(_ namespace: String) async throws -> Bool {
    if let known = namespaces.value(for: namespace) { return known }
    let generation = namespaces.generation
    let found = try await database.read { try $0.namespace(namespace)?.isPublic ?? false }
    namespaces.insert(found, for: namespace, cost: 1, since: generation)
    return found
  }

  func ruleAtHand(_ id: Int64) -> TrustRule? { rules.value(for: id) }

  func rule(_ id: Int64) async throws -> TrustRule? {
    if let known = rules.value(for: id) { return known }
    let generation = rules.generation
    let found = try await database.read { try $0.trustRule(id) }.flatMap { TrustRule($0) }
    if let found { rules.insert(found, for: id, cost: 1, since: generation) }
    return found
  }
}
