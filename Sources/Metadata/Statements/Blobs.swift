public import Ground
public import OCI

/// What the database knows of a blob's bytes.
public struct BlobRow: Sendable {
  public enum State: Int64, Sendable {
    /// Durable and verified (invariant I1).
    case present = 1
    /// The collector is removing it (invariant I3).
    case claimed = 2
    /// Its bytes did not match its digest; refused to readers until somebody pushes it again.
    case corrupt = 3
  }
  public let digest: Digest
  public let sizeBytes: Int64
  public let state: State
}

/// What a repository's reader may know of a blob.
public struct LinkedBlob: Sendable {
  public let sizeBytes: Int64
  /// No manifest of the repository names it yet: only its lease keeps it.
  public let isUnreferenced: Bool
  public let leasedUntil: Timestamp
}

extension Row {
  fileprivate func blob() throws -> BlobRow {
    guard let state = BlobRow.State(rawValue: integer(2)) else {
      throw DatabaseError.corrupt("a blob's state is stored as \(integer(2))")
    }
    return BlobRow(digest: try digest(0), sizeBytes: integer(1), state: state)
  }
}

extension Reading where Self: ~Copyable {
  public func blob(_ digest: Digest) throws -> BlobRow? {
    try first("SELECT digest, size, state FROM blob WHERE digest = \(digest)") { try $0.blob() }
  }

  /// The blob as `repository` shows it: linked there, and its bytes present.
  public func blob(_ digest: Digest, in repository: RepositoryName) throws -> LinkedBlob? {
    try first(
      """
      SELECT b.size, l.refs, l.leased_until
      FROM repository r JOIN repository_blob l ON l.repository_id = r.id JOIN blob b ON b.digest = l.digest
      WHERE r.name = \(repository) AND l.digest = \(digest) AND b.state = 1
      """
    ) {
      LinkedBlob(sizeBytes: $0.integer(0), isUnreferenced: $0.integer(1) == 0, leasedUntil: $0.timestamp(2))
    }
  }

  /// Repositories that have the blob, a few of them: where a mount without a source may come from.
  public func repositories(with digest: Digest, limit: Int) throws -> [RepositoryName] {
    try all(
      """
      SELECT r.name FROM repository_blob l JOIN repository r ON r.id = l.repository_id
      WHERE l.digest = \(digest) LIMIT \(limit)
      """
    ) { try $0.repositoryName(0) }
  }

  /// Blobs in the order of their digests' text, whatever their state.
  public func blobs(after digest: Digest?, limit: Int) throws -> [BlobRow] {
    try all(
      """
      SELECT digest, size, state FROM blob WHERE digest > \(digest?.description ?? "") ORDER BY digest LIMIT \(limit)
      """
    ) { try $0.blob() }
  }

  public func claimedBlobs() throws -> [BlobRow] {
    try all("SELECT digest, size, state FROM blob WHERE state <> 1 AND state = 2") { try $0.blob() }
  }

  public func corruptBlobs(limit: Int) throws -> [Digest] {
    try all("SELECT digest FROM blob WHERE state <> 1 AND state = 3 ORDER BY digest LIMIT \(limit)") {
      try $0.digest(0)
    }
  }
}

extension Transaction {
  /// Says that a blob's bytes are durable and verified (invariant I1). A corrupt blob is sound again by this; so is one that
  /// was claimed for a removal which then failed.
  ///
  /// - Precondition: no collector is at work on this digest: the caller is inside its gate. (With several processes the claim
  ///   itself will have to be waited for.)
  public func recordBlob(_ digest: Digest, sizeBytes: Int64) throws {
    try execute(
      """
      INSERT INTO blob (digest, size, state, links, created_at, checked_at, leased_until)
      VALUES (\(digest), \(sizeBytes), 1, 0, \(now), \(now), \(now))
      ON CONFLICT (digest) DO UPDATE SET state = 1, checked_at = excluded.checked_at, size = excluded.size
      """)
  }

  /// Makes a blob readable through a repository, leased until `until`.
  ///
  /// - Precondition: the blob's row says *present* in this transaction.
  public func linkBlob(_ digest: Digest, to repository: RepositoryID, leasedUntil until: Timestamp) throws {
    let inserted = try execute(
      """
      INSERT INTO repository_blob (repository_id, digest, refs, leased_until) VALUES (\(repository), \(digest), 0, \(until))
      ON CONFLICT (repository_id, digest) DO NOTHING
      """)
    guard inserted == 1 else { return try renewLease(digest, in: repository, until: until) }
    try execute("UPDATE blob SET links = links + 1 WHERE digest = \(digest)")
    try adoptMissingReferences(to: digest, in: repository)
  }

  /// Manifests that were accepted before this blob came (a setting) count as its references from now on.
  private func adoptMissingReferences(to digest: Digest, in repository: RepositoryID) throws {
    let adopted = try execute(
      "DELETE FROM missing_reference WHERE repository_id = \(repository) AND digest = \(digest)")
    guard adopted > 0 else { return }
    try execute(
      """
      UPDATE repository_blob SET refs = refs + \(adopted) WHERE repository_id = \(repository) AND digest = \(digest)
      """)
  }

  /// Keeps an unreferenced blob for a client that was told it need not push it. Never shortens a lease.
  public func renewLease(_ digest: Digest, in repository: RepositoryID, until: Timestamp) throws {
    try execute(
      """
      UPDATE repository_blob SET leased_until = \(until)
      WHERE repository_id = \(repository) AND digest = \(digest) AND leased_until < \(until)
      """)
  }

  public enum Unlinking: Sendable { case unlinked, unknown, referenced }

  /// Takes a blob out of a repository, unless a manifest there names it.
  public func unlinkBlob(_ digest: Digest, from repository: RepositoryID) throws -> Unlinking {
    let refs = try first(
      "SELECT refs FROM repository_blob WHERE repository_id = \(repository) AND digest = \(digest)"
    ) { $0.integer(0) }
    guard let refs else { return .unknown }
    guard refs == 0 else { return .referenced }
    try dropLink(digest, repository)
    return .unlinked
  }

  private func dropLink(_ digest: Digest, _ repository: RepositoryID) throws {
    try execute("DELETE FROM repository_blob WHERE repository_id = \(repository) AND digest = \(digest)")
    try execute("UPDATE blob SET links = links - 1, leased_until = \(now) WHERE digest = \(digest)")
  }

  /// Marks a blob whose bytes were found damaged. Answers false when it is not *present* (any more).
  public func markCorrupt(_ digest: Digest) throws -> Bool {
    try execute("UPDATE blob SET state = 3, checked_at = \(now) WHERE digest = \(digest) AND state = 1") == 1
  }
}

// MARK: - Collection

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
      SELECT digest, size, state FROM blob WHERE links = 0 AND leased_until <= \(now) ORDER BY leased_until LIMIT \(limit)
      """
    ) { try $0.blob() }
  }
}

extension Transaction {
  /// Drops a link that is still unreferenced and past its lease *in this transaction* (invariant I3).
  public func dropIdleLink(_ link: IdleLink) throws -> Bool {
    let refs = try first(
      """
      SELECT refs FROM repository_blob
      WHERE repository_id = \(link.repository) AND digest = \(link.digest) AND refs = 0 AND leased_until <= \(now)
      """
    ) { $0.integer(0) }
    guard refs != nil else { return false }
    try dropLink(link.digest, link.repository)
    return true
  }

  /// Claims a blob for removal if nothing links to it and no lease holds it *in this transaction* (invariant I3). One that is
  /// claimed already, by a removal that failed, is claimed again.
  public func claimBlob(_ digest: Digest) throws -> Bool {
    try execute(
      "UPDATE blob SET state = 2 WHERE digest = \(digest) AND links = 0 AND leased_until <= \(now)") == 1
  }

  /// Forgets a claimed blob whose bytes are gone, durably.
  public func deleteClaimedBlob(_ digest: Digest) throws {
    try execute("DELETE FROM blob WHERE digest = \(digest) AND state = 2")
  }
}
