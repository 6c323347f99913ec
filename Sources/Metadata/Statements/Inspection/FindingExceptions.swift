public import Ground

/// A risk that somebody takes until a day.
public struct FindingException: Sendable, Hashable {
  public let id: Int64
  public let namespace: String
  /// Of repositories below the namespace; empty: all.
  public let pattern: String
  /// Empty: any.
  public let vulnerability: String
  /// The name of a package; empty: any.
  public let package: String
  /// `name:tag`, which means what the tag points to when it is judged, or `name@digest`; empty: any.
  public let image: String
  /// Of a ``Rule``: it is about that, and not about findings. Empty: about findings.
  public let rule: String
  public let reason: String
  public let createdBy: String
  public let createdAt: Timestamp
  public let expiresAt: Timestamp
  public let endedBy: String?
  public let endedAt: Timestamp?

  /// What policies ask beside findings, as they name it.
  public enum Rule: String, Sendable, Hashable, CaseIterable {
    case unscanned, endOfLife, secret
  }

  public static let reasonLimitBytes = 1024
  /// So long before it ends it is told that it will.
  public static let noticeTerm: Duration = .seconds(7 * 86_400)

  /// In force, and about to end.
  public func isExpiring(at now: Timestamp) -> Bool {
    endedAt == nil && expiresAt > now && expiresAt <= now + Self.noticeTerm
  }
}

extension Row {
  fileprivate func exception() -> FindingException {
    FindingException(
      id: integer(0), namespace: text(1), pattern: text(2), vulnerability: text(3), package: text(4), image: text(11),
      rule: text(12), reason: text(5), createdBy: text(6), createdAt: timestamp(7), expiresAt: timestamp(8),
      endedBy: optionalText(9), endedAt: isNull(10) ? nil : timestamp(10))
  }
}

extension FindingException {
  fileprivate static let columns: SQL = """
    id, namespace, pattern, vulnerability, package, reason, created_by, created_at, expires_at, ended_by, ended_at,
      image, rule
    """
}

extension Reading where Self: ~Copyable {
  /// Exceptions of a namespace that are in force.
  public func exceptions(of namespace: String) throws -> [FindingException] {
    try all(
      """
      SELECT \(FindingException.columns) FROM finding_exception
      WHERE namespace = \(namespace) AND expires_at > \(now) AND ended_at IS NULL ORDER BY id
      """
    ) { $0.exception() }
  }

  /// All exceptions of a namespace, the newest first, also those that have ended.
  public func allExceptions(of namespace: String, before id: Int64, limit: Int) throws -> [FindingException] {
    try all(
      """
      SELECT \(FindingException.columns) FROM finding_exception
      WHERE namespace = \(namespace) AND (id < \(id) OR \(id) = 0) ORDER BY id DESC LIMIT \(limit)
      """
    ) { $0.exception() }
  }

  public func exception(_ id: Int64, of namespace: String) throws -> FindingException? {
    try first(
      "SELECT \(FindingException.columns) FROM finding_exception WHERE id = \(id) AND namespace = \(namespace)"
    ) { $0.exception() }
  }
}

extension Transaction {
  /// Answers the new exception's number.
  public func createException(
    namespace: String, pattern: String, vulnerability: String, package: String, image: String = "",
    rule: FindingException.Rule? = nil, reason: String, by actor: String, until expiry: Timestamp
  ) throws -> Int64 {
    try number(
      """
      INSERT INTO finding_exception (namespace, pattern, vulnerability, package, image, rule, reason, created_by,
        created_at, expires_at)
      VALUES (\(namespace), \(pattern), \(vulnerability.storable(limitBytes: AdvisoryRecord.nameLimitBytes)),
        \(package.storable(limitBytes: PackageRecord.textLimitBytes)), \(image), \(rule?.rawValue ?? ""),
        \(reason.storable(limitBytes: FindingException.reasonLimitBytes)), \(actor), \(now), \(expiry)) RETURNING id
      """)
  }

  /// Answers whether it was in force.
  public func endException(_ id: Int64, of namespace: String, by actor: String) throws -> Bool {
    try execute(
      """
      UPDATE finding_exception SET ended_by = \(actor), ended_at = \(now)
      WHERE id = \(id) AND namespace = \(namespace) AND ended_at IS NULL AND expires_at > \(now)
      """) > 0
  }

  /// Exceptions in force that end within ``FindingException/noticeTerm`` and of which that was not told; it is told from now on.
  public func announceExpiringExceptions(limit: Int) throws -> [FindingException] {
    let due = try all(
      """
      SELECT \(FindingException.columns) FROM finding_exception
      WHERE announced_at IS NULL AND ended_at IS NULL AND expires_at > \(now)
        AND expires_at <= \(now + FindingException.noticeTerm)
      ORDER BY expires_at, id LIMIT \(limit)
      """
    ) { $0.exception() }
    return try due.filter { exception in
      // Of two processes at once, one tells.
      try execute(
        "UPDATE finding_exception SET announced_at = \(now) WHERE id = \(exception.id) AND announced_at IS NULL") > 0
    }
  }
}
