public import Ground
internal import OCI

/// An advisory as it is stored.
public struct AdvisoryRecord: Sendable, Hashable {
  public var name: String
  /// Of the record as it was read: the same record changes nothing.
  public var hash: String
  public var modified: String
  public var published: String?
  public var isWithdrawn: Bool
  public var summary: String
  public var severity: String
  public var severitySource: String
  /// In tenths.
  public var score: Int?
  /// What is shown and never asked for, as JSON.
  public var content: String
  /// Other names of the same flaw, and what a distribution made the record from.
  public var aliases: [String]
  public var packages: [Entry]

  public static let summaryLimitBytes = 512
  public static let nameLimitBytes = 192

  /// What it says of one package.
  public struct Entry: Sendable, Hashable {
    public let ecosystem: String
    /// As the ecosystem compares names.
    public let package: String
    /// Ranges and versions, as the scanner encodes them.
    public let content: [UInt8]

    public init(ecosystem: String, package: String, content: [UInt8]) {
      self.ecosystem = ecosystem.storable(limitBytes: PackageRecord.textLimitBytes)
      self.package = package.storable(limitBytes: PackageRecord.textLimitBytes)
      self.content = content
    }
  }

  public init(
    name: String, hash: String, modified: String, published: String?, isWithdrawn: Bool, summary: String,
    severity: String, severitySource: String, score: Int?, content: String, aliases: [String], packages: [Entry]
  ) {
    self.name = name.storable(limitBytes: Self.nameLimitBytes)
    self.hash = hash
    self.modified = modified.storable(limitBytes: Self.nameLimitBytes)
    self.published = published?.storable(limitBytes: Self.nameLimitBytes)
    self.isWithdrawn = isWithdrawn
    self.summary = summary.storable(limitBytes: Self.summaryLimitBytes)
    self.severity = severity
    self.severitySource = severitySource.storable(limitBytes: Self.nameLimitBytes)
    self.score = score
    self.content = content
    self.aliases = aliases.map { $0.storable(limitBytes: Self.nameLimitBytes) }
    self.packages = packages
  }
}

/// What tells whether a record of a feed is as it was.
public struct AdvisoryHead: Sendable, Hashable {
  public let name: String
  public let hash: String
  public let modified: String

  public init(name: String, hash: String, modified: String) {
    self.name = name
    self.hash = hash
    self.modified = modified
  }
}

/// A name by which advisories of an ecosystem speak of a package.
public struct AdvisorySubjectName: Sendable, Hashable {
  public let ecosystem: String
  public let name: String

  public init(ecosystem: String, name: String) {
    self.ecosystem = ecosystem
    self.name = name
  }
}

/// An advisory that an import made, changed or took away.
public struct ChangedAdvisory: Sendable, Hashable {
  public let key: Int64
  public let name: String
  public let isWithdrawn: Bool
  /// It was not here before, so nothing was found by it.
  public let isNew: Bool
  /// What it says now.
  public let entries: [AdvisoryRecord.Entry]
}

/// What an advisory says of a package, with what is known of the advisory.
public struct AdvisoryEntryRow: Sendable, Hashable {
  public let advisory: Int64
  public let ecosystem: String
  public let package: String
  public let content: [UInt8]

  public init(advisory: Int64, ecosystem: String, package: String, content: [UInt8]) {
    self.advisory = advisory
    self.ecosystem = ecosystem
    self.package = package
    self.content = content
  }
}

/// A package version under a name that advisories use.
public struct SubjectRow: Sendable, Hashable {
  public let package: Int64
  public let ecosystem: String
  public let name: String
  public let version: String
}

/// Where advisories come from, and how the last try went.
public struct AdvisoryFeedRow: Sendable, Hashable {
  public let name: String
  public let kind: String
  public let recordCount: Int64
  public let refreshedAt: Timestamp?
  public let triedAt: Timestamp?
  public let failure: String?
  /// What the reader of the feed wants to know the next time: an entity tag, a cursor. JSON.
  public let state: String?
}

extension Transaction {
  /// Writes how a try to refresh a feed went.
  ///
  /// - Parameters:
  ///   - failure: nil when it succeeded.
  ///   - refreshedAt: when what came was taken from its source; nil: now.
  public func writeFeed(
    _ name: String, kind: String, recordCount: Int64?, failure: String?, state: String?, refreshedAt: Timestamp? = nil
  ) throws {
    let refreshed: Timestamp? = failure == nil ? refreshedAt ?? now : nil
    try enqueue(
      """
      INSERT INTO advisory_feed (name, kind, records, refreshed_at, tried_at, failure, state)
      VALUES (\(name), \(kind), \(recordCount ?? 0), \(refreshed), \(now),
        \(failure?.storable(limitBytes: AdvisoryRecord.summaryLimitBytes)), \(state))
      ON CONFLICT (name) DO UPDATE SET kind = excluded.kind,
        records = CASE WHEN excluded.failure IS NULL THEN excluded.records ELSE advisory_feed.records END,
        refreshed_at = COALESCE(excluded.refreshed_at, advisory_feed.refreshed_at), tried_at = excluded.tried_at,
        failure = excluded.failure, state = COALESCE(excluded.state, advisory_feed.state)
      """)
  }

  /// Makes a feed due. Answers whether it is known.
  public func forgetTry(ofFeed name: String) throws -> Bool {
    try execute("UPDATE advisory_feed SET tried_at = NULL WHERE name = \(name)") > 0
  }

  /// Forgets a feed that has no record any more.
  public func deleteFeed(_ name: String) throws {
    try enqueue("DELETE FROM advisory_feed WHERE name = \(name)")
  }
}

extension Reading where Self: ~Copyable {
  public func advisoryFeeds() throws -> [AdvisoryFeedRow] {
    try all(
      "SELECT name, kind, records, refreshed_at, tried_at, failure, state FROM advisory_feed ORDER BY name"
    ) {
      AdvisoryFeedRow(
        name: $0.text(0), kind: $0.text(1), recordCount: $0.integer(2),
        refreshedAt: $0.isNull(3) ? nil : $0.timestamp(3), triedAt: $0.isNull(4) ? nil : $0.timestamp(4),
        failure: $0.optionalText(5), state: $0.optionalText(6))
    }
  }

  /// Whether anything is known of a feed, also of one whose first import has broken off.
  public func hasFeed(_ name: String) throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM (SELECT name FROM advisory_feed WHERE name = \(name)
        UNION SELECT feed FROM advisory WHERE feed = \(name) UNION SELECT feed FROM exploited WHERE feed = \(name)) x
      """) > 0
  }

  /// How many records of a feed there are.
  public func advisoryCount(feed: String) throws -> Int64 {
    try number("SELECT COUNT(*) FROM advisory WHERE feed = \(feed)")
  }

  /// Names of a feed's records in their order.
  public func advisoryNames(feed: String, after name: String, limit: Int) throws -> [(key: Int64, name: String)] {
    try all(
      "SELECT id, name FROM advisory WHERE feed = \(feed) AND name > \(name) ORDER BY name LIMIT \(limit)"
    ) { (key: $0.integer(0), name: $0.text(1)) }
  }

  /// What all advisories that are in force say of a package.
  public func advisoryEntries(_ subject: AdvisorySubjectName) throws -> [AdvisoryEntryRow] {
    try laterEntries(subject).all()
  }

  func laterEntries(_ subject: AdvisorySubjectName) throws -> Later<AdvisoryEntryRow> {
    try later(
      """
      SELECT p.advisory_id, p.ecosystem, p.package, p.content
      FROM advisory_package p JOIN advisory a ON a.id = p.advisory_id
      WHERE p.ecosystem = \(subject.ecosystem) AND p.package = \(subject.name) AND a.is_withdrawn = 0
      ORDER BY p.advisory_id, p.position
      """
    ) {
      AdvisoryEntryRow(advisory: $0.integer(0), ecosystem: $0.text(1), package: $0.text(2), content: $0.bytes(3))
    }
  }

  /// What advisories say of many packages, one round trip for all.
  public func advisoryEntries(_ subjects: [AdvisorySubjectName]) throws -> [AdvisorySubjectName: [AdvisoryEntryRow]] {
    let waiting = try subjects.map { try laterEntries($0) }
    var found: [AdvisorySubjectName: [AdvisoryEntryRow]] = [:]
    for (subject, rows) in zip(subjects, waiting) { found[subject] = try rows.all() }
    return found
  }

  /// Versions of packages that are known under some names; a question for each ecosystem.
  public func subjects(_ names: some Sequence<AdvisorySubjectName>) throws -> [SubjectRow] {
    let byEcosystem = Dictionary(grouping: names, by: \.ecosystem).sorted { $0.key < $1.key }
    let waiting = try byEcosystem.map { ecosystem, names in
      let list = Transaction.list(Set(names.map(\.name)).sorted())
      return try later(
        """
        SELECT name, package_id, version FROM package_subject
        WHERE ecosystem = \(ecosystem) AND name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        ORDER BY name, package_id
        """
      ) { SubjectRow(package: $0.integer(1), ecosystem: ecosystem, name: $0.text(0), version: $0.text(2)) }
    }
    return try waiting.flatMap { try $0.all() }
  }

  /// What packages are called by advisories, in the order of their keys, for judging everything again.
  ///
  /// - Parameter limit: of packages. One that no advisory can speak of has no subjects.
  public func packageSubjects(after key: Int64, limit: Int) throws -> [(key: Int64, subjects: [PackageRecord.Subject])]
  {
    let rows = try all(
      """
      SELECT p.id, s.ecosystem, s.name, s.version
      FROM (SELECT id FROM package WHERE id > \(key) ORDER BY id LIMIT \(limit)) p
        LEFT JOIN package_subject s ON s.package_id = p.id
      ORDER BY p.id
      """
    ) { row -> (key: Int64, subject: PackageRecord.Subject?) in
      guard !row.isNull(1) else { return (row.integer(0), nil) }
      return (row.integer(0), .init(ecosystem: row.text(1), name: row.text(2), version: row.text(3)))
    }
    var packages: [(key: Int64, subjects: [PackageRecord.Subject])] = []
    for row in rows {
      if packages.last?.key != row.key { packages.append((row.key, [])) }
      if let subject = row.subject { packages[packages.count - 1].subjects.append(subject) }
    }
    return packages
  }
}
