public import Ground
internal import OCI

/// The row key of an account.
public struct AccountID: Sendable, Hashable, SQLBindable {
  public let value: Int64
  public init(value: Int64) { self.value = value }
  public var sqlValue: SQLValue { .integer(value) }
}

/// A person or a robot.
public struct AccountRecord: Sendable, Hashable {
  public let id: AccountID
  public let name: String
  public let kind: String
  /// The namespace that a robot belongs to.
  public let namespace: String?
  /// As crypt(5) writes it; nil: no password lets anybody in.
  public let password: String?
  public let siteRole: String?
  public let isDisabled: Bool
  public let issuer: String?
  public let subject: String?
  public let epoch: Int64
  public let createdAt: Timestamp
  public let seenAt: Timestamp
  /// Who made a robot, as far as is known: a person, or a robot and whoever made that.
  public let madeBy: Set<String>
}

extension Row {
  fileprivate func account() -> AccountRecord {
    AccountRecord(
      id: AccountID(value: integer(0)), name: text(1), kind: text(2), namespace: optionalText(3),
      password: optionalText(4), siteRole: optionalText(5), isDisabled: integer(6) != 0, issuer: optionalText(7),
      subject: optionalText(8), epoch: integer(9), createdAt: timestamp(10), seenAt: timestamp(11),
      madeBy: names(12))
  }
}

extension Reading where Self: ~Copyable {
  public func account(_ id: AccountID) throws -> AccountRecord? {
    try first(
      """
      SELECT id, name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at, seen_at,
        made_by
      FROM account WHERE id = \(id)
      """
    ) { $0.account() }
  }

  public func account(named name: String) throws -> AccountRecord? {
    try first(
      """
      SELECT id, name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at, seen_at,
        made_by
      FROM account WHERE name = \(name)
      """
    ) { $0.account() }
  }

  /// Whom single sign-on knows by a subject of an issuer.
  public func account(issuer: String, subject: String) throws -> AccountRecord? {
    try first(
      """
      SELECT id, name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at, seen_at,
        made_by
      FROM account WHERE issuer = \(issuer) AND subject = \(subject)
      """
    ) { $0.account() }
  }

  /// A page of accounts of a kind, in the order of their names.
  public func accounts(kind: String, after name: String, limit: Int) throws -> [AccountRecord] {
    try all(
      """
      SELECT id, name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at, seen_at,
        made_by
      FROM account WHERE kind = \(kind) AND name > \(name) ORDER BY name LIMIT \(limit)
      """
    ) { $0.account() }
  }

  /// The robots of a namespace, in the order of their names.
  public func robots(of namespace: String, after name: String, limit: Int) throws -> [AccountRecord] {
    try all(
      """
      SELECT id, name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at, seen_at,
        made_by
      FROM account WHERE namespace = \(namespace) AND name > \(name) ORDER BY name LIMIT \(limit)
      """
    ) { $0.account() }
  }

  public func accountCount() throws -> Int { Int(try number("SELECT COUNT(*) FROM account")) }

  /// How many people are site admins and may log in.
  ///
  /// - Parameter issuers: those that people sign on with; nil: any.
  public func siteAdminCount(signingOnWith issuers: [String]?) throws -> Int {
    let list = issuers.map { JSONValue.array($0.map { .string($0) }).text }
    let signsOn: SQL =
      list.map { "issuer IN (SELECT value FROM {LIST}(CAST(\($0) AS {JSON})))" } ?? "issuer IS NOT NULL"
    return Int(
      try number(
        """
        SELECT COUNT(*) FROM account
        WHERE site_role = 'admin' AND is_disabled = 0 AND (password IS NOT NULL OR \(signsOn))
        """))
  }

  /// What memory of access holds for; see ``Transaction/accessChanges()``.
  public func accessRevision() throws -> Int64 { try laterAccessRevision().first() ?? 0 }

  /// The same, to be waited for together with what is asked next.
  public func laterAccessRevision() throws -> Later<Int64> {
    try later("SELECT number FROM access_revision WHERE id = 1") { $0.integer(0) }
  }
}

extension Transaction {
  /// Must be called by every transaction that changes who may do what: replicas forget what they remember.
  public func accessChanges() throws {
    try enqueue("UPDATE access_revision SET number = number + 1 WHERE id = 1")
  }

  /// Makes an account. Answers false when the name is taken.
  ///
  /// - Parameter makers: who made it, if it is a robot.
  public func insertAccount(
    name: String, kind: String, namespace: String? = nil, password: String? = nil, siteRole: String? = nil,
    issuer: String? = nil, subject: String? = nil, makers: Set<String> = []
  ) throws -> Bool {
    try accessChanges()
    return try execute(
      """
      INSERT INTO account (name, kind, namespace, password, site_role, is_disabled, issuer, subject, epoch, created_at,
        seen_at, made_by)
      VALUES (\(name), \(kind), \(namespace), \(password), \(siteRole), 0, \(issuer), \(subject), 1, \(now), 0,
        \(storedNames(makers)))
      ON CONFLICT DO NOTHING
      """) == 1
  }

  /// Sets a password, and ends everything that was had for the old one.
  public func setPassword(_ password: String?, of account: AccountID) throws {
    try accessChanges()
    try enqueue("UPDATE account SET password = \(password), epoch = epoch + 1 WHERE id = \(account)")
    try endLogins(of: account)
  }

  /// The same password under a better hash: nothing ends.
  public func replacePasswordHash(_ old: String, with new: String, of account: AccountID) throws {
    try enqueue("UPDATE account SET password = \(new) WHERE id = \(account) AND password = \(old)")
    try accessChanges()
  }

  public func setSiteRole(_ role: String?, of account: AccountID) throws {
    try accessChanges()
    try enqueue("UPDATE account SET site_role = \(role) WHERE id = \(account)")
  }

  /// Disables an account, which ends what it has, or enables it again.
  public func setDisabled(_ isDisabled: Bool, _ account: AccountID) throws {
    try accessChanges()
    try enqueue("UPDATE account SET is_disabled = \(isDisabled), epoch = epoch + 1 WHERE id = \(account)")
    if isDisabled { try endLogins(of: account) }
  }

  /// Ends everything that an account has for its password or its single sign-on, and its tokens: logins of `berth login` are
  /// such.
  public func logOutEverywhere(_ account: AccountID) throws {
    try accessChanges()
    try enqueue("UPDATE account SET epoch = epoch + 1 WHERE id = \(account)")
    try endLogins(of: account)
    try enqueue("DELETE FROM token WHERE account_id = \(account)")
  }

  private func endLogins(of account: AccountID) throws {
    try enqueue("DELETE FROM token WHERE account_id = \(account) AND epoch IS NOT NULL")
    try enqueue("DELETE FROM device_login WHERE account_id = \(account)")
  }

  /// Removes an account with its tokens, grants and memberships.
  public func deleteAccount(_ account: AccountID) throws {
    try accessChanges()
    try enqueue("DELETE FROM token WHERE account_id = \(account)")
    try enqueue("DELETE FROM access_grant WHERE account_id = \(account)")
    try enqueue("DELETE FROM team_member WHERE account_id = \(account)")
    try enqueue("DELETE FROM certificate_rule WHERE account_id = \(account)")
    try enqueue("DELETE FROM device_login WHERE account_id = \(account)")
    try enqueue("DELETE FROM account WHERE id = \(account)")
  }

  /// Notes when accounts were last seen: a statistic, written in batches.
  public func noteSeen(_ accounts: [AccountID: Timestamp]) throws {
    for (account, moment) in accounts.sorted(by: { $0.key.value < $1.key.value }) {
      try enqueue("UPDATE account SET seen_at = \(moment) WHERE id = \(account) AND seen_at < \(moment)")
    }
  }
}
