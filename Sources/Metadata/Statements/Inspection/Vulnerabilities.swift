/// What is known of a vulnerability beside advisories.
public struct VulnerabilityRow: Sendable, Hashable {
  public let name: String
  /// The day on which CISA took it into its catalogue of exploited vulnerabilities.
  public let exploitedSince: String?
  /// The probability that it is exploited within 30 days, in millionths.
  public let epss: Int?
  /// The share of vulnerabilities that are less likely to be, in millionths.
  public let percentile: Int?

  public init(name: String, exploitedSince: String?, epss: Int?, percentile: Int?) {
    self.name = name
    self.exploitedSince = exploitedSince
    self.epss = epss
    self.percentile = percentile
  }
}

/// An entry of the catalogue of exploited vulnerabilities.
public struct ExploitedVulnerability: Sendable, Hashable {
  public let name: String
  /// Days, as the catalogue writes them.
  public let added: String
  public let due: String?
  public let note: String

  public init(name: String, added: String, due: String?, note: String) {
    self.name = name.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.added = added.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.due = due?.storable(limitBytes: AdvisoryRecord.nameLimitBytes)
    self.note = note.storable(limitBytes: AdvisoryRecord.summaryLimitBytes)
  }
}

extension Reading where Self: ~Copyable {
  /// What is known of vulnerabilities by their names.
  public func vulnerabilities(_ names: [String]) throws -> [String: VulnerabilityRow] {
    let list = Transaction.list(names)
    let rows = try all(
      """
      SELECT name, kev_added, epss, percentile FROM vulnerability
      WHERE name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """
    ) {
      VulnerabilityRow(
        name: $0.text(0), exploitedSince: $0.optionalText(1), epss: $0.isNull(2) ? nil : Int($0.integer(2)),
        percentile: $0.isNull(3) ? nil : Int($0.integer(3)))
    }
    return Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
  }

  /// What a feed says is exploited, by names.
  public func exploited(feed: String) throws -> [String: ExploitedVulnerability] {
    let rows = try all("SELECT name, added, due, note FROM exploited WHERE feed = \(feed)") { $0.exploited() }
    return Dictionary(rows.map { ($0.name, $0) }) { first, _ in first }
  }

  /// Entries of a feed in the order of their names.
  public func exploited(feed: String, after name: String, limit: Int) throws -> [ExploitedVulnerability] {
    try all(
      """
      SELECT name, added, due, note FROM exploited WHERE feed = \(feed) AND name > \(name) ORDER BY name LIMIT \(limit)
      """
    ) { $0.exploited() }
  }
}

extension Row {
  fileprivate func exploited() -> ExploitedVulnerability {
    ExploitedVulnerability(name: text(0), added: text(1), due: optionalText(2), note: text(3))
  }
}

extension Transaction {
  /// Puts what a feed says is exploited in place of what it said before. Answers how many entries are new or not as they were, and how
  /// many are gone. Where that makes a vulnerability exploited, or not any more, of which something is found, it writes an event.
  ///
  /// - Precondition: the inspection is locked.
  public func replaceExploited(
    _ entries: [ExploitedVulnerability], feed: String
  ) throws -> (changed: Int, removed: Int) {
    let known = try exploited(feed: feed)
    let wanted = Dictionary(entries.map { ($0.name, $0) }) { _, last in last }
    let changed = wanted.filter { known[$0.key] != $0.value }.keys.sorted()
    let gone = known.keys.filter { wanted[$0] == nil }.sorted()
    let before = try vulnerabilities(gone + changed)
    for name in gone { try enqueue("DELETE FROM exploited WHERE feed = \(feed) AND name = \(name)") }
    for entry in changed.compactMap({ wanted[$0] }) {
      try enqueue(
        """
        INSERT INTO exploited (feed, name, added, due, note)
        VALUES (\(feed), \(entry.name), \(entry.added), \(entry.due), \(entry.note))
        ON CONFLICT (feed, name) DO UPDATE SET added = excluded.added, due = excluded.due, note = excluded.note
        """)
    }
    for name in gone + changed { try tellExploited(name) }
    try addExploitedEvents(of: gone + changed, before: before, feed: feed)
    return (changed.count, gone.count)
  }

  /// Of several feeds the one counts that knew it first.
  private func tellExploited(_ name: String) throws {
    try enqueue("UPDATE vulnerability SET kev_added = NULL, kev_due = NULL, kev_note = NULL WHERE name = \(name)")
    try enqueue(
      """
      INSERT INTO vulnerability (name, kev_added, kev_due, kev_note)
      SELECT name, added, due, note FROM exploited WHERE name = \(name) ORDER BY added, feed LIMIT 1
      ON CONFLICT (name) DO UPDATE SET kev_added = excluded.kev_added, kev_due = excluded.kev_due,
        kev_note = excluded.kev_note
      """)
  }

  /// Writes probabilities, in millionths.
  public func writeScores(_ scores: [(name: String, epss: Int, percentile: Int)]) throws {
    for score in scores {
      try enqueue(
        """
        INSERT INTO vulnerability (name, epss, percentile)
        VALUES (\(score.name.storable(limitBytes: AdvisoryRecord.nameLimitBytes)), \(score.epss), \(score.percentile))
        ON CONFLICT (name) DO UPDATE SET epss = excluded.epss, percentile = excluded.percentile
          WHERE vulnerability.epss IS NULL OR vulnerability.epss <> excluded.epss
            OR vulnerability.percentile <> excluded.percentile
        """)
    }
  }

  /// Forgets probabilities.
  public func removeScores(of names: [String]) throws {
    let list = Self.list(names)
    try enqueue(
      """
      UPDATE vulnerability SET epss = NULL, percentile = NULL
      WHERE name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """)
    try enqueue(
      """
      DELETE FROM vulnerability WHERE kev_added IS NULL
        AND name IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      """)
  }
}
