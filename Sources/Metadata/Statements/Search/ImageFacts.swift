public import Ground
public import OCI

/// What an image says of itself, as it is kept.
public struct ImageFacts: Sendable, Hashable {
  /// Why its configuration could not be read; nil when it was. It is tried again.
  public var failure: String?
  public var builtAt: Timestamp?
  public var version: String?
  public var revision: String?
  public var source: String?
  public var title: String?
  public var licenses: String?
  public var baseName: String?
  public var baseDigest: String?
  /// `linux/amd64`, in the order of the index.
  public var platforms: [String] = []
  /// Configuration and layers, each once; of an index those of all its images.
  public var sizeBytes: Int64?
  /// Of an index the most that one of its images has.
  public var layerCount: Int?
  /// Labels of the configuration and annotations of the manifest, of which the second count.
  public var labels: [String: String] = [:]

  /// Of any of these texts that much is kept.
  public static let textLimitBytes = 512
  public static let labelLimit = 64
  public static let labelKeyLimitBytes = 256
  public static let labelValueLimitBytes = 512
  public static let platformLimit = 64
  /// How many words a search finds one image by.
  public static let wordLimit = 128

  public init() {}

  /// Held to what is kept.
  var bounded: ImageFacts {
    var kept = self
    func cut(_ text: String?) -> String? {
      text.map { $0.storable(limitBytes: Self.textLimitBytes) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    kept.failure = cut(failure)
    kept.version = cut(version)
    kept.revision = cut(revision)
    kept.source = cut(source)
    kept.title = cut(title)
    kept.licenses = cut(licenses)
    kept.baseName = cut(baseName)
    kept.baseDigest = cut(baseDigest)
    kept.builtAt = builtAt.map { max($0, .distantPast) }
    kept.platforms = platforms.prefix(Self.platformLimit).compactMap { cut($0.filter { $0 != "," }) }
    kept.labels = [:]
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) where kept.labels.count < Self.labelLimit {
      let name = key.storable(limitBytes: Self.labelKeyLimitBytes)
      if !name.isEmpty { kept.labels[name] = value.storable(limitBytes: Self.labelValueLimitBytes) }
    }
    return kept
  }

  /// What a search finds it by: first what fields look for, then labels.
  var words: [String] {
    let fields = [baseName, revision, title, version].compactMap { $0 }
    // The names of annotations that everybody uses find nothing.
    let texts =
      fields
      + labels.sorted { $0.key < $1.key }.flatMap { key, value in
        key.hasPrefix("org.opencontainers.image.") ? [value] : [key, value]
      }
    var seen = Set<String>()
    var words: [String] = []
    for text in texts {
      for word in SearchWords.of(text) where seen.insert(word).inserted {
        words.append(word)
        if words.count == Self.wordLimit { return words }
      }
    }
    return words
  }
}

extension Row {
  /// The columns of ``ImageFacts/columns``, from one on; nil when there is no row of facts.
  func imageFacts(from column: Int) -> ImageFacts? {
    guard !isNull(column) else { return nil }
    var facts = ImageFacts()
    facts.failure = text(column) == "failed" ? text(column + 1) : nil
    facts.builtAt = isNull(column + 2) ? nil : timestamp(column + 2)
    facts.version = optionalText(column + 3)
    facts.revision = optionalText(column + 4)
    facts.source = optionalText(column + 5)
    facts.title = optionalText(column + 6)
    facts.licenses = optionalText(column + 7)
    facts.baseName = optionalText(column + 8)
    facts.baseDigest = optionalText(column + 9)
    facts.platforms = (optionalText(column + 10) ?? "").split(separator: ",").map { String($0) }
    facts.sizeBytes = isNull(column + 11) ? nil : integer(column + 11)
    facts.layerCount = isNull(column + 12) ? nil : Int(integer(column + 12))
    return facts
  }
}

extension ImageFacts {
  static let columns: SQL = """
    f.state, f.reason, f.built_at, f.version, f.revision, f.source, f.title, f.licenses, f.base_name, f.base_digest,
    f.platforms, f.size, f.layers
    """
}

/// A manifest whose facts are to be read.
public struct DueFacts: Sendable {
  public let key: Int64
  public let repository: RepositoryRow
  public let digest: Digest
  public let mediaType: MediaType
  public let bytes: [UInt8]
  /// How often reading them failed.
  public let tries: Int
  /// How the one who has it marked it as taken: an image of an index that is read meanwhile makes it due again.
  public let takenUntil: Timestamp

  public init(
    key: Int64, repository: RepositoryRow, digest: Digest, mediaType: MediaType, bytes: [UInt8], tries: Int,
    takenUntil: Timestamp
  ) {
    self.key = key
    self.repository = repository
    self.digest = digest
    self.mediaType = mediaType
    self.bytes = bytes
    self.tries = tries
    self.takenUntil = takenUntil
  }
}

extension Reading where Self: ~Copyable {
  /// Whether there are manifests whose facts are to be read now. One look into an index.
  public func hasDueFacts() throws -> Bool {
    try number("SELECT COUNT(*) FROM (SELECT 1 FROM manifest WHERE facts_due <= \(now) LIMIT 1) x") > 0
  }

  /// The facts of a repository's manifests, as far as they were read, with their labels.
  public func imageFacts(of digests: [Digest], in repository: RepositoryID) throws -> [Digest: ImageFacts] {
    let list = Transaction.list(digests.map(\.description))
    let rows = try all(
      """
      SELECT m.digest, m.id, \(ImageFacts.columns) FROM manifest m JOIN image_fact f ON f.manifest_id = m.id
      WHERE m.repository_id = \(repository) AND m.digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """
    ) { (digest: try $0.digest(0), key: $0.integer(1), facts: $0.imageFacts(from: 2)) }
    let labels = try imageLabels(of: rows.map(\.key))
    var found: [Digest: ImageFacts] = [:]
    for row in rows {
      var facts = row.facts ?? ImageFacts()
      facts.labels = labels[row.key] ?? [:]
      found[row.digest] = facts
    }
    return found
  }

  func imageLabels(of manifests: [Int64]) throws -> [Int64: [String: String]] {
    let list = Transaction.list(manifests.map { String($0) })
    let rows = try all(
      """
      SELECT l.manifest_id, l.key, l.value FROM {LIST}(CAST(\(list) AS {JSON})) e CROSS JOIN image_label l
      WHERE l.manifest_id = CAST(e.value AS BIGINT)
      """
    ) { (manifest: $0.integer(0), key: $0.text(1), value: $0.text(2)) }
    return Dictionary(grouping: rows, by: \.manifest).mapValues { rows in
      Dictionary(rows.map { ($0.key, $0.value) }) { first, _ in first }
    }
  }
}

extension Transaction {
  /// Takes manifests whose facts are due, for as long as it may take to read them: another replica leaves them alone until then.
  public func takeDueFacts(limit: Int, until: Timestamp) throws -> [DueFacts] {
    let keys = try all(
      """
      UPDATE manifest SET facts_due = \(until)
      WHERE id IN (SELECT id FROM manifest WHERE facts_due <= \(now) ORDER BY facts_due, id LIMIT \(limit))
        AND facts_due <= \(now) RETURNING id
      """
    ) { $0.integer(0) }
    let rows = try keys.sorted().map { key in
      try later(
        """
        SELECT m.id, r.id, r.name, m.digest, m.media_type, c.bytes, m.facts_tries
        FROM manifest m JOIN repository r ON r.id = m.repository_id JOIN manifest_content c ON c.manifest_id = m.id
        WHERE m.id = \(key)
        """
      ) {
        DueFacts(
          key: $0.integer(0),
          repository: RepositoryRow(id: RepositoryID(value: $0.integer(1)), name: try $0.repositoryName(2)),
          digest: try $0.digest(3), mediaType: try $0.mediaType(4), bytes: $0.bytes(5), tries: Int($0.integer(6)),
          takenUntil: until)
      }
    }
    return try rows.flatMap { try $0.all() }
  }

  /// Writes what was read of a manifest. Nothing when it is gone. An index of which an image was read since it was taken stays due.
  ///
  /// - Parameter retryAt: when to try again after a failure.
  public func writeFacts(_ read: ImageFacts, of manifest: DueFacts, retryAt: Timestamp?) throws {
    let found = try execute(
      """
      UPDATE manifest SET facts_due = CASE WHEN facts_due = \(manifest.takenUntil) THEN \(retryAt) ELSE facts_due END,
        facts_tries = \(retryAt == nil ? 0 : manifest.tries + 1)
      WHERE id = \(manifest.key)
      """)
    guard found == 1 else { return }
    let facts = read.bounded
    let key = manifest.key
    try enqueue("DELETE FROM image_fact WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM image_label WHERE manifest_id = \(key)")
    try enqueue("DELETE FROM manifest_word WHERE manifest_id = \(key)")
    try enqueue(
      """
      INSERT INTO image_fact (manifest_id, state, reason, built_at, version, version_key, revision, source, title,
        licenses, base_name, base_digest, platforms, size, layers)
      VALUES (\(key), \(facts.failure == nil ? "read" : "failed"), \(facts.failure), \(facts.builtAt), \(facts.version),
        \(facts.version.flatMap { SemanticVersion(parsing: $0)?.key }), \(facts.revision), \(facts.source),
        \(facts.title), \(facts.licenses), \(facts.baseName), \(facts.baseDigest),
        \(facts.platforms.isEmpty ? nil : facts.platforms.joined(separator: ",")), \(facts.sizeBytes),
        \(facts.layerCount))
      """)
    for (name, value) in facts.labels.sorted(by: { $0.key < $1.key }) {
      try enqueue("INSERT INTO image_label (manifest_id, key, value) VALUES (\(key), \(name), \(value))")
    }
    try enqueue(
      """
      INSERT INTO manifest_word (manifest_id, word)
      SELECT m.id, e.value FROM manifest m CROSS JOIN {LIST}(CAST(\(Self.list(facts.words)) AS {JSON})) e
      WHERE m.id = \(key)
      """)
    // Indexes that show it have been read without it.
    try enqueue(
      """
      UPDATE manifest SET facts_due = 0 WHERE repository_id = \(manifest.repository.id)
        AND id IN (SELECT manifest_id FROM manifest_child WHERE digest = \(manifest.digest))
      """)
  }
}
