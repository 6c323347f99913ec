/// How bad a vulnerability is, as a record says that need not be about the package in question.
public struct RecordedSeverity: Sendable, Hashable {
  /// The name by which the vulnerability was asked for.
  public let vulnerability: String
  public let advisory: String
  public let severity: String
  public let source: String
  /// In tenths.
  public let score: Int?

  /// The one that counts: of the CVE's own record, then vectors of the newest kind, then the word of whatever vendor. Nil: there is none.
  public static func chosen(_ recorded: [RecordedSeverity]) -> RecordedSeverity? {
    func rank(_ one: RecordedSeverity) -> Int {
      if one.advisory == one.vulnerability { return 0 }
      switch one.source {
      case "CVSS_V4": return 1
      case "CVSS_V3": return 2
      case "CVSS_V2": return 4
      default: return 3
      }
    }
    return recorded.min { (rank($0), $0.advisory) < (rank($1), $1.advisory) }
  }
}

extension Reading where Self: ~Copyable {
  /// How bad vulnerabilities are by all records in force that know it and are of no other CVE, in the order of their names. What a
  /// record says of several is as bad as the worst of them.
  ///
  /// - Cost: an entry of an index for each record of each name, in one question.
  public func severities(of names: [String]) throws -> [String: [RecordedSeverity]] {
    guard !names.isEmpty else { return [:] }
    let list = Transaction.list(names)
    let rows = try all(
      """
      SELECT n.alias, a.name, a.severity, a.severity_source, a.score
      FROM advisory_alias n JOIN advisory a ON a.id = n.advisory_id
      WHERE n.alias IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
        AND a.is_withdrawn = 0 AND a.severity <> 'unknown'
        AND NOT EXISTS (SELECT 1 FROM advisory_alias o
          WHERE o.advisory_id = a.id AND o.alias >= 'CVE-' AND o.alias < 'CVE.' AND o.alias <> n.alias)
      ORDER BY n.alias, a.name, a.feed
      """
    ) {
      RecordedSeverity(
        vulnerability: $0.text(0), advisory: $0.text(1), severity: $0.text(2), source: $0.text(3),
        score: $0.isNull(4) ? nil : Int($0.integer(4)))
    }
    return Dictionary(grouping: rows, by: \.vulnerability)
  }
}
