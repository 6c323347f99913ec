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

extension AdvisoryRecord {
  /// Moments are compared down to their seconds: what follows those is written in several ways.
  private static let secondsLength = 19

  /// Whether it was changed before a moment. One that does not say when is not older than anything.
  fileprivate func isOlder(than moment: String) -> Bool {
    !modified.isEmpty && modified.prefix(Self.secondsLength) < moment.prefix(Self.secondsLength)
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
  /// Writes records of a feed; those that are as they were are left alone.
  ///
  /// - Parameter keepsNewer: a record that is older than what is here does not take its place.
  /// - Returns: those that changed. What they find is to be judged in the same transaction.
  public func writeAdvisories(
    _ records: [AdvisoryRecord], feed: String, keepsNewer: Bool = false
  ) throws -> [ChangedAdvisory] {
    try lockInspection()
    let known = try records.map { record in
      try later("SELECT id, hash, modified FROM advisory WHERE feed = \(feed) AND name = \(record.name)") {
        (key: $0.integer(0), hash: $0.text(1), modified: $0.text(2))
      }
    }
    var changed: [ChangedAdvisory] = []
    for (record, found) in zip(records, known) {
      if let found = try found.first() {
        guard found.hash != record.hash, !keepsNewer || !record.isOlder(than: found.modified) else { continue }
        try clearAdvisory(found.key)
        try enqueue(
          """
          UPDATE advisory SET hash = \(record.hash), modified = \(record.modified), published = \(record.published),
            is_withdrawn = \(record.isWithdrawn), summary = \(record.summary), severity = \(record.severity),
            severity_source = \(record.severitySource), score = \(record.score), content = \(record.content)
          WHERE id = \(found.key)
          """)
        changed.append(try fillAdvisory(found.key, record))
      } else {
        let key = try number(
          """
          INSERT INTO advisory (feed, name, hash, modified, published, is_withdrawn, summary, severity, severity_source,
            score, content)
          VALUES (\(feed), \(record.name), \(record.hash), \(record.modified), \(record.published),
            \(record.isWithdrawn), \(record.summary), \(record.severity), \(record.severitySource), \(record.score),
            \(record.content))
          ON CONFLICT (feed, name) DO UPDATE SET hash = excluded.hash RETURNING id
          """)
        changed.append(try fillAdvisory(key, record))
      }
    }
    return changed
  }

  private func clearAdvisory(_ key: Int64) throws {
    try enqueue("DELETE FROM advisory_alias WHERE advisory_id = \(key)")
    try enqueue("DELETE FROM advisory_package WHERE advisory_id = \(key)")
  }

  private func fillAdvisory(_ key: Int64, _ record: AdvisoryRecord) throws -> ChangedAdvisory {
    for alias in Set(record.aliases + [record.name]).sorted() {
      try enqueue(
        "INSERT INTO advisory_alias (alias, advisory_id) VALUES (\(alias), \(key)) ON CONFLICT (alias, advisory_id) DO NOTHING"
      )
    }
    for (position, entry) in record.packages.enumerated() {
      try enqueue(
        """
        INSERT INTO advisory_package (ecosystem, package, advisory_id, position, content)
        VALUES (\(entry.ecosystem), \(entry.package), \(key), \(position), \(entry.content))
        ON CONFLICT (ecosystem, package, advisory_id, position) DO UPDATE SET content = excluded.content
        """)
    }
    return ChangedAdvisory(key: key, name: record.name, isWithdrawn: record.isWithdrawn, entries: record.packages)
  }

  /// Takes advisories of a feed away, with what they found.
  public func deleteAdvisories(_ keys: [Int64]) throws {
    for key in keys { try enqueue("DELETE FROM advisory WHERE id = \(key)") }
  }

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

  /// Versions of packages that are known under some names.
  public func subjects(_ names: [AdvisorySubjectName]) throws -> [SubjectRow] {
    let waiting = try names.map { name in
      try later(
        """
        SELECT package_id, version FROM package_subject WHERE ecosystem = \(name.ecosystem) AND name = \(name.name)
        ORDER BY package_id
        """
      ) { SubjectRow(package: $0.integer(0), ecosystem: name.ecosystem, name: name.name, version: $0.text(1)) }
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
