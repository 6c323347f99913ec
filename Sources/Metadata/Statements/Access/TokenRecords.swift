public import Ground

/// A secret that was given out, as far as it is kept: its hash, and what it may at most.
public struct TokenRecord: Sendable, Hashable {
  public let id: String
  public let account: AccountID
  /// personal, robot, refresh, session
  public let kind: String
  public let name: String
  /// JSON; nil: whatever the account may.
  public let scope: String?
  public let parent: String?
  /// The account's epoch when it was given for a password or a single sign-on; nil: it does not end with those.
  public let epoch: Int64?
  public let expiresAt: Timestamp?
  public let usedAt: Timestamp
  public let createdAt: Timestamp
  /// Who made a robot's, as far as is known: a person, or a robot and whoever made that.
  public let madeBy: Set<String>

  public init(
    id: String, account: AccountID, kind: String, name: String, scope: String? = nil, parent: String? = nil,
    epoch: Int64? = nil, expiresAt: Timestamp? = nil, usedAt: Timestamp = .distantPast,
    createdAt: Timestamp = .distantPast, madeBy: Set<String> = []
  ) {
    self.madeBy = madeBy
    self.id = id
    self.account = account
    self.kind = kind
    self.name = name
    self.scope = scope
    self.parent = parent
    self.epoch = epoch
    self.expiresAt = expiresAt
    self.usedAt = usedAt
    self.createdAt = createdAt
  }
}

/// A key that signs tokens, or did.
public struct SigningKeyRecord: Sendable, Hashable {
  public let id: String
  /// DER, as RFC 5915 says.
  public let privateKey: [UInt8]
  public let createdAt: Timestamp
  public let retiredAt: Timestamp?
}

extension Row {
  fileprivate func token() -> TokenRecord {
    TokenRecord(
      id: text(0), account: AccountID(value: integer(1)), kind: text(2), name: text(3), scope: optionalText(4),
      parent: optionalText(5), epoch: isNull(6) ? nil : integer(6), expiresAt: isNull(7) ? nil : timestamp(7),
      usedAt: timestamp(8), createdAt: timestamp(9), madeBy: names(10))
  }
}

extension Reading where Self: ~Copyable {
  public func token(_ id: String) throws -> TokenRecord? {
    try first(
      """
      SELECT id, account_id, kind, name, scope, parent, epoch, expires_at, used_at, created_at, made_by
      FROM token WHERE id = \(id)
      """
    ) { $0.token() }
  }

  /// - Parameter hash: SHA-256 of the secret, hexadecimal.
  public func token(hash: String) throws -> TokenRecord? {
    try first(
      """
      SELECT id, account_id, kind, name, scope, parent, epoch, expires_at, used_at, created_at, made_by FROM token
      WHERE hash = \(hash)
      """
    ) { $0.token() }
  }

  /// The tokens of an account that people see: not those that clients got for a login.
  public func tokens(of account: AccountID, after id: String, limit: Int) throws -> [TokenRecord] {
    try all(
      """
      SELECT id, account_id, kind, name, scope, parent, epoch, expires_at, used_at, created_at, made_by FROM token
      WHERE account_id = \(account) AND id > \(id) AND kind IN ('personal', 'robot') ORDER BY id LIMIT \(limit)
      """
    ) { $0.token() }
  }

  public func tokenCount(of account: AccountID) throws -> Int {
    Int(try number("SELECT COUNT(*) FROM token WHERE account_id = \(account) AND kind IN ('personal', 'robot')"))
  }

  public func signingKeys() throws -> [SigningKeyRecord] {
    try all("SELECT id, private_key, created_at, retired_at FROM signing_key ORDER BY created_at DESC, id") {
      SigningKeyRecord(
        id: $0.text(0), privateKey: $0.bytes(1), createdAt: $0.timestamp(2),
        retiredAt: $0.isNull(3) ? nil : $0.timestamp(3))
    }
  }
}

extension Transaction {
  /// Keeps a token by the hash of its secret.
  ///
  /// A new token changes nothing that anybody remembers, so memory need not be forgotten.
  public func insertToken(_ token: TokenRecord, hash: String) throws {
    try enqueue(
      """
      INSERT INTO token (id, account_id, kind, name, hash, scope, parent, epoch, expires_at, used_at, created_at, made_by)
      VALUES (\(token.id), \(token.account), \(token.kind), \(token.name), \(hash), \(token.scope), \(token.parent),
        \(token.epoch), \(token.expiresAt), 0, \(now), \(storedNames(token.madeBy)))
      ON CONFLICT DO NOTHING
      """)
  }

  /// Ends the oldest tokens of a kind that an account has beyond a number.
  public func keepNewestTokens(of account: AccountID, kind: String, count: Int) throws {
    let removed = try execute(
      """
      DELETE FROM token WHERE account_id = \(account) AND kind = \(kind) AND id NOT IN (
        SELECT id FROM token WHERE account_id = \(account) AND kind = \(kind)
        ORDER BY created_at DESC, id LIMIT \(count))
      """)
    if removed > 0 { try accessChanges() }
  }

  /// Revokes a token, and what was had for it.
  public func deleteToken(_ id: String) throws {
    try accessChanges()
    try enqueue("DELETE FROM token WHERE parent = \(id)")
    try enqueue("DELETE FROM token WHERE id = \(id)")
  }

  /// Removes what expired before a moment: at most `limit` of them. Answers how many.
  public func deleteExpiredTokens(before moment: Timestamp, limit: Int) throws -> Int {
    let removed = try execute(
      """
      DELETE FROM token WHERE id IN (SELECT id FROM token WHERE expires_at < \(moment) ORDER BY expires_at LIMIT \(limit))
      """)
    if removed > 0 { try accessChanges() }
    try enqueue("DELETE FROM device_login WHERE expires_at < \(moment)")
    return removed
  }

  /// Notes when tokens were last used: a statistic, written in batches.
  public func noteUsed(_ tokens: [String: Timestamp]) throws {
    for (id, moment) in tokens.sorted(by: { $0.key < $1.key }) {
      try enqueue("UPDATE token SET used_at = \(moment) WHERE id = \(id) AND used_at < \(moment)")
    }
  }

  public func insertSigningKey(id: String, privateKey: [UInt8]) throws {
    try accessChanges()
    try enqueue(
      """
      INSERT INTO signing_key (id, private_key, created_at, retired_at) VALUES (\(id), \(privateKey), \(now), NULL)
      ON CONFLICT DO NOTHING
      """)
  }

  /// Retires all keys but one, and forgets those that were retired before a moment.
  public func retireSigningKeys(but id: String, forgettingBefore moment: Timestamp) throws {
    try accessChanges()
    try enqueue("UPDATE signing_key SET retired_at = \(now) WHERE id <> \(id) AND retired_at IS NULL")
    try enqueue("DELETE FROM signing_key WHERE retired_at < \(moment)")
  }
}
