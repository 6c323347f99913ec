/// A finding with its advisory.
public struct NamedFinding: Sendable, Hashable {
  public let finding: FindingRow
  public let advisory: String
  public let feed: String
}

/// Packages with findings, by whether these say for themselves that one of them is so bad.
public struct FlawedPackages: Sendable {
  /// Every record that speaks of them says it.
  public internal(set) var certain: [Int64] = []
  /// Which records speak of the same vulnerability must be known: one of them may say it, or none says anything.
  public internal(set) var doubtful: [Int64] = []
}

extension Reading where Self: ~Copyable {
  /// Versions of packages that may have a finding so bad. Of those that are doubtful only such as an image has.
  ///
  /// - Parameter severities: words such as `high`.
  /// - Cost: looks at all findings.
  public func packages(flawed severities: [String]) throws -> FlawedPackages {
    let isSaid = severities.filter { $0 != "unknown" }.reduce("1 = 0" as SQL) { "\($0) OR severity = \($1)" }
    let isCertain: SQL = "MIN(CASE WHEN said = 1 AND state <> 'undecidable' THEN 1 ELSE 0 END)"
    var packages = FlawedPackages()
    let rows = try all(
      """
      SELECT package_id, \(isCertain) FROM (
        SELECT package_id, state, CASE WHEN \(isSaid) THEN 1 WHEN severity = 'unknown' THEN 2 ELSE 0 END AS said
        FROM finding) judged
      GROUP BY package_id
      HAVING MAX(said) > 0 AND (\(isCertain) = 1
        OR EXISTS (SELECT 1 FROM image_package u WHERE u.package_id = judged.package_id))
      ORDER BY package_id
      """
    ) { (key: $0.integer(0), isCertain: $0.integer(1) == 1) }
    for row in rows {
      if row.isCertain { packages.certain.append(row.key) } else { packages.doubtful.append(row.key) }
    }
    return packages
  }

  /// What was found of versions of packages, by their keys.
  public func findings(ofPackages keys: [Int64]) throws -> [Int64: [NamedFinding]] {
    let rows = try all(
      """
      SELECT \(FindingRow.columns), a.name, a.feed FROM finding f JOIN advisory a ON a.id = f.advisory_id
      WHERE f.package_id IN (\(Self.keys(keys)))
      ORDER BY f.package_id, a.name, a.feed
      """
    ) { NamedFinding(finding: $0.finding(from: 0), advisory: $0.text(8), feed: $0.text(9)) }
    return Dictionary(grouping: rows, by: \.finding.package)
  }
}
