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
  /// The store's own name of the bytes; nil where they lie under their digest.
  public let place: String?

  public init(digest: Digest, sizeBytes: Int64, state: State, place: String?) {
    self.digest = digest
    self.sizeBytes = sizeBytes
    self.state = state
    self.place = place
  }
}

/// What a repository's reader may know of a blob.
public struct LinkedBlob: Sendable {
  public let sizeBytes: Int64
  /// As in ``BlobRow``.
  public let place: String?
  /// No manifest of the repository names it yet: only its lease keeps it.
  public let isUnreferenced: Bool
  public let leasedUntil: Timestamp
}

extension Row {
  func blob() throws -> BlobRow {
    guard let state = BlobRow.State(rawValue: integer(2)) else {
      throw DatabaseError.corrupt("a blob's state is stored as \(integer(2))")
    }
    return BlobRow(digest: try digest(0), sizeBytes: integer(1), state: state, place: optionalText(3))
  }
}

extension Reading where Self: ~Copyable {
  public func blob(_ digest: Digest) throws -> BlobRow? {
    try first("SELECT digest, size, state, place FROM blob WHERE digest = \(digest)") { try $0.blob() }
  }

  /// The blob as `repository` shows it: linked there, and its bytes present.
  public func blob(_ digest: Digest, in repository: RepositoryName) throws -> LinkedBlob? {
    try first(
      """
      SELECT b.size, b.place, l.refs, l.leased_until
      FROM repository r JOIN repository_blob l ON l.repository_id = r.id JOIN blob b ON b.digest = l.digest
      WHERE r.name = \(repository) AND l.digest = \(digest) AND b.state = 1
      """
    ) {
      LinkedBlob(
        sizeBytes: $0.integer(0), place: $0.optionalText(1), isUnreferenced: $0.integer(2) == 0,
        leasedUntil: $0.timestamp(3))
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
      SELECT digest, size, state, place FROM blob WHERE digest > \(digest?.description ?? "") ORDER BY digest LIMIT \(limit)
      """
    ) { try $0.blob() }
  }

  public func claimedBlobs() throws -> [BlobRow] {
    try all("SELECT digest, size, state, place FROM blob WHERE state <> 1 AND state = 2") { try $0.blob() }
  }

  public func corruptBlobs(limit: Int) throws -> [Digest] {
    try all("SELECT digest FROM blob WHERE state <> 1 AND state = 3 ORDER BY digest LIMIT \(limit)") {
      try $0.digest(0)
    }
  }

  /// Blobs that were set aside since a moment, those first that were last.
  public func blobsSetAside(since moment: Timestamp, limit: Int) throws -> [BlobRow] {
    try all(
      """
      SELECT digest, size, state, place FROM blob
      WHERE state <> 1 AND state = 3 AND checked_at >= \(moment) ORDER BY checked_at DESC LIMIT \(limit)
      """
    ) { try $0.blob() }
  }
}

extension Reading where Self: ~Copyable {
  /// Which of these places a blob's row or an upload's row names.
  public func knownPlaces(_ places: [String]) throws -> Set<String> {
    let list = JSONValue.array(places.map { .string($0) }).text
    let ofBlobs = try later(
      "SELECT place FROM blob WHERE place IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))"
    ) { $0.text(0) }
    let ofUploads = try later(
      "SELECT place FROM upload WHERE place IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))"
    ) { $0.text(0) }
    return Set(try ofBlobs.all()).union(try ofUploads.all())
  }
}

/// Bytes that were published, as they are recorded.
public struct PublishedBlob: Sendable {
  public let digest: Digest
  public let sizeBytes: Int64
  /// As in ``BlobRow``.
  public let place: String?
  /// A place that a row may still name and where nothing lies any more.
  public let replaces: String?

  public init(digest: Digest, sizeBytes: Int64, place: String?, replaces: String? = nil) {
    self.digest = digest
    self.sizeBytes = sizeBytes
    self.place = place
    self.replaces = replaces
  }
}

extension Transaction {
  /// Says that a blob's bytes are durable and verified (invariant I1), and makes it readable through a repository, leased
  /// until `until`. Two round trips with the commit.
  ///
  /// A row that is *present* keeps the place it has. One that is claimed or corrupt takes the new place and is sound again.
  /// - Precondition: where blobs lie under their digest, no collector is at work on this one: the caller is inside its gate.
  /// - Returns: the place in force; when that is another, the published bytes are not needed.
  public func publish(
    _ blob: PublishedBlob, to name: RepositoryName, leasedUntil until: Timestamp
  ) throws -> String? {
    let place = try later(
      """
      INSERT INTO blob (digest, size, state, links, created_at, checked_at, leased_until, place)
      VALUES (\(blob.digest), \(blob.sizeBytes), 1, 0, \(now), \(now), \(now), \(blob.place))
      ON CONFLICT (digest) DO UPDATE SET state = 1, checked_at = excluded.checked_at, size = excluded.size,
        place = CASE WHEN blob.state = 1 AND COALESCE(blob.place, '') <> \(blob.replaces ?? "") THEN blob.place
          ELSE excluded.place END
      RETURNING place
      """
    ) { $0.optionalText(0) }
    try link(blob.digest, to: name, leasedUntil: until)
    guard let inForce = try place.first() else { throw DatabaseError.corrupt("an insert answered no row") }
    return inForce
  }

  /// Makes a blob of one repository readable through another, leased until `until`.
  ///
  /// - Returns: false when none of `sources` has it, or its bytes are not sound.
  public func mount(
    _ digest: Digest, from sources: [RepositoryName], to name: RepositoryName, leasedUntil until: Timestamp
  ) throws -> Bool {
    // Locked, so that it is not claimed before the link is counted.
    let state = try later("SELECT state FROM blob WHERE digest = \(digest) {LOCK}") { $0.integer(0) }
    let links = try sources.map { source in
      try later(
        """
        SELECT 1 FROM repository r JOIN repository_blob l ON l.repository_id = r.id
        WHERE r.name = \(source) AND l.digest = \(digest)
        """
      ) { _ in true }
    }
    guard try state.first() == BlobRow.State.present.rawValue else { return false }
    guard try links.contains(where: { try $0.first() == true }) else { return false }
    try link(digest, to: name, leasedUntil: until)
    return true
  }

  /// Makes a blob readable through a repository that was seen to be present, if it still is, and lies where it was seen.
  public func linkPresent(
    _ seen: BlobRow, to name: RepositoryName, leasedUntil until: Timestamp
  ) throws -> Bool {
    let isThere = try first(
      """
      SELECT 1 FROM blob
      WHERE digest = \(seen.digest) AND state = 1 AND COALESCE(place, '') = \(seen.place ?? "") {LOCK}
      """
    ) { _ in true }
    guard isThere == true else { return false }
    try link(seen.digest, to: name, leasedUntil: until)
    return true
  }

  /// - Precondition: the blob's row is locked by this transaction, and says *present*.
  private func link(_ digest: Digest, to name: RepositoryName, leasedUntil until: Timestamp) throws {
    let known = try later("SELECT id FROM repository WHERE name = \(name)") { RepositoryID(value: $0.integer(0)) }
    let inserted = try later(
      """
      INSERT INTO repository_blob (repository_id, digest, refs, leased_until)
      SELECT id, \(digest), 0, \(until) FROM repository WHERE name = \(name)
      ON CONFLICT (repository_id, digest) DO NOTHING RETURNING repository_id
      """
    ) { RepositoryID(value: $0.integer(0)) }
    let missing = try later(
      """
      SELECT COUNT(*) FROM repository r JOIN missing_reference x ON x.repository_id = r.id
      WHERE r.name = \(name) AND x.digest = \(digest)
      """
    ) { $0.integer(0) }
    // Asked of the link itself: a repository that another made between the two statements is not known, and has the link.
    if let repository = try inserted.first() {
      try enqueue("UPDATE blob SET links = links + 1 WHERE digest = \(digest)")
      if try missing.first() ?? 0 > 0 { try adoptMissingReferences(to: digest, in: repository) }
    } else if let repository = try known.first() {
      try renewLease(digest, in: repository, until: until)
    } else {
      _ = try ensureRepository(name)
      try link(digest, to: name, leasedUntil: until)
    }
  }

  /// Manifests that were accepted before this blob came (a setting) count as its references from now on.
  private func adoptMissingReferences(to digest: Digest, in repository: RepositoryID) throws {
    let adopted = try execute(
      "DELETE FROM missing_reference WHERE repository_id = \(repository) AND digest = \(digest)")
    try enqueue(
      """
      UPDATE repository_blob SET refs = refs + \(adopted) WHERE repository_id = \(repository) AND digest = \(digest)
      """)
  }

  /// Keeps an unreferenced blob for a client that was told it need not push it. Never shortens a lease.
  public func renewLease(_ digest: Digest, in repository: RepositoryID, until: Timestamp) throws {
    try enqueue(
      """
      UPDATE repository_blob SET leased_until = \(until)
      WHERE repository_id = \(repository) AND digest = \(digest) AND leased_until < \(until)
      """)
  }

  public enum Unlinking: Sendable, Equatable {
    /// - withManifests: hidden manifests that named it went with it, and other blobs may have lost their last reference.
    case unlinked(withManifests: Bool)
    case unknown, referenced
  }

  /// Takes a blob out of a repository, unless a manifest there names it. Manifests that history kept, and that name it, go
  /// with it: who deletes bytes wants them gone.
  ///
  /// - Parameter keptUntil: how long what those manifests named besides stays.
  public func unlinkBlob(
    _ digest: Digest, from repository: RepositoryRow, keptUntil: Timestamp, _ cause: TagCause
  ) throws -> Unlinking {
    try lock(repository.id)
    let kept = try hiddenManifests(naming: digest, in: repository.id)
    if !kept.isEmpty {
      let references = try number(
        "SELECT refs FROM repository_blob WHERE repository_id = \(repository.id) AND digest = \(digest)")
      guard references == Int64(kept.count) else { return .referenced }
      for manifest in kept { _ = try purgeManifest(manifest, from: repository, keptUntil: keptUntil, cause) }
    }
    return try unlinkUnreferenced(digest, from: repository.id, withManifests: !kept.isEmpty)
  }

  private func unlinkUnreferenced(
    _ digest: Digest, from repository: RepositoryID, withManifests: Bool
  ) throws -> Unlinking {
    // The blob's row first, as whoever links it does.
    try enqueue("SELECT digest FROM blob WHERE digest = \(digest) {LOCK}")
    let deleted = try execute(
      "DELETE FROM repository_blob WHERE repository_id = \(repository) AND digest = \(digest) AND refs = 0")
    guard deleted == 1 else {
      let isThere = try number(
        "SELECT COUNT(*) FROM repository_blob WHERE repository_id = \(repository) AND digest = \(digest)")
      return isThere == 1 ? .referenced : .unknown
    }
    try countLinkGone(digest)
    return .unlinked(withManifests: withManifests)
  }

  func countLinkGone(_ digest: Digest) throws {
    try enqueue("UPDATE blob SET links = links - 1, leased_until = \(now) WHERE digest = \(digest)")
  }

  /// Marks a blob whose bytes were found damaged. Answers false when it is not *present* at this place (any more). Run again
  /// because the answer to its commit was lost, it finds its own mark.
  public func markCorrupt(_ digest: Digest, place: String?) throws -> Bool {
    let marked = try execute(
      """
      UPDATE blob SET state = 3, checked_at = \(now)
      WHERE digest = \(digest) AND state = 1 AND COALESCE(place, '') = \(place ?? "")
      """)
    guard marked == 0, isRepeat, let blob = try blob(digest) else { return marked == 1 }
    return blob.state == .corrupt && blob.place == place
  }

  /// Takes a mark back: the bytes at this place are sound after all. Answers false when the blob is not marked, or elsewhere.
  public func markSound(_ digest: Digest, place: String?) throws -> Bool {
    try execute(
      """
      UPDATE blob SET state = 1, checked_at = \(now)
      WHERE digest = \(digest) AND state = 3 AND COALESCE(place, '') = \(place ?? "")
      """) == 1
  }

  /// Records bytes that were found in the store without a row, as ``BlobRow/State/present``: what a rebuild does.
  ///
  /// - Returns: false when the blob has a row already.
  public func recordFoundBlob(
    _ digest: Digest, sizeBytes: Int64, place: String?, leasedUntil until: Timestamp
  ) throws -> Bool {
    try execute(
      """
      INSERT INTO blob (digest, size, state, links, created_at, checked_at, leased_until, place)
      VALUES (\(digest), \(sizeBytes), 1, 0, \(now), \(now), \(until), \(place))
      ON CONFLICT (digest) DO NOTHING
      """) == 1
  }
}
