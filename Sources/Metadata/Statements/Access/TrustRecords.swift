public import Ground

/// Whom a namespace trusts without a stored secret.
public struct TrustRuleRecord: Sendable, Hashable {
  public let id: Int64
  public let namespace: String
  public let name: String
  public let issuer: String
  /// Nil: this registry's own name.
  public let audience: String?
  /// A JSON object of texts: claims and the patterns that they must match.
  public let claims: String
  public let pattern: String
  public let role: String
  public let lifetimeSeconds: Int64
  public let createdBy: String
  public let createdAt: Timestamp

  public init(
    id: Int64 = 0, namespace: String, name: String, issuer: String, audience: String?, claims: String, pattern: String,
    role: String, lifetimeSeconds: Int64, createdBy: String, createdAt: Timestamp = .distantPast
  ) {
    self.id = id
    self.namespace = namespace
    self.name = name
    self.issuer = issuer
    self.audience = audience
    self.claims = claims
    self.pattern = pattern
    self.role = role
    self.lifetimeSeconds = lifetimeSeconds
    self.createdBy = createdBy
    self.createdAt = createdAt
  }
}

/// A client certificate that stands for a robot.
public struct CertificateRuleRecord: Sendable, Hashable {
  public let id: Int64
  public let robot: String
  public let field: String
  public let value: String
}

/// A login that began at a terminal.
public struct DeviceLoginRecord: Sendable, Hashable {
  public let userCode: String
  public let client: String
  public let account: AccountID?
  public let isDenied: Bool
  public let polledAt: Timestamp
  public let expiresAt: Timestamp
}

extension Row {
  fileprivate func trustRule() -> TrustRuleRecord {
    TrustRuleRecord(
      id: integer(0), namespace: text(1), name: text(2), issuer: text(3), audience: optionalText(4), claims: text(5),
      pattern: text(6), role: text(7), lifetimeSeconds: integer(8), createdBy: text(9), createdAt: timestamp(10))
  }
}

extension Reading where Self: ~Copyable {
  /// The rules that trust an issuer. More than a registry has reason to have are not looked at.
  public func trustRules(of issuer: String, limit: Int) throws -> [TrustRuleRecord] {
    try all(
      """
      SELECT id, namespace, name, issuer, audience, claims, pattern, role, lifetime_seconds, created_by, created_at
      FROM trust_rule WHERE issuer = \(issuer) ORDER BY id LIMIT \(limit)
      """
    ) { $0.trustRule() }
  }

  public func trustRules(on namespace: String, after name: String, limit: Int) throws -> [TrustRuleRecord] {
    try all(
      """
      SELECT id, namespace, name, issuer, audience, claims, pattern, role, lifetime_seconds, created_by, created_at
      FROM trust_rule WHERE namespace = \(namespace) AND name > \(name) ORDER BY name LIMIT \(limit)
      """
    ) { $0.trustRule() }
  }

  /// A page of the rules of all namespaces in the order in which they were made.
  public func trustRules(after id: Int64, limit: Int) throws -> [TrustRuleRecord] {
    try all(
      """
      SELECT id, namespace, name, issuer, audience, claims, pattern, role, lifetime_seconds, created_by, created_at
      FROM trust_rule WHERE id > \(id) ORDER BY id LIMIT \(limit)
      """
    ) { $0.trustRule() }
  }

  public func trustRule(_ id: Int64) throws -> TrustRuleRecord? {
    try first(
      """
      SELECT id, namespace, name, issuer, audience, claims, pattern, role, lifetime_seconds, created_by, created_at
      FROM trust_rule WHERE id = \(id)
      """
    ) { $0.trustRule() }
  }

  /// The robot that a certificate stands for.
  public func account(certificate field: String, _ value: String) throws -> AccountID? {
    try first("SELECT account_id FROM certificate_rule WHERE field = \(field) AND value = \(value)") {
      AccountID(value: $0.integer(0))
    }
  }

  public func certificateRules(of robot: AccountID) throws -> [CertificateRuleRecord] {
    try all(
      """
      SELECT c.id, a.name, c.field, c.value FROM certificate_rule c JOIN account a ON a.id = c.account_id
      WHERE c.account_id = \(robot) ORDER BY c.id
      """
    ) { CertificateRuleRecord(id: $0.integer(0), robot: $0.text(1), field: $0.text(2), value: $0.text(3)) }
  }

  public func deviceLogin(hash: String) throws -> DeviceLoginRecord? {
    try first(
      """
      SELECT user_code, client, account_id, is_denied, polled_at, expires_at FROM device_login WHERE device_hash = \(hash)
      """
    ) { $0.deviceLogin() }
  }

  public func deviceLogin(userCode: String) throws -> DeviceLoginRecord? {
    try first(
      """
      SELECT user_code, client, account_id, is_denied, polled_at, expires_at FROM device_login
      WHERE user_code = \(userCode)
      """
    ) { $0.deviceLogin() }
  }
}

extension Row {
  fileprivate func deviceLogin() -> DeviceLoginRecord {
    DeviceLoginRecord(
      userCode: text(0), client: text(1), account: isNull(2) ? nil : AccountID(value: integer(2)),
      isDenied: integer(3) != 0, polledAt: timestamp(4), expiresAt: timestamp(5))
  }
}

extension Transaction {
  /// Answers false when the namespace has a rule of this name.
  public func insertTrustRule(_ rule: TrustRuleRecord) throws -> Bool {
    try accessChanges()
    return try execute(
      """
      INSERT INTO trust_rule (namespace, name, issuer, audience, claims, pattern, role, lifetime_seconds, created_by,
        created_at)
      VALUES (\(rule.namespace), \(rule.name), \(rule.issuer), \(rule.audience), \(rule.claims), \(rule.pattern),
        \(rule.role), \(rule.lifetimeSeconds), \(rule.createdBy), \(now))
      ON CONFLICT DO NOTHING
      """) == 1
  }

  /// Answers false when there is no such rule.
  public func deleteTrustRule(named name: String, on namespace: String) throws -> Bool {
    try accessChanges()
    return try execute("DELETE FROM trust_rule WHERE namespace = \(namespace) AND name = \(name)") == 1
  }

  /// Answers false when the certificate stands for somebody already.
  public func insertCertificateRule(_ robot: AccountID, field: String, value: String) throws -> Bool {
    try accessChanges()
    return try execute(
      """
      INSERT INTO certificate_rule (account_id, field, value, created_at) VALUES (\(robot), \(field), \(value), \(now))
      ON CONFLICT DO NOTHING
      """) == 1
  }

  public func deleteCertificateRule(_ id: Int64, of robot: AccountID) throws -> Bool {
    try accessChanges()
    return try execute("DELETE FROM certificate_rule WHERE id = \(id) AND account_id = \(robot)") == 1
  }

  /// Answers false when the code is in use.
  public func insertDeviceLogin(
    hash: String, userCode: String, client: String, expiresAt: Timestamp
  ) throws -> Bool {
    try execute(
      """
      INSERT INTO device_login (device_hash, user_code, client, account_id, is_denied, polled_at, expires_at)
      VALUES (\(hash), \(userCode), \(client), NULL, 0, 0, \(expiresAt)) ON CONFLICT DO NOTHING
      """) == 1
  }

  /// Says yes or no to a login that waits. Answers false when there is none.
  public func answerDeviceLogin(userCode: String, account: AccountID?) throws -> Bool {
    try execute(
      """
      UPDATE device_login SET account_id = \(account), is_denied = \(account == nil)
      WHERE user_code = \(userCode) AND account_id IS NULL AND is_denied = 0 AND expires_at > \(now)
      """) == 1
  }

  public func notePolled(deviceHash: String) throws {
    try enqueue("UPDATE device_login SET polled_at = \(now) WHERE device_hash = \(deviceHash)")
  }

  /// Ends a device login. Answers false when another request did.
  public func deleteDeviceLogin(hash: String) throws -> Bool {
    try execute("DELETE FROM device_login WHERE device_hash = \(hash)") == 1
  }
}
