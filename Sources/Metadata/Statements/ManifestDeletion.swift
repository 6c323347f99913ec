public import Ground
public import OCI

/// What a deleted manifest took along: tags that went with it, and blobs that have one reference less.
public struct DeletedManifest: Sendable {
  public let tags: [Tag]
  public let blobs: [Digest]
}

extension Transaction {
  /// Deletes a manifest and all tags that point to it, and lets go of what it named.
  ///
  /// - Parameter keptUntil: how long a blob that is now unreferenced stays for a client that is about to use it again.
  /// - Returns: what went with it, or nil when there is no such manifest.
  public func deleteManifest(
    _ digest: Digest, from repository: RepositoryID, keptUntil: Timestamp, actor: String
  ) throws -> DeletedManifest? {
    try lock(repository)
    let found = try later("SELECT id FROM manifest WHERE repository_id = \(repository) AND digest = \(digest)") {
      $0.integer(0)
    }
    let named = try later(
      "SELECT name FROM tag WHERE repository_id = \(repository) AND digest = \(digest) ORDER BY name"
    ) { try $0.tag(0) }
    guard let key = try found.first() else { return nil }
    let tags = try named.all()
    for tag in tags { _ = try deleteTag(tag, from: repository, actor: actor) }
    let blobs = try all("SELECT digest FROM manifest_blob WHERE manifest_id = \(key)") { try $0.digest(0) }
    try enqueue(
      """
      UPDATE repository_blob SET refs = refs - 1,
        leased_until = CASE WHEN refs = 1 AND leased_until < \(keptUntil) THEN \(keptUntil) ELSE leased_until END
      WHERE repository_id = \(repository)
        AND digest IN (SELECT digest FROM manifest_blob WHERE manifest_id = \(key))
        AND digest NOT IN (
          SELECT digest FROM missing_reference WHERE repository_id = \(repository) AND manifest_id = \(key))
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
    try enqueue("UPDATE repository SET manifests = manifests - 1 WHERE id = \(repository)")
    try enqueue("DELETE FROM missing_reference WHERE repository_id = \(repository) AND manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_blob WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_child WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_content WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest WHERE id = \(key)")
    return DeletedManifest(tags: tags, blobs: blobs)
  }

  /// Whether a manifest is still named by nothing *in this transaction*: the collector's second look (invariant I3).
  public func isIdle(_ manifest: IdleManifest, before moment: Timestamp) throws -> Bool {
    try lock(manifest.repository)
    return try number(
      """
      SELECT COUNT(*) FROM manifest m
      WHERE m.repository_id = \(manifest.repository) AND m.digest = \(manifest.digest) AND m.tags = 0 AND m.parents = 0
        AND m.idle_since <= \(moment)
      """) == 1
  }
}
