public import Ground
public import OCI

/// A manifest as it is answered to a reader.
public struct StoredManifest: Sendable {
  public let digest: Digest
  public let mediaType: MediaType
  public let bytes: [UInt8]

  public init(digest: Digest, mediaType: MediaType, bytes: [UInt8]) {
    self.digest = digest
    self.mediaType = mediaType
    self.bytes = bytes
  }
}

/// A manifest that nothing names, as the collector sees it.
public struct IdleManifest: Sendable, Hashable {
  public let repository: RepositoryID
  public let name: RepositoryName
  public let digest: Digest
  public let sizeBytes: Int64
}

extension Reading where Self: ~Copyable {
  public func manifest(_ digest: Digest, in repository: RepositoryName) throws -> StoredManifest? {
    try first(
      """
      SELECT m.media_type, c.bytes
      FROM repository r JOIN manifest m ON m.repository_id = r.id JOIN manifest_content c ON c.manifest_id = m.id
      WHERE r.name = \(repository) AND m.digest = \(digest)
      """
    ) { StoredManifest(digest: digest, mediaType: try $0.mediaType(0), bytes: $0.bytes(1)) }
  }

  /// A page of the manifests that name `subject`, in the order of their digests' text.
  public func referrers(
    of subject: Digest, in repository: RepositoryName, artifactType: String?, after digest: Digest?, limit: Int
  ) throws -> [Descriptor] {
    let from = digest?.description ?? ""
    let anyType = artifactType == nil
    return try all(
      """
      SELECT m.media_type, m.digest, m.size, m.artifact_type, m.annotations
      FROM repository r JOIN manifest m ON m.repository_id = r.id
      WHERE r.name = \(repository) AND m.subject = \(subject) AND m.digest > \(from)
        AND (\(anyType) = 1 OR m.artifact_type = \(artifactType ?? ""))
      ORDER BY m.digest LIMIT \(limit)
      """
    ) { row in
      Descriptor(
        mediaType: try row.mediaType(0), digest: try row.digest(1), size: row.integer(2),
        annotations: try Self.annotations(row.optionalText(4)),
        artifactType: row.isNull(3) ? nil : try row.mediaType(3))
    }
  }

  private static func annotations(_ text: String?) throws -> Annotations {
    guard var text else { return [:] }
    do {
      let value = try text.withUTF8 { try JSONValue.parse(UnsafeRawBufferPointer($0)) }
      return Annotations((value.object?.members ?? []).map { ($0.key, $0.value.string ?? "") })
    } catch { throw DatabaseError.corrupt("annotations are stored as something else than JSON") }
  }

  /// Manifests that no tag and no index names since before `moment`, and that are no referrer of a manifest which is there.
  /// A subject that is there counts as a parent, so this is a look into one index.
  public func idleManifests(before moment: Timestamp, limit: Int) throws -> [IdleManifest] {
    try all(
      """
      SELECT m.repository_id, r.name, m.digest, m.size
      FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.tags = 0 AND m.parents = 0 AND m.idle_since <= \(moment)
      ORDER BY m.idle_since LIMIT \(limit)
      """
    ) {
      IdleManifest(
        repository: RepositoryID(value: $0.integer(0)), name: try $0.repositoryName(1), digest: try $0.digest(2),
        sizeBytes: $0.integer(3))
    }
  }
}

/// A manifest to be stored, with everything that the database keeps of it.
public struct ManifestRecord: Sendable {
  public let digest: Digest
  public let manifest: Manifest
  public let bytes: [UInt8]

  public init(digest: Digest, manifest: Manifest, bytes: [UInt8]) {
    self.digest = digest
    self.manifest = manifest
    self.bytes = bytes
  }
}

/// What a deleted manifest took along: tags that went with it, and blobs that have one reference less.
public struct DeletedManifest: Sendable {
  public let tags: [Tag]
  public let blobs: [Digest]
}

extension Transaction {
  /// Stores a manifest and counts what it names, all of which must be present in this transaction (invariant I2).
  ///
  /// A manifest that is there already is left as it is.
  /// - Parameter allowsMissing: accept it although something it names is not here (sparse).
  /// - Returns: whether it is new here, and what is missing. When that is not empty and `allowsMissing` is false, the caller
  ///   must throw, so that nothing of this transaction remains.
  public func insertManifest(
    _ record: ManifestRecord, into repository: RepositoryID, allowsMissing: Bool
  ) throws -> (isNew: Bool, missing: [Descriptor]) {
    let manifest = record.manifest
    let parents = try parentCount(of: record, in: repository)
    let annotations = manifest.subject == nil || manifest.annotations.isEmpty ? nil : manifest.annotations.json.text
    let key = try first(
      """
      INSERT INTO manifest (repository_id, digest, media_type, kind, size, artifact_type, subject, annotations, tags,
        parents, idle_since, pushed_at)
      VALUES (\(repository), \(record.digest), \(manifest.mediaType), \(manifest.kind == .index ? 1 : 0),
        \(record.bytes.count), \(manifest.artifactType), \(manifest.subject?.digest), \(annotations), 0, \(parents),
        \(now), \(now))
      ON CONFLICT (repository_id, digest) DO NOTHING
      RETURNING id
      """
    ) { $0.integer(0) }
    guard let key else {
      // Whoever pushes it again is about to use it.
      try execute(
        "UPDATE manifest SET idle_since = \(now) WHERE repository_id = \(repository) AND digest = \(record.digest)")
      return (false, try missingReferences(of: manifest, in: repository))
    }
    try execute("UPDATE repository SET manifests = manifests + 1 WHERE id = \(repository)")
    try execute(
      "UPDATE manifest SET parents = parents + 1 WHERE repository_id = \(repository) AND subject = \(record.digest)")
    let missing = try insertReferences(of: record, key: key, repository, allowsMissing: allowsMissing)
    return (true, missing)
  }

  /// Indexes of the repository that name the manifest, and its subject when that is there.
  private func parentCount(of record: ManifestRecord, in repository: RepositoryID) throws -> Int64 {
    // CROSS JOIN holds SQLite to the order that begins with the few rows of this digest.
    let indexes = try number(
      """
      SELECT COUNT(*) FROM manifest_child c CROSS JOIN manifest m
      WHERE m.id = c.manifest_id AND c.digest = \(record.digest) AND m.repository_id = \(repository)
      """)
    guard let subject = record.manifest.subject?.digest else { return indexes }
    return indexes
      + (try number("SELECT COUNT(*) FROM manifest WHERE repository_id = \(repository) AND digest = \(subject)"))
  }

  private func insertReferences(
    of record: ManifestRecord, key: Int64, _ repository: RepositoryID, allowsMissing: Bool
  ) throws -> [Descriptor] {
    let manifest = record.manifest
    try execute("INSERT INTO manifest_content (manifest_id, bytes) VALUES (\(key), \(record.bytes))")
    var missing: [Descriptor] = []
    for blob in manifest.requiredBlobs {
      try execute("INSERT INTO manifest_blob (manifest_id, digest) VALUES (\(key), \(blob.digest))")
      if try !countReference(to: blob.digest, in: repository, onlyIfSound: !allowsMissing) {
        missing.append(blob)
        if allowsMissing {
          try execute(
            """
            INSERT INTO missing_reference (repository_id, digest, manifest_id) VALUES (\(repository), \(blob.digest), \(key))
            """)
        }
      }
    }
    for child in manifest.requiredManifests {
      try execute("INSERT INTO manifest_child (manifest_id, digest) VALUES (\(key), \(child.digest))")
      let counted = try execute(
        "UPDATE manifest SET parents = parents + 1 WHERE repository_id = \(repository) AND digest = \(child.digest)")
      if counted == 0 { missing.append(child) }
    }
    return missing
  }

  /// Counts one manifest more that names a blob. Answers false when the repository has no such blob.
  ///
  /// - Parameter onlyIfSound: nor one that is damaged.
  private func countReference(to digest: Digest, in repository: RepositoryID, onlyIfSound: Bool) throws -> Bool {
    guard onlyIfSound else {
      return try execute(
        "UPDATE repository_blob SET refs = refs + 1 WHERE repository_id = \(repository) AND digest = \(digest)") == 1
    }
    return try execute(
      """
      UPDATE repository_blob SET refs = refs + 1
      WHERE repository_id = \(repository) AND digest = \(digest)
        AND EXISTS (SELECT 1 FROM blob WHERE blob.digest = repository_blob.digest AND blob.state = 1)
      """) == 1
  }

  /// What a manifest that is pushed once more names and is not here (any more): its client must push that again.
  private func missingReferences(of manifest: Manifest, in repository: RepositoryID) throws -> [Descriptor] {
    let blobs = try manifest.requiredBlobs.filter { blob in
      try number(
        """
        SELECT COUNT(*) FROM repository_blob l JOIN blob b ON b.digest = l.digest
        WHERE l.repository_id = \(repository) AND l.digest = \(blob.digest) AND b.state = 1
        """) == 0
    }
    let children = try manifest.requiredManifests.filter { child in
      try number(
        "SELECT COUNT(*) FROM manifest WHERE repository_id = \(repository) AND digest = \(child.digest)") == 0
    }
    return blobs + children
  }

  /// Deletes a manifest and all tags that point to it, and lets go of what it named.
  ///
  /// - Parameter keptUntil: how long a blob that is now unreferenced stays for a client that is about to use it again.
  /// - Returns: what went with it, or nil when there is no such manifest.
  public func deleteManifest(
    _ digest: Digest, from repository: RepositoryID, keptUntil: Timestamp, actor: String
  ) throws -> DeletedManifest? {
    let key = try first(
      "SELECT id FROM manifest WHERE repository_id = \(repository) AND digest = \(digest)"
    ) { $0.integer(0) }
    guard let key else { return nil }
    let tags = try all("SELECT name FROM tag WHERE repository_id = \(repository) AND digest = \(digest) ORDER BY name")
    {
      try $0.tag(0)
    }
    for tag in tags { _ = try deleteTag(tag, from: repository, actor: actor) }
    let blobs = try all("SELECT digest FROM manifest_blob WHERE manifest_id = \(key)") { try $0.digest(0) }
    try execute(
      """
      UPDATE repository_blob SET refs = refs - 1,
        leased_until = CASE WHEN refs = 1 AND leased_until < \(keptUntil) THEN \(keptUntil) ELSE leased_until END
      WHERE repository_id = \(repository)
        AND digest IN (SELECT digest FROM manifest_blob WHERE manifest_id = \(key))
        AND digest NOT IN (
          SELECT digest FROM missing_reference WHERE repository_id = \(repository) AND manifest_id = \(key))
      """)
    try execute(
      """
      UPDATE manifest SET parents = parents - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND digest IN (SELECT digest FROM manifest_child WHERE manifest_id = \(key))
      """)
    try execute(
      """
      UPDATE manifest SET parents = parents - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND subject = \(digest)
      """)
    try execute("UPDATE repository SET manifests = manifests - 1 WHERE id = \(repository)")
    try execute("DELETE FROM missing_reference WHERE repository_id = \(repository) AND manifest_id = \(key)")
    try execute("DELETE FROM manifest_blob WHERE manifest_id = \(key)")
    try execute("DELETE FROM manifest_child WHERE manifest_id = \(key)")
    try execute("DELETE FROM manifest_content WHERE manifest_id = \(key)")
    try execute("DELETE FROM manifest WHERE id = \(key)")
    return DeletedManifest(tags: tags, blobs: blobs)
  }

  /// Whether a manifest is still named by nothing *in this transaction*: the collector's second look (invariant I3).
  public func isIdle(_ manifest: IdleManifest, before moment: Timestamp) throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM manifest m
      WHERE m.repository_id = \(manifest.repository) AND m.digest = \(manifest.digest) AND m.tags = 0 AND m.parents = 0
        AND m.idle_since <= \(moment)
      """) == 1
  }
}
