public import Ground
public import OCI

/// A change of what an environment runs, asked for or carried out.
public struct ReleaseRecord: Sendable, Hashable {
  public enum Kind: String, Sendable { case promotion, rollback }
  public enum State: String, Sendable, CaseIterable { case pending, applied, rejected, cancelled }

  public let id: Int64
  public let number: Int64
  public let kind: Kind
  public let state: State
  /// Its place in the order of carrying out; nil: it was not.
  public let sequence: Int64?
  public let effective: Int64?
  public let base: Int64?
  /// Of a rollback: the release that it goes back to.
  public let goal: Int64?
  public let requestedBy: String
  /// The trust rules that took the job which asked; empty: it was none.
  public let requestedRules: Set<String>
  /// Who made the robot that asked, or the token that it showed.
  public let requestedMakers: Set<String>
  public let reason: String?
  public let requestID: String
  public let bodyHash: String?
  public let requestedAt: Timestamp
  /// When it was carried out, rejected or cancelled.
  public let endedAt: Timestamp?
  /// What policies warned of when it was asked for, or else when it was carried out.
  public let warnings: [ReleaseWarning]

  /// All that stand behind the request; see ``ReleaseApproval/behind``.
  public var behind: Set<String> { sides(requestedBy, requestedRules, requestedMakers) }
}

/// What a policy warns of in an image that is released.
public struct ReleaseWarning: Sendable, Hashable {
  /// A short name for programs.
  public let rule: String
  /// As it was asked for.
  public let image: String
  public let message: String

  public init(rule: String, image: String, message: String) {
    self.rule = rule
    self.image = image
    self.message = message
  }

  /// `{"rule": …, "image": …, "message": …}`
  public var json: JSONValue { ["rule": .string(rule), "image": .string(image), "message": .string(message)] }

  fileprivate init(json: JSONValue) {
    self.init(
      rule: json["rule"]?.string ?? "", image: json["image"]?.string ?? "", message: json["message"]?.string ?? "")
  }
}

/// What a release changes in a repository.
public struct ReleaseImage: Sendable, Hashable {
  public let repository: RepositoryRow
  public let from: Digest?
  /// Nil: nothing runs there any more.
  public let to: Digest?
  /// As it was asked for: a tag, a digest, another environment, or `rollback`.
  public let source: String

  public init(repository: RepositoryRow, from: Digest?, to: Digest?, source: String) {
    self.repository = repository
    self.from = from
    self.to = to
    self.source = source
  }
}

public struct ReleaseApproval: Sendable, Hashable {
  public let actor: String
  /// The trust rules that took the job which agreed; empty: it was none.
  public let rules: Set<String>
  /// Who made the robot that agreed, or the token that it showed.
  public let makers: Set<String>
  public let comment: String?
  public let at: Timestamp

  /// All that stand behind it: the one who said so, who made it or its token, and `trust:NAME` of a job. Two that share one of
  /// them may be one person.
  public var behind: Set<String> { sides(actor, rules, makers) }
}

private func sides(_ actor: String, _ rules: Set<String>, _ makers: Set<String>) -> Set<String> {
  makers.union(rules.map { "trust:\($0)" }).union([actor])
}

/// A release that is asked for.
public struct ReleaseRequest: Sendable {
  public let kind: ReleaseRecord.Kind
  public let goal: Int64?
  public let reason: String?
  public let idempotencyKey: String?
  public let bodyHash: String?
  /// The trust rules that took the job which asks; empty: it is none.
  public let rules: Set<String>
  /// Who made the robot that asks, or the token that it showed.
  public let makers: Set<String>

  public init(
    _ kind: ReleaseRecord.Kind, goal: Int64? = nil, reason: String?, idempotencyKey: String?, bodyHash: String?,
    rules: Set<String> = [], makers: Set<String> = []
  ) {
    self.makers = makers
    self.kind = kind
    self.goal = goal
    self.rules = rules
    self.reason = reason
    self.idempotencyKey = idempotencyKey
    self.bodyHash = bodyHash
  }
}

extension Row {
  fileprivate func release() throws -> ReleaseRecord {
    func number(_ column: Int) -> Int64? { isNull(column) ? nil : integer(column) }
    guard let kind = ReleaseRecord.Kind(rawValue: text(2)), let state = ReleaseRecord.State(rawValue: text(3)) else {
      throw DatabaseError.corrupt("a release is stored as \(text(2)), \(text(3))")
    }
    return ReleaseRecord(
      id: integer(0), number: integer(1), kind: kind, state: state, sequence: number(4), effective: number(5),
      base: number(6), goal: number(7), requestedBy: text(8), requestedRules: names(15),
      requestedMakers: names(16), reason: optionalText(9),
      requestID: text(10), bodyHash: optionalText(11), requestedAt: timestamp(12),
      endedAt: isNull(13) ? nil : timestamp(13), warnings: try optionalText(14).map { try Self.warnings($0) } ?? [])
  }
}

extension Row {
  private static func warnings(_ text: String) throws -> [ReleaseWarning] {
    do { return (try JSONValue.parse(text).array ?? []).map(ReleaseWarning.init(json:)) } catch {
      throw DatabaseError.corrupt("the warnings of a release are stored as “\(text.prefix(200))”")
    }
  }
}

private let releaseColumns: SQL = """
  id, number, kind, state, sequence, effective, base, goal, requested_by, reason, request_id, body_hash, requested_at,
  ended_at, warnings, requested_rules, requested_makers
  """

extension Reading where Self: ~Copyable {
  /// Releases of an environment, the newest first.
  ///
  /// - Parameter before: only those with a smaller number; nil begins with the newest.
  public func releases(
    of environment: Int64, state: ReleaseRecord.State? = nil, before: Int64? = nil, limit: Int
  ) throws -> [ReleaseRecord] {
    try all(
      """
      SELECT \(releaseColumns) FROM environment_release
      WHERE environment_id = \(environment) AND number < \(before ?? Int64.max)
        AND state = COALESCE(\(state?.rawValue), state)
      ORDER BY number DESC LIMIT \(limit)
      """
    ) { try $0.release() }
  }

  public func release(_ number: Int64, of environment: Int64) throws -> ReleaseRecord? {
    try first(
      "SELECT \(releaseColumns) FROM environment_release WHERE environment_id = \(environment) AND number = \(number)"
    ) { try $0.release() }
  }

  public func release(withKey key: String, of environment: Int64) throws -> ReleaseRecord? {
    try first(
      """
      SELECT \(releaseColumns) FROM environment_release WHERE environment_id = \(environment) AND idempotency_key = \(key)
      """
    ) { try $0.release() }
  }

  /// What a release changes, in the order of repositories' names.
  public func images(of release: Int64) throws -> [ReleaseImage] {
    try all(
      """
      SELECT r.id, r.name, i.from_digest, i.to_digest, i.source
      FROM release_image i JOIN repository r ON r.id = i.repository_id WHERE i.release_id = \(release) ORDER BY r.name
      """
    ) { row in
      ReleaseImage(
        repository: try row.repositoryRow(0, 1), from: row.isNull(2) ? nil : try row.digest(2),
        to: row.isNull(3) ? nil : try row.digest(3), source: row.text(4))
    }
  }

  /// Who agreed, the first one first.
  public func approvals(of release: Int64) throws -> [ReleaseApproval] {
    try all(
      "SELECT actor, comment, at, rules, makers FROM release_approval WHERE release_id = \(release) ORDER BY at, actor"
    ) {
      ReleaseApproval(
        actor: $0.text(0), rules: $0.names(3), makers: $0.names(4), comment: $0.optionalText(1), at: $0.timestamp(2))
    }
  }
}

extension Transaction {
  /// Records a release that is asked for, as pending.
  ///
  /// - Precondition: the environment is locked.
  public func insertRelease(
    _ request: ReleaseRequest, of environment: Int64, images: [ReleaseImage], by origin: Origin
  ) throws -> ReleaseRecord {
    let number =
      try self.number("SELECT COALESCE(MAX(number), 0) FROM environment_release WHERE environment_id = \(environment)")
      + 1
    try enqueue(
      """
      INSERT INTO environment_release (environment_id, number, kind, state, goal, requested_by, reason, request_id,
        idempotency_key, body_hash, requested_at, requested_rules, requested_makers)
      VALUES (\(environment), \(number), \(request.kind.rawValue), 'pending', \(request.goal), \(origin.actor),
        \(request.reason), \(origin.requestID), \(request.idempotencyKey), \(request.bodyHash), \(now),
        \(storedNames(request.rules)), \(storedNames(request.makers)))
      """)
    guard let record = try release(number, of: environment) else {
      throw DatabaseError.corrupt("an insert answered no row")
    }
    try insert(images, of: record.id)
    return record
  }

  /// Keeps what policies warn of in a release, in place of what they did before.
  public func setWarnings(_ warnings: [ReleaseWarning], of release: Int64) throws {
    let text: String? = warnings.isEmpty ? nil : JSONValue.array(warnings.map(\.json)).text
    try enqueue("UPDATE environment_release SET warnings = \(text) WHERE id = \(release)")
  }

  private func insert(_ images: [ReleaseImage], of release: Int64) throws {
    for image in images {
      try enqueue(
        """
        INSERT INTO release_image (release_id, repository_id, from_digest, to_digest, source)
        VALUES (\(release), \(image.repository.id), \(image.from), \(image.to), \(image.source))
        """)
    }
  }

  /// Writes down that a release was carried out: what it changed, and what runs from now on.
  ///
  /// - Precondition: the environment is locked.
  public func applyRelease(
    _ release: ReleaseRecord, of environment: Int64, images: [ReleaseImage], effective: Int64, base: Int64?
  ) throws {
    try enqueue("DELETE FROM release_image WHERE release_id = \(release.id)")
    try insert(images, of: release.id)
    try enqueue(
      """
      UPDATE environment_release SET state = 'applied', effective = \(effective), base = \(base), ended_at = \(now),
        sequence = (SELECT COALESCE(MAX(o.sequence), 0) + 1 FROM environment_release o
          WHERE o.environment_id = \(environment))
      WHERE id = \(release.id)
      """)
    try enqueue("UPDATE environment SET effective = \(effective) WHERE id = \(environment)")
    for image in images {
      guard let digest = image.to else {
        try enqueue(
          "DELETE FROM deployment WHERE environment_id = \(environment) AND repository_id = \(image.repository.id)")
        continue
      }
      try enqueue(
        """
        INSERT INTO deployment (environment_id, repository_id, digest, release_id, since)
        VALUES (\(environment), \(image.repository.id), \(digest), \(release.id), \(now))
        ON CONFLICT (environment_id, repository_id) DO UPDATE SET digest = excluded.digest,
          release_id = excluded.release_id, since = excluded.since
        """)
    }
  }

  /// Ends a pending release that is not carried out. Answers false when it is not pending any more.
  public func endRelease(_ release: Int64, as state: ReleaseRecord.State) throws -> Bool {
    try execute(
      """
      UPDATE environment_release SET state = \(state.rawValue), ended_at = \(now)
      WHERE id = \(release) AND state = 'pending'
      """) == 1
  }

  /// Notes that somebody agrees; once.
  ///
  /// - Parameters:
  ///   - rules: the trust rules that took them, if it is a job.
  ///   - makers: who made them or their token, if it is a robot.
  public func approve(
    _ release: Int64, by actor: String, rules: Set<String> = [], makers: Set<String> = [], comment: String?
  ) throws {
    try enqueue(
      """
      INSERT INTO release_approval (release_id, actor, comment, at, rules, makers)
      VALUES (\(release), \(actor), \(comment), \(now), \(storedNames(rules)), \(storedNames(makers)))
      ON CONFLICT (release_id, actor) DO NOTHING
      """)
  }

  /// Takes somebody's agreement away. Answers whether there was one.
  public func withdrawApproval(of release: Int64, by actor: String) throws -> Bool {
    try execute("DELETE FROM release_approval WHERE release_id = \(release) AND actor = \(actor)") == 1
  }
}
