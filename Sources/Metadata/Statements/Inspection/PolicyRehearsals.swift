public import Ground
public import OCI

/// Pulls of an image that the audit log tells of one by one.
public struct RecordedPulls: Sendable, Hashable {
  public internal(set) var count: Int64 = 0
  /// Names of accounts.
  public internal(set) var actors: Set<String> = []
}

/// An image, by the repository that it was pulled from.
public struct ImagePlace: Sendable, Hashable {
  public let repository: RepositoryName
  public let digest: Digest

  public init(repository: RepositoryName, digest: Digest) {
    self.repository = repository
    self.digest = digest
  }
}

/// An image that was pulled.
public struct PulledImage: Sendable, Hashable {
  public let repository: RepositoryRow
  public let digest: Digest
  /// Since it was pushed.
  public let count: Int64
  public let lastAt: Timestamp
}

/// An image that a release put into an environment.
public struct PromotedImage: Sendable, Hashable {
  public let repository: RepositoryRow
  public let digest: Digest
  public let environment: Tag
  /// The release's number.
  public let release: Int64
  public let at: Timestamp
}

extension Reading where Self: ~Copyable {
  /// Images of a namespace that were pulled since a moment, the latest first.
  public func pulledImages(of namespace: String, since: Timestamp, limit: Int) throws -> [PulledImage] {
    try all(
      """
      SELECT r.id, r.name, m.digest, m.pulls, m.pulled_at FROM repository r JOIN manifest m ON m.repository_id = r.id
      WHERE (r.name = \(namespace) OR (r.name > \(namespace + "/") AND r.name < \(namespace + "0")))
        AND m.pulled_at >= \(since) AND m.hidden_at IS NULL
      ORDER BY m.pulled_at DESC, r.name, m.digest LIMIT \(limit)
      """
    ) {
      PulledImage(
        repository: try $0.repositoryRow(0, 1), digest: try $0.digest(2), count: $0.integer(3), lastAt: $0.timestamp(4))
    }
  }

  /// Pulls from a namespace since a moment that the audit log tells of: those of what not everybody may pull.
  ///
  /// - Parameter limit: of records, the latest. Pulls of one image by one client within a second are one of them.
  /// - Returns: them by images, and whether there were more.
  public func recordedPulls(
    of namespace: String, since: Timestamp, limit: Int
  ) throws -> (pulls: [ImagePlace: RecordedPulls], isPartial: Bool) {
    var pulls: [ImagePlace: RecordedPulls] = [:]
    let records = try all(Transaction.recordedPulls(of: namespace, since: since, limit: limit + 1)) {
      (repository: $0.text(0), detail: $0.text(1), actor: $0.text(2))
    }
    for record in records.prefix(limit) {
      guard let detail = try? JSONValue.parse(record.detail), let text = detail["digest"]?.string,
        let digest = try? Digest(parsing: text), let repository = try? RepositoryName(parsing: record.repository)
      else { continue }
      let place = ImagePlace(repository: repository, digest: digest)
      pulls[place, default: RecordedPulls()].count += max(detail["times"]?.integer ?? 1, 1)
      pulls[place]?.actors.insert(record.actor)
    }
    return (pulls, records.count > limit)
  }

  /// Images that promotions in a namespace have put into environments since a moment, the latest first.
  public func promotedImages(in namespace: String, since: Timestamp, limit: Int) throws -> [PromotedImage] {
    try all(
      """
      SELECT r.id, r.name, i.to_digest, e.name, l.number, l.ended_at
      FROM environment e JOIN environment_release l ON l.environment_id = e.id JOIN release_image i ON i.release_id = l.id
        JOIN repository r ON r.id = i.repository_id
      WHERE e.namespace = \(namespace) AND l.state = 'applied' AND l.kind = 'promotion' AND l.ended_at >= \(since)
        AND i.to_digest IS NOT NULL
      ORDER BY l.ended_at DESC, r.name LIMIT \(limit)
      """
    ) {
      PromotedImage(
        repository: try $0.repositoryRow(0, 1), digest: try $0.digest(2), environment: try $0.tag(3),
        release: $0.integer(4), at: $0.timestamp(5))
    }
  }

  /// Whether a manifest of a repository is an index.
  public func isIndex(_ digest: Digest, in repository: RepositoryID) throws -> Bool {
    try number(
      "SELECT COUNT(*) FROM manifest WHERE repository_id = \(repository) AND digest = \(digest) AND kind = 1") > 0
  }
}

extension Transaction {
  /// The latest pulls from a namespace that the audit log tells of.
  ///
  /// - Cost: an entry of an index for each, whatever else the log tells.
  static func recordedPulls(of namespace: String, since: Timestamp, limit: Int) -> SQL {
    """
    SELECT target, detail, actor FROM audit_record
    WHERE namespace = \(namespace) AND kind = 'pull' AND outcome = 'done' AND at >= \(since)
    ORDER BY at DESC, id DESC LIMIT \(limit)
    """
  }
}
