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

/// A manifest that a reference points to.
public struct FoundManifest: Sendable {
  public let digest: Digest
  public let mediaType: MediaType
  /// Nil when the asker has them.
  public let bytes: [UInt8]?
}

extension Row {
  fileprivate func foundManifest() throws -> FoundManifest {
    FoundManifest(digest: try digest(0), mediaType: try mediaType(1), bytes: isNull(2) ? nil : bytes(2))
  }
}

extension Row {
  func idleManifest() throws -> IdleManifest {
    IdleManifest(
      repository: RepositoryID(value: integer(0)), name: try repositoryName(1), digest: try digest(2),
      sizeBytes: integer(3))
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
  /// What a reference points to, in one statement.
  ///
  /// - Parameter known: a manifest whose bytes the caller has: they are not sent again.
  /// - Returns: nil when the repository has no such manifest.
  public func manifest(_ reference: Reference, in repository: RepositoryName, known: Digest?) throws -> FoundManifest? {
    let have = known?.description ?? ""
    switch reference {
    case .digest(let digest):
      return try first(
        """
        SELECT m.digest, m.media_type, CASE WHEN m.digest = \(have) THEN NULL ELSE c.bytes END
        FROM repository r JOIN manifest m ON m.repository_id = r.id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.name = \(repository) AND m.digest = \(digest) AND m.hidden_at IS NULL
        """
      ) { try $0.foundManifest() }
    case .tag(let tag):
      return try first(
        """
        SELECT m.digest, m.media_type, CASE WHEN m.digest = \(have) THEN NULL ELSE c.bytes END
        FROM repository r JOIN tag t ON t.repository_id = r.id
        JOIN manifest m ON m.repository_id = t.repository_id AND m.digest = t.digest
        JOIN manifest_content c ON c.manifest_id = m.id
        WHERE r.name = \(repository) AND t.name = \(tag)
        """
      ) { try $0.foundManifest() }
    }
  }

  /// A page of the manifests that name `subject`, in the order of their digests' text.
  public func referrers(
    of subject: Digest, in repository: RepositoryName, artifactType: String?, after digest: Digest?, limit: Int
  ) throws -> [Descriptor] {
    try all(
      Transaction.referrersPage(of: subject, in: repository, artifactType: artifactType, after: digest, limit: limit)
    ) { row in
      Descriptor(
        mediaType: try row.mediaType(0), digest: try row.digest(1), size: row.integer(2),
        annotations: try Self.annotations(row.optionalText(4)),
        artifactType: row.isNull(3) ? nil : try row.mediaType(3))
    }
  }

  /// The first digest that begins so and that a manifest names as its subject.
  public func subject(beginningWith prefix: String, in repository: RepositoryName) throws -> Digest? {
    try first(Transaction.firstSubject(beginningWith: prefix, in: repository)) { try $0.digest(0) }
  }

  /// Which of some manifests have rows in a repository; false: it is hidden from readers.
  public func visibility(of manifests: some Sequence<Digest>, in repository: RepositoryName) throws -> [Digest: Bool] {
    let rows = try all(
      """
      SELECT m.digest, m.hidden_at FROM repository r JOIN manifest m ON m.repository_id = r.id
      WHERE r.name = \(repository)
        AND m.digest IN (SELECT value FROM {LIST}(CAST(\(Transaction.list(manifests)) AS {JSON})))
      """
    ) { (try $0.digest(0), $0.isNull(1)) }
    return Dictionary(rows) { first, _ in first }
  }

  private static func annotations(_ text: String?) throws -> Annotations {
    guard var text else { return [:] }
    do {
      let value = try text.withUTF8 { try JSONValue.parse(UnsafeRawBufferPointer($0)) }
      return Annotations((value.object?.members ?? []).map { ($0.key, $0.value.string ?? "") })
    } catch { throw DatabaseError.corrupt("annotations are stored as something else than JSON") }
  }

  /// Manifests that no tag, no kept event and no index names since before `moment`, and that are no referrer of a manifest
  /// which is there.
  /// A subject that is there counts as a parent, so this is a look into one index.
  public func idleManifests(before moment: Timestamp, limit: Int) throws -> [IdleManifest] {
    try all(
      """
      SELECT m.repository_id, r.name, m.digest, m.size
      FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.tags = 0 AND m.parents = 0 AND m.events = 0 AND m.idle_since <= \(moment)
      ORDER BY m.idle_since LIMIT \(limit)
      """
    ) { try $0.idleManifest() }
  }
}

extension Transaction {
  static func referrersPage(
    of subject: Digest, in repository: RepositoryName, artifactType: String?, after digest: Digest?, limit: Int
  ) -> SQL {
    """
    SELECT m.media_type, m.digest, m.size, m.artifact_type, m.annotations
    FROM repository r JOIN manifest m ON m.repository_id = r.id
    WHERE r.name = \(repository) AND m.subject = \(subject) AND m.hidden_at IS NULL
      AND m.digest > \(digest?.description ?? "")
      AND (\(artifactType == nil) = 1 OR m.artifact_type = \(artifactType ?? ""))
    ORDER BY m.digest LIMIT \(limit)
    """
  }

  static func firstSubject(beginningWith prefix: String, in repository: RepositoryName) -> SQL {
    """
    SELECT m.subject FROM repository r JOIN manifest m ON m.repository_id = r.id
    WHERE r.name = \(repository) AND m.subject >= \(prefix) AND m.subject < \(prefix + "~") AND m.hidden_at IS NULL
    ORDER BY m.subject LIMIT 1
    """
  }
}
