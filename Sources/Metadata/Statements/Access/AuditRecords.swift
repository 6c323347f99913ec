public import Ground

/// Who asks, from where and with what: as it is recorded of everything that they do.
public struct Origin: Sendable, Hashable {
  /// The name of an account, `anonymous`, `berth` for upkeep, or whom an issuer of CI says it is.
  public let actor: String
  /// The kind and the id of what was shown: `password`, `token 1f3a…`, `certificate`, `none`.
  public let credential: String
  /// The client's address; empty when nobody asked over the network.
  public let address: String
  public let requestID: String

  /// Names that somebody made up are cleaned: see ``PlainText``.
  public init(actor: String, credential: String = "none", address: String = "", requestID: String = "") {
    self.actor = PlainText.cleaned(actor)
    self.credential = PlainText.cleaned(credential)
    self.address = address
    self.requestID = requestID
  }

  /// Somebody who showed no credential.
  public static let anonymous = Origin(actor: "anonymous")
  /// Berth itself: collection and other upkeep.
  public static let system = Origin(actor: "berth")
}

/// Something that was done, or refused.
public struct AuditEntry: Sendable, Hashable {
  public enum Outcome: String, Sendable { case done, refused, failed }

  /// Such as `login`, `push`, `tag.move`; see docs/access.md.
  public let kind: String
  public let outcome: Outcome
  public let origin: Origin
  /// What `target` belongs to; nil: nothing that anybody but the site owns.
  public let namespace: String?
  /// What it was done to, as a person would write it.
  public let target: String
  /// A JSON object with whatever else is worth knowing.
  public let detail: String
  /// Nil: the time of the transaction.
  public let at: Timestamp?

  /// What somebody made up of `target` is cleaned: see ``PlainText``.
  public init(
    _ kind: String, _ outcome: Outcome = .done, by origin: Origin, namespace: String? = nil, target: String,
    detail: String = "{}", at: Timestamp? = nil
  ) {
    assert(Self.kinds.contains(kind), "no kind of record is called \(kind)")
    self.kind = kind
    self.outcome = outcome
    self.origin = origin
    self.namespace = namespace
    self.target = PlainText.cleaned(target)
    self.detail = detail
    self.at = at
  }
}

/// A record of the audit log.
public struct AuditRecord: Sendable, Hashable {
  public let id: Int64
  public let kind: String
  public let outcome: String
  public let actor: String
  public let credential: String
  public let address: String
  public let namespace: String?
  public let target: String
  public let detail: String
  public let requestID: String
  public let at: Timestamp
  /// Its place in the chain, from 1; nil until it joins.
  public let position: Int64?
  public let contentHash: String?
  public let chainHash: String?

  /// Retention took what it said, and left its place in the chain.
  public var isTrimmed: Bool { kind == AuditRecord.trimmedKind }
  static let trimmedKind = "trimmed"
}

/// Which records are asked for.
public struct AuditFilter: Sendable {
  public var kind: String?
  public var actor: String?
  public var namespace: String?
  public var outcome: String?
  public var since: Timestamp?
  public var until: Timestamp?
  public init() {}
}

extension Row {
  fileprivate func auditRecord() -> AuditRecord {
    AuditRecord(
      id: integer(0), kind: text(1), outcome: text(2), actor: text(3), credential: text(4), address: text(5),
      namespace: optionalText(6), target: text(7), detail: text(8), requestID: text(9), at: timestamp(10),
      position: isNull(11) ? nil : integer(11), contentHash: optionalText(12), chainHash: optionalText(13))
  }
}

extension Reading where Self: ~Copyable {
  /// A page of records.
  ///
  /// - Parameters:
  ///   - cursor: with `newestFirst`, the id of the last one that was seen, and 0 begins with the newest; else the place in the
  ///     chain of the last one that was seen: records join the chain in the order in which they are committed, so that who
  ///     follows it misses none.
  public func auditRecords(
    _ filter: AuditFilter, after cursor: Int64, newestFirst: Bool, limit: Int
  ) throws -> [AuditRecord] {
    let since = filter.since?.microseconds ?? 0
    let until = filter.until?.microseconds ?? Int64.max
    if newestFirst {
      let page = Transaction.newestRecords(filter, before: cursor == 0 ? Int64.max : cursor, limit: limit)
      return try all(page) { $0.auditRecord() }
    }
    return try all(
      """
      SELECT id, kind, outcome, actor, credential, address, namespace, target, detail, request_id, at, position,
        content_hash, chain_hash
      FROM audit_record WHERE position > \(cursor) AND at >= \(since) AND at < \(until) AND kind <> 'trimmed'
        AND kind = COALESCE(\(filter.kind), kind) AND actor = COALESCE(\(filter.actor), actor)
        AND outcome = COALESCE(\(filter.outcome), outcome)
        AND COALESCE(namespace, '') = COALESCE(\(filter.namespace), namespace, '')
      ORDER BY position LIMIT \(limit)
      """
    ) { $0.auditRecord() }
  }

  /// Records that are in the chain, in its order.
  public func chainedRecords(after position: Int64, limit: Int) throws -> [AuditRecord] {
    try all(
      """
      SELECT id, kind, outcome, actor, credential, address, namespace, target, detail, request_id, at, position,
        content_hash, chain_hash
      FROM audit_record WHERE position > \(position) ORDER BY position LIMIT \(limit)
      """
    ) { $0.auditRecord() }
  }

  /// Records that are not in the chain yet, in the order in which they came.
  public func unchainedRecords(limit: Int) throws -> [AuditRecord] {
    try all(
      """
      SELECT id, kind, outcome, actor, credential, address, namespace, target, detail, request_id, at, position,
        content_hash, chain_hash
      FROM audit_record WHERE position IS NULL ORDER BY id LIMIT \(limit)
      """
    ) { $0.auditRecord() }
  }

  /// The last link of the chain; nil while there is none.
  public func auditChainEnd() throws -> (position: Int64, hash: String)? {
    try first("SELECT position, chain_hash FROM audit_record WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1")
    {
      (position: $0.integer(0), hash: $0.text(1))
    }
  }
}

extension Transaction {
  /// Records with ids below a number, the highest first.
  ///
  /// - Cost: of a namespace or an actor, the entries of its index down to the last of the page. A kind is asked of each record: by its
  ///   own index all pulls would be sorted first.
  static func newestRecords(_ filter: AuditFilter, before end: Int64, limit: Int) -> SQL {
    let namespace: SQL = filter.namespace.map { $0.isEmpty ? "AND namespace IS NULL" : "AND namespace = \($0)" } ?? ""
    let actor: SQL = filter.actor.map { "AND actor = \($0)" } ?? ""
    return """
      SELECT id, kind, outcome, actor, credential, address, namespace, target, detail, request_id, at, position,
        content_hash, chain_hash
      FROM audit_record WHERE id < \(end) \(namespace) \(actor) AND kind <> 'trimmed'
        AND at >= \(filter.since?.microseconds ?? 0) AND at < \(filter.until?.microseconds ?? Int64.max)
        AND kind = COALESCE(\(filter.kind), kind) AND outcome = COALESCE(\(filter.outcome), outcome)
      ORDER BY id DESC LIMIT \(limit)
      """
  }

  /// Records what this transaction does; it joins the chain of hashes a moment later. Run again because the answer to its commit
  /// was lost, it looks first whether that is recorded.
  ///
  /// - Parameter mayBeRecorded: by a transaction before, whose outcome nobody knows.
  public func record(_ entry: AuditEntry, mayBeRecorded: Bool = false) throws {
    let origin = entry.origin
    if isRepeat || mayBeRecorded, try isRecorded(entry) { return }
    try enqueue(
      """
      INSERT INTO audit_record (kind, outcome, actor, credential, address, namespace, target, detail, request_id, at)
      VALUES (\(entry.kind), \(entry.outcome.rawValue), \(origin.actor), \(origin.credential), \(origin.address),
        \(entry.namespace), \(entry.target), \(entry.detail), \(origin.requestID), \(entry.at ?? now))
      """)
  }

  /// How long ago a run before was, at the most: far more than anybody goes on trying.
  private static let repeatLimit: Duration = .seconds(3600)

  /// Whether the run before recorded it. What was gathered in memory is known by all that it says. What a request did is known by
  /// the request: told again it may say other things, such as that a manifest is not new. What neither is, looks for itself.
  private func isRecorded(_ entry: AuditEntry) throws -> Bool {
    let origin = entry.origin
    guard entry.at != nil || !origin.requestID.isEmpty else { return false }
    let detail = entry.at == nil ? nil : entry.detail
    return try number(
      """
      SELECT COUNT(*) FROM audit_record
      WHERE kind = \(entry.kind) AND at >= \(entry.at ?? now - Self.repeatLimit)
        AND at <= \(entry.at ?? Timestamp(microseconds: .max)) AND request_id = \(origin.requestID)
        AND actor = \(origin.actor) AND target = \(entry.target) AND outcome = \(entry.outcome.rawValue)
        AND detail = COALESCE(\(detail), detail)
      """) > 0
  }

  /// Lets one transaction at a time lengthen the chain.
  public func lockAuditChain() throws {
    try enqueue(
      "INSERT INTO chore (name, holder, held_until, next_at) VALUES ('audit-chain', '', 0, 0) ON CONFLICT (name) DO NOTHING"
    )
    _ = try all("SELECT name FROM chore WHERE name = 'audit-chain' {LOCK}") { $0.text(0) }
  }

  public func chain(_ record: Int64, position: Int64, contentHash: String, chainHash: String) throws {
    try enqueue(
      """
      UPDATE audit_record SET position = \(position), content_hash = \(contentHash), chain_hash = \(chainHash)
      WHERE id = \(record) AND position IS NULL
      """)
  }

  /// Takes what old records say, and leaves their links in the chain. Answers how many.
  public func trimAudit(kind: String, before moment: Timestamp, limit: Int) throws -> Int {
    try execute(
      """
      UPDATE audit_record SET kind = 'trimmed', outcome = '', actor = '', credential = '', address = '', namespace = NULL,
        target = '', detail = '', request_id = ''
      WHERE id IN (
        SELECT id FROM audit_record WHERE kind = \(kind) AND at < \(moment) AND position IS NOT NULL
        ORDER BY at LIMIT \(limit))
      """)
  }

  /// Removes the links at the beginning of the chain that say nothing any more, but for the last of them, which the chain
  /// then begins with.
  public func dropTrimmedAudit(limit: Int) throws -> Int {
    try execute(
      """
      DELETE FROM audit_record WHERE position < (
        SELECT COALESCE(
          (SELECT MIN(position) FROM audit_record WHERE position IS NOT NULL AND kind <> 'trimmed'),
          (SELECT MAX(position) FROM audit_record WHERE position IS NOT NULL)) - 1)
        AND id IN (SELECT id FROM audit_record WHERE kind = 'trimmed' ORDER BY position LIMIT \(limit))
      """)
  }
}
