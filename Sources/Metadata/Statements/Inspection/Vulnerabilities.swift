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

  /// How many vulnerabilities are known to be exploited, and of how many a probability is known.
  public func vulnerabilityCounts() throws -> (exploited: Int64, scored: Int64) {
    try first("SELECT COUNT(kev_added), COUNT(epss) FROM vulnerability") { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
  }
}

extension Transaction {
  /// Puts a catalogue of exploited vulnerabilities in place of the one before.
  public func replaceExploited(_ entries: [ExploitedVulnerability]) throws {
    try enqueue(
      "UPDATE vulnerability SET kev_added = NULL, kev_due = NULL, kev_note = NULL WHERE kev_added IS NOT NULL")
    for entry in entries {
      try enqueue(
        """
        INSERT INTO vulnerability (name, kev_added, kev_due, kev_note)
        VALUES (\(entry.name), \(entry.added), \(entry.due), \(entry.note))
        ON CONFLICT (name) DO UPDATE SET kev_added = excluded.kev_added, kev_due = excluded.kev_due,
          kev_note = excluded.kev_note
        """)
    }
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
}
