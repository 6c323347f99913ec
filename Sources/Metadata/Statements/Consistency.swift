// What `berth check` asks of the rows: each question answers the places where a counter or a reference is wrong.

/// A row that contradicts another.
public struct Inconsistency: Sendable, CustomStringConvertible {
  public let description: String
}

extension Reading where Self: ~Copyable {
  /// Contradictions between rows, at most `limit` of each kind. Empty when all is well. Cost: reads every row.
  public func inconsistencies(limit: Int) throws -> [Inconsistency] {
    try wrongRepositoryCounts(limit) + wrongLinkCounts(limit) + wrongReferenceCounts(limit) + wrongManifestCounts(limit)
      + danglingRows(limit) + wrongDeployments(limit) + wrongSearchRows(limit)
  }

  private func wrongRepositoryCounts(_ limit: Int) throws -> [Inconsistency] {
    try all(
      """
      SELECT r.name FROM repository r
      WHERE r.manifests <> (SELECT COUNT(*) FROM manifest m WHERE m.repository_id = r.id
        AND m.hidden_at IS NULL) LIMIT \(limit)
      """
    ) { Inconsistency(description: "repository \($0.text(0)): its manifests are counted wrong") }
  }

  private func wrongLinkCounts(_ limit: Int) throws -> [Inconsistency] {
    try all(
      """
      SELECT b.digest, b.links, (SELECT COUNT(*) FROM repository_blob l WHERE l.digest = b.digest) AS counted
      FROM blob b WHERE b.links <> (SELECT COUNT(*) FROM repository_blob l WHERE l.digest = b.digest) LIMIT \(limit)
      """
    ) {
      Inconsistency(description: "blob \($0.text(0)): \($0.integer(1)) links are counted, \($0.integer(2)) are there")
    }
  }

  private func wrongReferenceCounts(_ limit: Int) throws -> [Inconsistency] {
    try all(
      """
      SELECT r.name, l.digest, l.refs, COALESCE(c.counted, 0)
      FROM repository_blob l JOIN repository r ON r.id = l.repository_id
      LEFT JOIN (
        SELECT m.repository_id AS repository_id, mb.digest AS digest, COUNT(*) AS counted
        FROM manifest_blob mb JOIN manifest m ON m.id = mb.manifest_id
        WHERE NOT EXISTS (SELECT 1 FROM missing_reference x WHERE x.repository_id = m.repository_id
          AND x.digest = mb.digest AND x.manifest_id = m.id)
        GROUP BY m.repository_id, mb.digest
      ) c ON c.repository_id = l.repository_id AND c.digest = l.digest
      WHERE l.refs <> COALESCE(c.counted, 0) LIMIT \(limit)
      """
    ) {
      Inconsistency(
        description:
          "blob \($0.text(1)) in \($0.text(0)): \($0.integer(2)) references are counted, \($0.integer(3)) are there")
    }
  }

  private func wrongManifestCounts(_ limit: Int) throws -> [Inconsistency] {
    try all(Transaction.wrongManifestCounts(limit)) {
      Inconsistency(
        description: "manifest \($0.text(1)) in \($0.text(0)): its tags, parents or events are counted wrong")
    }
  }

  private func danglingRows(_ limit: Int) throws -> [Inconsistency] {
    let tags = try all(
      """
      SELECT r.name, t.name, t.digest FROM tag t JOIN repository r ON r.id = t.repository_id
      WHERE NOT EXISTS (SELECT 1 FROM manifest m WHERE m.repository_id = t.repository_id AND m.digest = t.digest)
      LIMIT \(limit)
      """
    ) { Inconsistency(description: "tag \($0.text(0)):\($0.text(1)) points to \($0.text(2)), which is not there") }
    let blobs = try all(
      """
      SELECT r.name, m.digest, mb.digest
      FROM manifest_blob mb JOIN manifest m ON m.id = mb.manifest_id JOIN repository r ON r.id = m.repository_id
      WHERE NOT EXISTS (SELECT 1 FROM repository_blob l JOIN blob b ON b.digest = l.digest
          WHERE l.repository_id = m.repository_id AND l.digest = mb.digest AND b.state <> 2)
        AND NOT EXISTS (SELECT 1 FROM missing_reference x WHERE x.repository_id = m.repository_id
          AND x.digest = mb.digest AND x.manifest_id = m.id)
      LIMIT \(limit)
      """
    ) {
      Inconsistency(description: "manifest \($0.text(1)) in \($0.text(0)) names blob \($0.text(2)), which is not there")
    }
    let events = try all(
      """
      SELECT r.name, e.tag, e.to_digest FROM tag_event e JOIN repository r ON r.id = e.repository_id
      WHERE e.is_kept = 1 AND NOT EXISTS (
        SELECT 1 FROM manifest m WHERE m.repository_id = e.repository_id AND m.digest = e.to_digest)
      LIMIT \(limit)
      """
    ) {
      Inconsistency(
        description:
          "history of \($0.text(0)):\($0.text(1)) keeps \($0.optionalText(2) ?? "nothing"), which is not there")
    }
    return tags + blobs + events + (try wrongTagEvents(limit))
  }
}

extension Transaction {
  /// Manifests whose counters are not what they count. What is counted is gathered once for all: asked manifest by manifest,
  /// SQLite would walk over all manifests of the repository for each.
  static func wrongManifestCounts(_ limit: Int) -> SQL {
    """
    SELECT r.name, m.digest FROM manifest m JOIN repository r ON r.id = m.repository_id
    LEFT JOIN (
      SELECT repository_id, to_digest, COUNT(*) AS counted FROM tag_event WHERE is_kept = 1
      GROUP BY repository_id, to_digest
    ) e ON e.repository_id = m.repository_id AND e.to_digest = m.digest
    LEFT JOIN (
      SELECT p.repository_id AS repository_id, c.digest AS digest, COUNT(*) AS counted
      FROM manifest_child c JOIN manifest p ON p.id = c.manifest_id
      GROUP BY p.repository_id, c.digest
    ) i ON i.repository_id = m.repository_id AND i.digest = m.digest
    WHERE m.tags <> (SELECT COUNT(*) FROM tag t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
      OR m.parents <> COALESCE(i.counted, 0)
        + (SELECT COUNT(*) FROM manifest s WHERE s.repository_id = m.repository_id AND s.digest = m.subject)
      OR m.events <> COALESCE(e.counted, 0) OR (m.hidden_at IS NOT NULL AND m.tags > 0)
    LIMIT \(limit)
    """
  }
}

extension Reading where Self: ~Copyable {
  /// Tags that do not point to where their last event says (invariant I6).
  private func wrongTagEvents(_ limit: Int) throws -> [Inconsistency] {
    try all(
      """
      SELECT r.name, t.name FROM tag t JOIN repository r ON r.id = t.repository_id
      WHERE t.digest <> COALESCE((SELECT e.to_digest FROM tag_event e
        WHERE e.repository_id = t.repository_id AND e.tag = t.name ORDER BY e.id DESC LIMIT 1), '')
      LIMIT \(limit)
      """
    ) { Inconsistency(description: "tag \($0.text(0)):\($0.text(1)) does not point to where its last event says") }
  }
}

/// How much there is, for people and `/metrics`.
public struct Inventory: Sendable, Equatable {
  public let repositories, manifests, tags, blobs, corruptBlobs: Int
  public let blobBytes: Int64
}

extension Reading where Self: ~Copyable {
  /// Counts everything. Cost: reads an index of every table.
  public func inventory() throws -> Inventory {
    Inventory(
      repositories: Int(try number("SELECT COUNT(*) FROM repository")),
      manifests: Int(try number("SELECT COUNT(*) FROM manifest")),
      tags: Int(try number("SELECT COUNT(*) FROM tag")),
      blobs: Int(try number("SELECT COUNT(*) FROM blob")),
      corruptBlobs: Int(try number("SELECT COUNT(*) FROM blob WHERE state <> 1 AND state = 3")),
      blobBytes: try number("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blob"))
  }
}
