public import OCI

/// A repository's unreferenced blob whose lease has run out.
public struct IdleLink: Sendable, Hashable {
  public let repository: RepositoryID
  public let name: RepositoryName
  public let digest: Digest
  public let sizeBytes: Int64
}

extension Reading where Self: ~Copyable {
  public func idleLinks(limit: Int) throws -> [IdleLink] {
    try all(
      """
      SELECT l.repository_id, r.name, l.digest, b.size
      FROM repository_blob l JOIN repository r ON r.id = l.repository_id JOIN blob b ON b.digest = l.digest
      WHERE l.refs = 0 AND l.leased_until <= \(now) ORDER BY l.leased_until LIMIT \(limit)
      """
    ) {
      IdleLink(
        repository: RepositoryID(value: $0.integer(0)), name: try $0.repositoryName(1), digest: try $0.digest(2),
        sizeBytes: $0.integer(3))
    }
  }

  /// Blobs that no repository has, and whose lease has run out.
  public func unlinkedBlobs(limit: Int) throws -> [BlobRow] {
    try all(
      """
      SELECT digest, size, state, place FROM blob
      WHERE links = 0 AND leased_until <= \(now)
        AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.digest = blob.digest)
      ORDER BY leased_until LIMIT \(limit)
      """
    ) { try $0.blob() }
  }
}

extension Transaction {
  /// Drops a link that is still unreferenced and past its lease *in this transaction* (invariant I3).
  ///
  /// Several in one transaction: in the order of their digests.
  public func dropIdleLink(_ link: IdleLink) throws -> Bool {
    try enqueue("SELECT digest FROM blob WHERE digest = \(link.digest) {LOCK}")
    let deleted = try execute(
      """
      DELETE FROM repository_blob
      WHERE repository_id = \(link.repository) AND digest = \(link.digest) AND refs = 0 AND leased_until <= \(now)
      """)
    guard deleted == 1 else { return false }
    try countLinkGone(link.digest)
    return true
  }

  /// Claims a blob for removal if nothing links to it and no lease holds it *in this transaction* (invariant I3). One that is
  /// claimed already, by a removal that failed, is claimed again. The links are counted and looked at: a wrong count must
  /// not cost bytes.
  ///
  /// - Parameter row: the place that is claimed with it; published anew at another, it is not claimed.
  public func claimBlob(_ row: BlobRow) throws -> Bool {
    try execute(
      """
      UPDATE blob SET state = 2
      WHERE digest = \(row.digest) AND links = 0 AND leased_until <= \(now) AND COALESCE(place, '') = \(row.place ?? "")
        AND NOT EXISTS (SELECT 1 FROM repository_blob l WHERE l.digest = blob.digest)
      """) == 1
  }

  /// Forgets a claimed blob whose bytes are gone, durably; not one that was published anew since.
  public func deleteClaimedBlob(_ row: BlobRow) throws {
    try enqueue(
      """
      DELETE FROM blob WHERE digest = \(row.digest) AND state = 2 AND COALESCE(place, '') = \(row.place ?? "")
      """)
  }
}
