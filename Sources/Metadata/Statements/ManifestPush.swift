public import OCI

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

/// What became of a manifest that was pushed.
public struct ManifestOutcome: Sendable {
  /// It was not in the repository before.
  public let isNew: Bool
  /// What it names and the repository does not have.
  public let missing: [Descriptor]
  /// Blobs that are here with another size than a new manifest says: the caller must throw then.
  public let wrongSizes: [Descriptor]
  /// Tags that pointed elsewhere before, and where.
  public let moved: [(tag: Tag, from: Digest)]
  /// Channels that follow a version that was pushed, and that were pointed to it.
  public let channels: [Tag]
  /// Channels that stay at a later version than those that were pushed, although its tag is deleted.
  public let heldChannels: [HeldChannel]
}

extension Transaction {
  /// Stores a manifest, counts what it names (invariant I2), and points tags to it, each change of which is an event
  /// (invariant I6). Three round trips with the commit.
  ///
  /// A manifest that is there already is left as it is; one that history kept is shown again; no event where a tag does not
  /// change.
  /// - Parameter allowsMissing: accept it although something it names is not here (sparse).
  /// - Returns: when `missing` is not empty and `allowsMissing` is false, the caller must throw, so that nothing of this
  ///   transaction remains.
  /// - Throws: ``TagRefusal`` for a tag that may not be moved so.
  public func push(
    _ record: ManifestRecord, to name: RepositoryName, tags: [Tag], allowsMissing: Bool, _ cause: TagCause
  ) throws -> ManifestOutcome {
    // Manifests of one repository are pushed and deleted one after the other: two that count each other, pushed at once,
    // would else both look before either is there. Blobs that come meanwhile have to wait only where missing ones are noted.
    let locked =
      try allowsMissing
      ? later("SELECT id, manifests FROM repository WHERE name = \(name) {LOCK ALONE}") { $0.lockedRepository }
      : later("SELECT id, manifests FROM repository WHERE name = \(name) {LOCK}") { $0.lockedRepository }
    let known = try later(
      """
      SELECT m.hidden_at FROM repository r JOIN manifest m ON m.repository_id = r.id
      WHERE r.name = \(name) AND m.digest = \(record.digest)
      """
    ) { !$0.isNull(0) }
    let pointers = try previousPointers(of: tags, name)
    let ruleRows = tags.isEmpty ? nil : try tagRuleRows(of: name)
    guard let (repository, isEmpty) = try locked.first() else {
      // Made here, or by another meanwhile: what was looked at before says nothing.
      _ = try ensureRepository(name)
      return try push(record, to: name, tags: tags, allowsMissing: allowsMissing, cause)
    }
    if isEmpty { try enqueueNamespace(of: name) }
    let isHidden = try known.first()
    let isNew = isHidden == nil
    let missing: MissingReferences
    if isNew {
      missing = try insert(record, repository, allowsMissing: allowsMissing)
    } else {
      // Whoever pushes it again is about to use it.
      try enqueue(
        "UPDATE manifest SET idle_since = \(now) WHERE repository_id = \(repository) AND digest = \(record.digest)")
      missing = try findReferences(of: record.manifest, repository)
      if isHidden == true { try showManifest(record.digest, in: repository) }
    }
    var previous: [Tag: Digest] = [:]
    for (tag, digest) in try pointers?.all() ?? [] { previous[tag] = digest }
    var channels: [ChannelMove] = []
    var held: [HeldChannel] = []
    if let ruleRows {
      let rules = try TagRules(try ruleRows.all(), of: name)
      let row = RepositoryRow(id: repository, name: name)
      (channels, held) = try point(tags, to: record.digest, row, previous, rules, cause)
    }
    let (absent, wrongSizes) = try missing.found()
    if isNew && allowsMissing { try noteMissing(absent, of: record, repository) }
    let moved = Set(tags).subtracting(channels.map(\.tag)).compactMap { tag in
      previous[tag].flatMap { $0 == record.digest ? nil : (tag: tag, from: $0) }
    }
    let followed = channels.compactMap { move in move.from.map { (tag: move.tag, from: $0) } }
    return ManifestOutcome(
      isNew: isNew, missing: absent, wrongSizes: isNew ? wrongSizes : [],
      moved: (moved + followed).sorted { $0.tag.text < $1.tag.text },
      channels: channels.map(\.tag), heldChannels: held)
  }

  /// A namespace that was deleted since the repository was made is begun anew by what is pushed there.
  private func enqueueNamespace(of name: RepositoryName) throws {
    try enqueue(
      """
      INSERT INTO namespace (name, is_public, created_at) VALUES (\(name.namespace), 0, \(now))
      ON CONFLICT (name) DO NOTHING
      """)
  }

  // MARK: The manifest

  private struct BlobHere {
    let digest: Digest
    let sizeBytes: Int64
  }

  /// Statements that will tell which of the references are here.
  private struct MissingReferences {
    let manifest: Manifest
    let blobs: Later<BlobHere>?
    /// Nil for one that is there and hidden: it counts its parents, and no reader sees it.
    let children: Later<Digest?>?

    /// What is not here, and the blobs that are here with another size.
    func found() throws -> (missing: [Descriptor], wrongSizes: [Descriptor]) {
      let sizes = Dictionary(try (blobs?.all() ?? []).map { ($0.digest, $0.sizeBytes) }) { first, _ in first }
      let childrenHere = Set(try children?.all().compactMap { $0 } ?? [])
      let missing =
        manifest.requiredBlobs.filter { sizes[$0.digest] == nil }
        + manifest.requiredManifests.filter { !childrenHere.contains($0.digest) }
      return (missing, manifest.requiredBlobs.filter { blob in sizes[blob.digest].map { $0 != blob.size } ?? false })
    }
  }

  private func insert(
    _ record: ManifestRecord, _ repository: RepositoryID, allowsMissing: Bool
  ) throws -> MissingReferences {
    let manifest = record.manifest
    let annotations = manifest.subject == nil || manifest.annotations.isEmpty ? nil : manifest.annotations.json.text
    // Its parents are the indexes that name it, and its subject when that is there. CROSS JOIN holds SQLite to the order that
    // begins with the few rows of this digest.
    try enqueue(
      """
      INSERT INTO manifest (repository_id, digest, media_type, kind, size, artifact_type, subject, annotations, tags,
        parents, idle_since, pushed_at)
      VALUES (\(repository), \(record.digest), \(manifest.mediaType), \(manifest.kind == .index ? 1 : 0),
        \(record.bytes.count), \(manifest.artifactType), \(manifest.subject?.digest), \(annotations), 0,
        (SELECT COUNT(*) FROM manifest_child c CROSS JOIN manifest m
          WHERE m.id = c.manifest_id AND c.digest = \(record.digest) AND m.repository_id = \(repository))
        + (SELECT COUNT(*) FROM manifest s
          WHERE s.repository_id = \(repository) AND s.digest = \(manifest.subject?.digest.description ?? "")),
        \(now), \(now))
      """)
    try enqueue("UPDATE repository SET manifests = manifests + 1 WHERE id = \(repository)")
    try enqueue(
      "UPDATE manifest SET parents = parents + 1 WHERE repository_id = \(repository) AND subject = \(record.digest)")
    return try insertContent(of: record, repository, onlySound: !allowsMissing)
  }

  /// - Parameter onlySound: a blob that is damaged counts as missing.
  private func insertContent(
    of record: ManifestRecord, _ repository: RepositoryID, onlySound: Bool
  ) throws -> MissingReferences {
    let manifest = record.manifest
    try enqueue(
      """
      INSERT INTO manifest_content (manifest_id, bytes)
      SELECT id, \(record.bytes) FROM manifest WHERE repository_id = \(repository) AND digest = \(record.digest)
      """)
    var blobs: Later<BlobHere>?
    if !manifest.requiredBlobs.isEmpty {
      let list = Self.list(manifest.requiredBlobs)
      try enqueue(
        """
        INSERT INTO manifest_blob (manifest_id, digest)
        SELECT m.id, e.value FROM manifest m CROSS JOIN {LIST}(CAST(\(list) AS {JSON})) e
        WHERE m.repository_id = \(repository) AND m.digest = \(record.digest)
        """)
      blobs = try countBlobs(list, repository, onlySound: onlySound)
    }
    guard !manifest.requiredManifests.isEmpty else {
      return MissingReferences(manifest: manifest, blobs: blobs, children: nil)
    }
    let list = Self.list(manifest.requiredManifests)
    try enqueue(
      """
      INSERT INTO manifest_child (manifest_id, digest)
      SELECT m.id, e.value FROM manifest m CROSS JOIN {LIST}(CAST(\(list) AS {JSON})) e
      WHERE m.repository_id = \(repository) AND m.digest = \(record.digest)
      """)
    let children = try later(
      """
      UPDATE manifest SET parents = parents + 1
      WHERE repository_id = \(repository) AND digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      RETURNING digest, hidden_at
      """
    ) { $0.isNull(1) ? try $0.digest(0) : nil }
    return MissingReferences(manifest: manifest, blobs: blobs, children: children)
  }

  /// Counts one manifest more that names each of the blobs, and tells which are here, and how large.
  private func countBlobs(_ list: String, _ repository: RepositoryID, onlySound: Bool) throws -> Later<BlobHere> {
    guard onlySound else {
      return try later(
        """
        UPDATE repository_blob SET refs = refs + 1
        WHERE repository_id = \(repository) AND digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        RETURNING digest, (SELECT size FROM blob WHERE blob.digest = repository_blob.digest)
        """
      ) { BlobHere(digest: try $0.digest(0), sizeBytes: $0.integer(1)) }
    }
    return try later(
      """
      UPDATE repository_blob SET refs = refs + 1
      WHERE repository_id = \(repository) AND digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        AND EXISTS (SELECT 1 FROM blob WHERE blob.digest = repository_blob.digest AND blob.state = 1)
      RETURNING digest, (SELECT size FROM blob WHERE blob.digest = repository_blob.digest)
      """
    ) { BlobHere(digest: try $0.digest(0), sizeBytes: $0.integer(1)) }
  }

  /// Which references of a manifest that is pushed once more are here (still): its client must push the others again.
  private func findReferences(of manifest: Manifest, _ repository: RepositoryID) throws -> MissingReferences {
    let blobs = try later(
      """
      SELECT l.digest, b.size FROM repository_blob l JOIN blob b ON b.digest = l.digest
      WHERE l.repository_id = \(repository) AND b.state = 1
        AND l.digest IN (SELECT value FROM {LIST}(CAST(\(Self.list(manifest.requiredBlobs)) AS {JSON})))
      """
    ) { BlobHere(digest: try $0.digest(0), sizeBytes: $0.integer(1)) }
    let children = try later(
      """
      SELECT digest FROM manifest WHERE repository_id = \(repository) AND hidden_at IS NULL
        AND digest IN (SELECT value FROM {LIST}(CAST(\(Self.list(manifest.requiredManifests)) AS {JSON})))
      """
    ) { Optional(try $0.digest(0)) }
    return MissingReferences(manifest: manifest, blobs: blobs, children: children)
  }

  private func noteMissing(
    _ missing: [Descriptor], of record: ManifestRecord, _ repository: RepositoryID
  ) throws {
    let blobs = Set(record.manifest.requiredBlobs.map(\.digest)).intersection(missing.map(\.digest))
    guard !blobs.isEmpty else { return }
    try enqueue(
      """
      INSERT INTO missing_reference (repository_id, digest, manifest_id)
      SELECT m.repository_id, e.value, m.id
      FROM manifest m CROSS JOIN {LIST}(CAST(\(Self.list(blobs)) AS {JSON})) e
      WHERE m.repository_id = \(repository) AND m.digest = \(record.digest)
      """)
  }

  private static func list(_ descriptors: [Descriptor]) -> String { list(descriptors.map(\.digest)) }

  /// A JSON array of texts that need no escape.
  static func list(_ digests: some Sequence<Digest>) -> String {
    "[" + digests.map { "\"\($0)\"" }.joined(separator: ",") + "]"
  }

  // MARK: Its tags

  private func previousPointers(of tags: [Tag], _ name: RepositoryName) throws -> Later<(Tag, Digest)>? {
    guard !tags.isEmpty else { return nil }
    let list = "[" + tags.map { "\"\($0.text)\"" }.joined(separator: ",") + "]"
    return try later(
      """
      SELECT t.name, t.digest FROM repository r JOIN tag t ON t.repository_id = r.id
      WHERE r.name = \(name) AND t.name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """
    ) { (try $0.tag(0), try $0.digest(1)) }
  }

  private func point(
    _ tags: [Tag], to digest: Digest, _ repository: RepositoryRow, _ previous: [Tag: Digest], _ rules: TagRules,
    _ cause: TagCause
  ) throws -> ([ChannelMove], [HeldChannel]) {
    let (moves, held) = try channelMoves(of: tags, to: digest, in: repository, rules)
    for tag in Set(tags).subtracting(moves.map(\.tag)).sorted() {
      try rules.checkMove(of: tag, from: previous[tag], to: digest)
      if previous[tag] != digest, try followsVersions(tag, in: repository.id, rules) { throw rules.channelRefusal(tag) }
      try pointTag(tag, to: digest, in: repository, from: previous[tag], cause)
    }
    for move in moves {
      let cause = cause.following(move.version)
      if move.from != digest {
        try pointTag(move.tag, to: digest, in: repository, from: move.from, cause)
      } else if !move.isTold {
        try noteVersion(of: move.tag, at: digest, in: repository, cause)
      }
    }
    return (moves.filter { $0.from != digest }, held)
  }
}

extension Row {
  fileprivate var lockedRepository: (id: RepositoryID, isEmpty: Bool) {
    (RepositoryID(value: integer(0)), integer(1) == 0)
  }
}
