public import Ground
public import OCI

/// A statement about a vulnerability in a product, from a VEX document.
public struct VEXRow: Sendable, Hashable {
  /// What it stands in: the digest of the manifest that is attached to an image, or the name under which it was uploaded.
  public let document: String
  /// The image that the document is attached to; nil: it was uploaded.
  public let subject: Digest?
  public let vulnerability: String
  /// As the scanner writes targets.
  public let product: String
  /// `not_affected`, `affected`, `fixed`, `under_investigation`; or ``unreadable``, for a document that says nothing.
  public let status: String
  public let justification: String
  public let detail: String
  public let author: String
  public let statedAt: Timestamp

  public init(
    document: String, subject: Digest? = nil, vulnerability: String, product: String, status: String,
    justification: String, detail: String, author: String, statedAt: Timestamp
  ) {
    self.document = document.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.subject = subject
    self.vulnerability = vulnerability.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.product = product.storable(limitBytes: Self.productLimitBytes)
    self.status = status
    self.justification = justification.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.detail = detail.storable(limitBytes: AdvisoryRecord.summaryLimitBytes)
    self.author = author.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.statedAt = statedAt
  }

  /// The status of a row that stands for an attached document which cannot be read; `detail` says why.
  public static let unreadable = "unreadable"

  /// The row of a document that is attached to an image and cannot be read.
  ///
  /// - Parameter reason: for people.
  public static func unreadable(_ document: Digest, subject: Digest, _ reason: String, now: Timestamp) -> VEXRow {
    VEXRow(
      document: document.description, subject: subject, vulnerability: "", product: "", status: unreadable,
      justification: "", detail: reason, author: "", statedAt: now)
  }

  /// A target that is longer means something else when it is cut: it is not to be stored.
  public static let productLimitBytes = 1024
}

/// A VEX document as a whole.
public struct VEXDocumentRow: Sendable, Hashable {
  public let document: String
  /// The image that it is attached to; nil: it was uploaded.
  public let subject: Digest?
  /// Those of the namespace that hold it, at most ``repositoryLimit``; none for one that was uploaded.
  public let repositories: [RepositoryName]
  public let author: String
  public let statementCount: Int64
  public let latestAt: Timestamp
  /// Why it cannot be read; nil: it was.
  public let failure: String?

  /// An attached document that more repositories hold is told with these.
  public static let repositoryLimit = 100
}

extension Reading where Self: ~Copyable {
  /// What VEX documents of a namespace say of vulnerabilities, by any name of them. What is attached counts while it is there.
  public func vexStatements(of namespace: String, about names: [String]) throws -> [VEXRow] {
    guard try number("SELECT COUNT(*) FROM (SELECT 1 FROM vex_statement WHERE namespace = \(namespace) LIMIT 1) x") > 0
    else { return [] }
    let list = Transaction.list(names)
    return try all(
      """
      SELECT v.document, v.subject, v.vulnerability, v.product, v.status, v.justification, v.detail, v.author, v.stated_at
      FROM vex_statement v
      WHERE v.namespace = \(namespace) AND v.status <> \(VEXRow.unreadable)
        AND v.vulnerability IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        AND (v.subject IS NULL
          OR EXISTS (SELECT 1 FROM manifest m WHERE m.digest = v.document AND m.hidden_at IS NULL))
      ORDER BY v.id
      """
    ) {
      VEXRow(
        document: $0.text(0), subject: $0.isNull(1) ? nil : try $0.digest(1), vulnerability: $0.text(2),
        product: $0.text(3), status: $0.text(4), justification: $0.text(5), detail: $0.text(6), author: $0.text(7),
        statedAt: $0.timestamp(8))
    }
  }

  /// The VEX documents of a namespace, by their names.
  public func vexDocuments(of namespace: String, after name: String, limit: Int) throws -> [VEXDocumentRow] {
    let found = try all(
      """
      SELECT document, MIN(subject), MIN(author), SUM(CASE WHEN status = \(VEXRow.unreadable) THEN 0 ELSE 1 END),
        MAX(stated_at), MAX(CASE WHEN status = \(VEXRow.unreadable) THEN detail END)
      FROM vex_statement
      WHERE namespace = \(namespace) AND document > \(name) GROUP BY document ORDER BY document LIMIT \(limit)
      """
    ) {
      (
        document: $0.text(0), subject: $0.isNull(1) ? nil : try $0.digest(1), author: $0.text(2),
        count: $0.integer(3), latestAt: $0.timestamp(4), failure: $0.optionalText(5)
      )
    }
    let holders = try found.map { row in
      try row.subject.map { _ in
        try later(
          """
          SELECT r.name FROM manifest m JOIN repository r ON r.id = m.repository_id
          WHERE m.digest = \(row.document) AND m.hidden_at IS NULL
            AND (r.name = \(namespace) OR (r.name >= \(namespace + "/") AND r.name < \(namespace + "0")))
          ORDER BY r.name LIMIT \(VEXDocumentRow.repositoryLimit)
          """
        ) { try $0.repositoryName(0) }
      }
    }
    return try zip(found, holders).map { row, holders in
      VEXDocumentRow(
        document: row.document, subject: row.subject, repositories: try holders?.all() ?? [], author: row.author,
        statementCount: row.count, latestAt: row.latestAt, failure: row.failure)
    }
  }

  /// VEX documents that are attached to one of some images and cannot be read, with the reason.
  public func unreadableVEX(
    about digests: [Digest], of namespace: String
  ) throws -> [(document: String, reason: String)] {
    let list = Transaction.list(digests.map(\.description))
    return try all(
      """
      SELECT v.document, v.detail FROM vex_statement v
      WHERE v.namespace = \(namespace) AND v.vulnerability = '' AND v.status = \(VEXRow.unreadable)
        AND v.subject IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        AND EXISTS (SELECT 1 FROM manifest m WHERE m.digest = v.document AND m.hidden_at IS NULL)
      ORDER BY v.document
      """
    ) { (document: $0.text(0), reason: $0.text(1)) }
  }

  /// The manifest itself, and the indexes of the repository that list it.
  public func digestsOf(image digest: Digest, in repository: RepositoryName) throws -> [Digest] {
    let parents = try all(
      """
      SELECT m.digest FROM manifest_child c JOIN manifest m ON m.id = c.manifest_id
        JOIN repository r ON r.id = m.repository_id
      WHERE c.digest = \(digest) AND r.name = \(repository) AND m.hidden_at IS NULL
      """
    ) { try $0.digest(0) }
    return [digest] + parents
  }
}

extension Transaction {
  /// Puts what a VEX document says in place of what the document of this name said before. Answers how much it said.
  @discardableResult
  public func replaceVEX(_ document: String, of namespace: String, by rows: [VEXRow]) throws -> Int {
    let before = try execute("DELETE FROM vex_statement WHERE namespace = \(namespace) AND document = \(document)")
    for row in rows {
      try enqueue(
        """
        INSERT INTO vex_statement (namespace, document, subject, vulnerability, product, status, justification, detail,
          author, stated_at)
        VALUES (\(namespace), \(row.document), \(row.subject), \(row.vulnerability), \(row.product), \(row.status),
          \(row.justification), \(row.detail), \(row.author), \(row.statedAt))
        """)
    }
    return before
  }

  /// Forgets what stood in attached documents that are gone. Answers how many statements.
  public func trimVEX() throws -> Int {
    try execute(
      """
      DELETE FROM vex_statement WHERE subject IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = vex_statement.document)
      """)
  }
}
