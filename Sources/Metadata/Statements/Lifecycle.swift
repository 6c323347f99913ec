public import Ground
public import OCI

/// A tag as retention judges it.
public struct RetainedTag: Sendable, Hashable {
  public let name: Tag
  public let digest: Digest
  /// When it was pointed where it points.
  public let pointedAt: Timestamp
  /// When its image was last pulled, or one that it names if it is an index; the distant past: never, as far as is known.
  public let pulledAt: Timestamp

  public init(name: Tag, digest: Digest, pointedAt: Timestamp, pulledAt: Timestamp) {
    self.name = name
    self.digest = digest
    self.pointedAt = pointedAt
    self.pulledAt = pulledAt
  }
}

/// Pulls of an image that are to be counted.
public struct PullCount: Sendable, Hashable {
  public let repository: RepositoryName
  public let digest: Digest
  public let count: Int
  public let lastAt: Timestamp

  public init(repository: RepositoryName, digest: Digest, count: Int, lastAt: Timestamp) {
    self.repository = repository
    self.digest = digest
    self.count = count
    self.lastAt = lastAt
  }
}

extension Reading where Self: ~Copyable {
  /// Repositories in the order of their keys.
  public func repositories(after id: Int64, limit: Int) throws -> [RepositoryRow] {
    try all("SELECT id, name FROM repository WHERE id > \(id) ORDER BY id LIMIT \(limit)") {
      try $0.repositoryRow(0, 1)
    }
  }

  /// Repositories of a namespace in the order of their names.
  public func repositories(of namespace: String, after name: String, limit: Int) throws -> [RepositoryRow] {
    try all(
      """
      SELECT id, name FROM repository
      WHERE (name = \(namespace) OR (name > \(namespace + "/") AND name < \(namespace + "0"))) AND name > \(name)
      ORDER BY name LIMIT \(limit)
      """
    ) { try $0.repositoryRow(0, 1) }
  }

  /// Tags of a repository with more than one event, in the order of their bytes.
  public func tagsWithHistory(in repository: RepositoryID, after tag: String, limit: Int) throws -> [Tag] {
    try all(
      """
      SELECT tag FROM tag_event WHERE repository_id = \(repository) AND tag > \(tag)
      GROUP BY tag HAVING COUNT(*) > 1 ORDER BY tag LIMIT \(limit)
      """
    ) { try $0.tag(0) }
  }

  /// All tags of a repository for retention, the newest first.
  public func retainedTags(in repository: RepositoryID) throws -> [RetainedTag] {
    try all(
      """
      SELECT t.name, t.digest, t.updated_at, m.pulled_at, (SELECT MAX(p.pulled_at)
        FROM manifest_child c JOIN manifest p ON p.repository_id = m.repository_id AND p.digest = c.digest
        WHERE c.manifest_id = m.id)
      FROM tag t JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
      WHERE t.repository_id = \(repository) ORDER BY t.updated_at DESC, t.name
      """
    ) {
      RetainedTag(
        name: try $0.tag(0), digest: try $0.digest(1), pointedAt: $0.timestamp(2),
        pulledAt: $0.isNull(4) ? $0.timestamp(3) : max($0.timestamp(3), $0.timestamp(4)))
    }
  }

  /// Manifests of a repository that nothing names since before `moment`.
  public func idleManifests(
    in repository: RepositoryRow, before moment: Timestamp, limit: Int
  ) throws -> [IdleManifest] {
    try all(
      """
      SELECT m.repository_id, r.name, m.digest, m.size FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.repository_id = \(repository.id) AND m.tags = 0 AND m.parents = 0 AND m.events = 0
        AND m.idle_since <= \(moment) ORDER BY m.idle_since LIMIT \(limit)
      """
    ) { try $0.idleManifest() }
  }

  /// How often a manifest was pulled, and when last.
  public func pulls(of digest: Digest, in repository: RepositoryID) throws -> (count: Int64, lastAt: Timestamp)? {
    try first("SELECT pulls, pulled_at FROM manifest WHERE repository_id = \(repository) AND digest = \(digest)") {
      ($0.integer(0), $0.timestamp(1))
    }
  }
}

extension Transaction {
  /// Lets go of a part of a tag's history.
  ///
  /// - Precondition: the repository is locked, and the events were read after that.
  /// - Parameters:
  ///   - released: events that count no more for their manifest.
  ///   - deleted: events whose rows go.
  ///   - begin: what was before this moment is not known any more.
  public func trimHistory(
    of repository: RepositoryID, released: [TagEvent], deleted: [TagEvent], begin: Timestamp
  ) throws {
    for event in released {
      guard try execute("UPDATE tag_event SET is_kept = 0 WHERE id = \(event.id) AND is_kept = 1") == 1 else {
        continue
      }
      try enqueue(
        """
        UPDATE manifest SET events = events - 1, idle_since = \(now)
        WHERE repository_id = \(repository) AND digest = \(event.to?.description ?? "")
        """)
    }
    for event in deleted { try enqueue("DELETE FROM tag_event WHERE id = \(event.id)") }
    guard !deleted.isEmpty else { return }
    try enqueue(
      "UPDATE repository SET history_from = \(begin) WHERE id = \(repository) AND history_from < \(begin)")
  }

  /// Keeps every other transaction that changes the repository's manifests or tags waiting until this one ends.
  public func lockRepository(_ repository: RepositoryID) throws { try lock(repository) }

  /// Counts pulls of images that are still there.
  public func countPulls(_ counts: [PullCount]) throws {
    for count in counts {
      try enqueue(
        """
        UPDATE manifest SET pulls = pulls + \(count.count),
          pulled_at = CASE WHEN pulled_at < \(count.lastAt) THEN \(count.lastAt) ELSE pulled_at END
        WHERE digest = \(count.digest) AND repository_id = (SELECT id FROM repository WHERE name = \(count.repository))
        """)
    }
  }
}
