public import Ground
public import OCI

/// What a deleted manifest took along: tags that went with it, and blobs that have one reference less.
public struct DeletedManifest: Sendable {
  public let tags: [Tag]
  /// None when history keeps the manifest.
  public let blobs: [Digest]
}

extension Transaction {
  /// Deletes a manifest and all tags that point to it: no reader sees it any more.
  ///
  /// While a kept event of a tag names it, or an index that is kept, it stays behind as *hidden*, with all that it names, so
  /// that it can be restored. Else it lets go of what it named.
  ///
  /// - Parameter keptUntil: how long a blob that is now unreferenced stays for a client that is about to use it again.
  /// - Returns: what went with it, or nil when there is no such manifest to be seen.
  /// - Throws: ``TagRefusal`` when a tag that points to it may not be deleted.
  public func deleteManifest(
    _ digest: Digest, from repository: RepositoryRow, keptUntil: Timestamp, _ cause: TagCause
  ) throws -> DeletedManifest? {
    try lock(repository.id)
    let found = try later(
      """
      SELECT m.id, m.events, (SELECT COUNT(*) FROM manifest_child c CROSS JOIN manifest p
        WHERE p.id = c.manifest_id AND c.digest = m.digest AND p.repository_id = m.repository_id)
      FROM manifest m WHERE m.repository_id = \(repository.id) AND m.digest = \(digest) AND m.hidden_at IS NULL
      """
    ) { (key: $0.integer(0), isKept: $0.integer(1) > 0 || $0.integer(2) > 0) }
    let named = try tagsPointing(to: digest, repository.id)
    guard let manifest = try found.first() else { return nil }
    let tags = try named.all()
    if manifest.isKept { try checkIndexes(of: digest, repository) }
    try deleteTags(tags, repository, cause)
    guard manifest.isKept else {
      return DeletedManifest(
        tags: tags, blobs: try removeManifest(manifest.key, digest, repository.id, isHidden: false, keptUntil))
    }
    try enqueue("UPDATE manifest SET hidden_at = \(now), idle_since = \(now) WHERE id = \(manifest.key)")
    try enqueue("UPDATE repository SET manifests = manifests - 1 WHERE id = \(repository.id)")
    return DeletedManifest(tags: tags, blobs: [])
  }

  /// Removes a manifest for good, whatever history keeps of it: what tags pointed to it cannot be restored any more.
  ///
  /// - Returns: what went with it; nil when there is no such manifest, hidden or not.
  /// - Throws: ``TagRefusal`` when a tag that points to it may not be deleted.
  public func purgeManifest(
    _ digest: Digest, from repository: RepositoryRow, keptUntil: Timestamp, _ cause: TagCause
  ) throws -> DeletedManifest? {
    try lock(repository.id)
    let found = try later(
      "SELECT id, hidden_at FROM manifest WHERE repository_id = \(repository.id) AND digest = \(digest)"
    ) { (key: $0.integer(0), isHidden: !$0.isNull(1)) }
    let named = try tagsPointing(to: digest, repository.id)
    guard let manifest = try found.first() else { return nil }
    let tags = try named.all()
    try checkIndexes(of: digest, repository)
    try deleteTags(tags, repository, cause)
    try enqueue(
      "UPDATE tag_event SET is_kept = 0 WHERE repository_id = \(repository.id) AND to_digest = \(digest) AND is_kept = 1"
    )
    return DeletedManifest(
      tags: tags, blobs: try removeManifest(manifest.key, digest, repository.id, isHidden: manifest.isHidden, keptUntil)
    )
  }

  private func tagsPointing(to digest: Digest, _ repository: RepositoryID) throws -> Later<Tag> {
    try later("SELECT name FROM tag WHERE repository_id = \(repository) AND digest = \(digest) ORDER BY name") {
      try $0.tag(0)
    }
  }

  /// A part of an index is as protected as the tags that point to the index.
  ///
  /// - Throws: ``TagRefusal``.
  private func checkIndexes(of digest: Digest, _ repository: RepositoryRow) throws {
    var waiting = [digest]
    var seen: Set<Digest> = [digest]
    var rules: TagRules?
    while let next = waiting.popLast() {
      let indexes = try all(
        """
        SELECT p.digest FROM manifest_child c CROSS JOIN manifest p
        WHERE p.id = c.manifest_id AND c.digest = \(next) AND p.repository_id = \(repository.id)
        """
      ) { try $0.digest(0) }
      for index in indexes where seen.insert(index).inserted {
        waiting.append(index)
        let tags = try tagsPointing(to: index, repository.id).all()
        guard !tags.isEmpty else { continue }
        let known = try rules ?? tagRules(of: repository.name)
        rules = known
        for tag in tags { try known.checkDeletion(of: tag) }
      }
    }
  }

  private func deleteTags(_ tags: [Tag], _ repository: RepositoryRow, _ cause: TagCause) throws {
    guard !tags.isEmpty else { return }
    let rules = try tagRules(of: repository.name)
    for tag in tags {
      try rules.checkDeletion(of: tag)
      try deleteTag(tag, from: repository, cause)
    }
  }

  /// Takes a manifest's rows away, and one reference of all that it named. Answers its blobs.
  ///
  /// - Precondition: the repository is locked; no tag points to the manifest, and no event counts for it.
  private func removeManifest(
    _ key: Int64, _ digest: Digest, _ repository: RepositoryID, isHidden: Bool, _ keptUntil: Timestamp
  ) throws -> [Digest] {
    let blobs = try all("SELECT digest FROM manifest_blob WHERE manifest_id = \(key)") { try $0.digest(0) }
    // First what was never counted: a blob that comes meanwhile is counted before or after, and not beside this.
    let missing = try all(
      "DELETE FROM missing_reference WHERE repository_id = \(repository) AND manifest_id = \(key) RETURNING digest"
    ) { try $0.digest(0) }
    try enqueue(
      """
      UPDATE repository_blob SET refs = refs - 1,
        leased_until = CASE WHEN refs = 1 AND leased_until < \(keptUntil) THEN \(keptUntil) ELSE leased_until END
      WHERE repository_id = \(repository)
        AND digest IN (SELECT digest FROM manifest_blob WHERE manifest_id = \(key))
        AND digest NOT IN (SELECT value FROM {LIST}(CAST(\(Self.list(missing)) AS {JSON})))
      """)
    try enqueue(
      """
      UPDATE manifest SET parents = parents - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND digest IN (SELECT digest FROM manifest_child WHERE manifest_id = \(key))
      """)
    try enqueue(
      """
      UPDATE manifest SET parents = parents - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND subject = \(digest)
      """)
    if !isHidden { try enqueue("UPDATE repository SET manifests = manifests - 1 WHERE id = \(repository)") }
    try enqueue("DELETE FROM manifest_blob WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_child WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_content WHERE manifest_id = \(key)")
    // Its facts and its words go with its row; what people set on it does not.
    try enqueue("DELETE FROM label WHERE repository_id = \(repository) AND target = \(digest)")
    try enqueue("DELETE FROM label_word WHERE repository_id = \(repository) AND target = \(digest)")
    try enqueue("DELETE FROM manifest WHERE id = \(key)")
    return blobs
  }

  /// Shows a hidden manifest to readers again. What it names is still counted, and so still there.
  ///
  /// - Precondition: the repository is locked.
  func showManifest(_ digest: Digest, in repository: RepositoryID) throws {
    let shown = try execute(
      """
      UPDATE manifest SET hidden_at = NULL, idle_since = \(now)
      WHERE repository_id = \(repository) AND digest = \(digest) AND hidden_at IS NOT NULL
      """)
    if shown > 0 { try enqueue("UPDATE repository SET manifests = manifests + \(shown) WHERE id = \(repository)") }
  }
}

// MARK: - Collection

/// Why a manifest may be collected.
public enum ManifestIdleness: Sendable, Hashable {
  /// Nothing has named it since this moment: no tag, no index, no subject that is there, no kept event.
  case unnamed(since: Timestamp)
  /// It is hidden, and history needs it no more.
  case forgotten
}

extension Transaction {
  /// Removes a manifest for good if it still is so *in this transaction*: the collector's second look (invariant I3).
  public func collectManifest(
    _ manifest: IdleManifest, _ idleness: ManifestIdleness, keptUntil: Timestamp
  ) throws -> DeletedManifest? {
    let repository = manifest.repository
    try lock(repository)
    let found: (key: Int64, isHidden: Bool)?
    switch idleness {
    case .unnamed(let moment):
      found = try first(
        """
        SELECT id, hidden_at FROM manifest WHERE repository_id = \(repository) AND digest = \(manifest.digest)
          AND tags = 0 AND parents = 0 AND events = 0 AND idle_since <= \(moment)
        """
      ) { (key: $0.integer(0), isHidden: !$0.isNull(1)) }
    case .forgotten:
      found = try first(
        """
        SELECT m.id FROM manifest m WHERE m.repository_id = \(repository) AND m.digest = \(manifest.digest)
          AND m.hidden_at IS NOT NULL AND m.events = 0 AND \(Self.hasNoIndex)
        """
      ) { (key: $0.integer(0), isHidden: true) }
    }
    guard let found else { return nil }
    return DeletedManifest(
      tags: [],
      blobs: try removeManifest(found.key, manifest.digest, repository, isHidden: found.isHidden, keptUntil))
  }

  fileprivate static var hasNoIndex: SQL {
    """
    NOT EXISTS (SELECT 1 FROM manifest_child c CROSS JOIN manifest p
      WHERE p.id = c.manifest_id AND c.digest = m.digest AND p.repository_id = m.repository_id)
    """
  }
}

extension Reading where Self: ~Copyable {
  /// Hidden manifests that no kept event and no index names any more.
  public func forgottenManifests(limit: Int) throws -> [IdleManifest] {
    try all(
      """
      SELECT m.repository_id, r.name, m.digest, m.size
      FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.hidden_at IS NOT NULL AND m.events = 0 AND \(Transaction.hasNoIndex) ORDER BY m.id LIMIT \(limit)
      """
    ) { try $0.idleManifest() }
  }

  /// Hidden manifests of a repository that name a blob.
  func hiddenManifests(naming blob: Digest, in repository: RepositoryID) throws -> [Digest] {
    try all(
      """
      SELECT m.digest FROM manifest m JOIN manifest_blob b ON b.manifest_id = m.id AND b.digest = \(blob)
      WHERE m.repository_id = \(repository) AND m.hidden_at IS NOT NULL
      """
    ) { try $0.digest(0) }
  }
}
