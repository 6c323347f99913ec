public import Ground

/// A version of a package has a flaw.
public struct FindingRow: Sendable, Hashable {
  public let package: Int64
  public let advisory: Int64
  /// `affected`, `will-not-fix`, `deferred`, `end-of-life`, `under-investigation`, `undecidable`.
  public let state: String
  /// The version that mends it.
  public let fixed: String?
  public let severity: String
  public let severitySource: String
  /// In tenths.
  public let score: Int?
  /// Why it cannot be decided.
  public let detail: String?

  public init(
    package: Int64, advisory: Int64, state: String, fixed: String?, severity: String, severitySource: String,
    score: Int?, detail: String? = nil
  ) {
    self.package = package
    self.advisory = advisory
    self.state = state
    self.fixed = fixed?.storable(limitBytes: PackageRecord.textLimitBytes)
    self.severity = severity
    self.severitySource = severitySource.storable(limitBytes: PackageRecord.textLimitBytes)
    self.score = score
    self.detail = detail?.storable(limitBytes: AdvisoryRecord.summaryLimitBytes)
  }
}

/// A finding of an image, with its package and its advisory.
public struct ImageFindingRow: Sendable, Hashable {
  public let package: ImagePackageRow
  public let finding: FindingRow
  public let advisory: String
  public let feed: String
  public let published: String?
  public let modified: String
  public let summary: String
  public let foundAt: Timestamp
}

extension Row {
  /// Eight columns from `column` on.
  func finding(from column: Int) -> FindingRow {
    FindingRow(
      package: integer(column), advisory: integer(column + 1), state: text(column + 2), fixed: optionalText(column + 3),
      severity: text(column + 4), severitySource: text(column + 5),
      score: isNull(column + 6) ? nil : Int(integer(column + 6)), detail: optionalText(column + 7))
  }
}

extension FindingRow {
  static let columns: SQL = """
    f.package_id, f.advisory_id, f.state, f.fixed, f.severity, f.severity_source, f.score, f.detail
    """
}

extension Transaction {
  /// Writes what was found of packages that are new, or of which nothing is known.
  ///
  /// - Precondition: no two are of one advisory in one version of a package.
  public func addFindings(_ findings: [FindingRow]) throws {
    let rows = findings.map { finding -> [SQLValue] in
      [
        finding.package.sqlValue, finding.advisory.sqlValue, finding.state.sqlValue, finding.fixed?.sqlValue ?? .null,
        finding.severity.sqlValue, finding.severitySource.sqlValue, finding.score?.sqlValue ?? .null,
        finding.detail?.sqlValue ?? .null, now.sqlValue,
      ]
    }
    try writeRows(
      """
      INSERT INTO finding (package_id, advisory_id, state, fixed, severity, severity_source, score, detail, found_at)
      VALUES
      """, rows,
      """
      ON CONFLICT (package_id, advisory_id) DO UPDATE SET state = excluded.state, fixed = excluded.fixed,
        severity = excluded.severity, severity_source = excluded.severity_source, score = excluded.score,
        detail = excluded.detail
      """)
  }

  /// Puts what advisories find now in place of what they found, and writes an event for each difference.
  ///
  /// - Precondition: the inspection is locked since before the packages were read, as ``writeAdvisories(_:feed:keepsNewer:record:)``
  ///   does it.
  /// - Parameters:
  ///   - advisories: those that were judged, whether they find anything or not.
  ///   - fresh: of them, those that were not here before: what they found is not asked for.
  /// - Returns: how many findings are new, how many are gone, how many are others than before.
  @discardableResult
  public func replaceFindings(
    of advisories: [(key: Int64, name: String)], fresh: Set<Int64> = [], by found: [FindingRow], feed: String
  ) throws -> FindingDifference {
    let known = advisories.map(\.key).filter { !fresh.contains($0) }
    let names = Dictionary(advisories.map { ($0.key, $0.name) }) { first, _ in first }
    let before = Dictionary(try findings(ofAdvisories: known).map { (Place($0), $0) }) { first, _ in first }
    let after = Dictionary(found.map { (Place($0), $0) }) { first, _ in first }
    var changes: [FindingChange] = []
    for (place, finding) in after.sorted(by: { $0.key < $1.key }) {
      let old = before[place]
      guard old != finding else { continue }
      changes.append(.init(old == nil ? .new : .changed, finding, old, by: names[place.advisory] ?? "", of: feed))
    }
    try addFindings(changes.map(\.finding))
    for (place, finding) in before.sorted(by: { $0.key < $1.key }) where after[place] == nil {
      try enqueue("DELETE FROM finding WHERE package_id = \(place.package) AND advisory_id = \(place.advisory)")
      changes.append(.init(.fixed, finding, nil, by: names[place.advisory] ?? "", of: feed))
    }
    try addEvents(changes)
    return FindingDifference(changes)
  }

  /// Puts what advisories find in packages now in place of what was found, and writes an event for each difference.
  ///
  /// - Precondition: the inspection is locked since before the advisories were read.
  /// - Returns: how many findings are new, how many are gone, how many are others than before.
  public func replaceFindings(ofPackages keys: [Int64], by found: [FindingRow]) throws -> FindingDifference {
    let waiting = try keys.map { key in
      try later("SELECT \(FindingRow.columns) FROM finding f WHERE f.package_id = \(key)") { $0.finding(from: 0) }
    }
    var before: [Place: FindingRow] = [:]
    for rows in waiting { for row in try rows.all() { before[Place(row)] = row } }
    let after = Dictionary(found.map { (Place($0), $0) }) { first, _ in first }
    let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    let named = try changed.map { place in
      try later("SELECT name, feed FROM advisory WHERE id = \(place.advisory)") { (name: $0.text(0), feed: $0.text(1)) }
    }
    var changes: [FindingChange] = []
    var written: [FindingRow] = []
    for (place, named) in zip(changed, named) {
      guard let (name, feed) = try named.first() else { continue }
      if let finding = after[place] {
        written.append(finding)
        changes.append(.init(before[place] == nil ? .new : .changed, finding, before[place], by: name, of: feed))
      } else if let finding = before[place] {
        try enqueue("DELETE FROM finding WHERE package_id = \(place.package) AND advisory_id = \(place.advisory)")
        changes.append(.init(.fixed, finding, nil, by: name, of: feed))
      }
    }
    try addFindings(written)
    try addEvents(changes)
    return FindingDifference(changes)
  }

  private func findings(ofAdvisories keys: [Int64]) throws -> [FindingRow] {
    guard !keys.isEmpty else { return [] }
    return try all(
      """
      SELECT \(FindingRow.columns) FROM finding f
      WHERE f.advisory_id IN (
        SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(Self.list(keys.map { String($0) })) AS {JSON})))
      """
    ) { $0.finding(from: 0) }
  }

  private struct Place: Hashable, Comparable {
    let package: Int64
    let advisory: Int64

    init(_ finding: FindingRow) {
      package = finding.package
      advisory = finding.advisory
    }

    static func < (a: Place, b: Place) -> Bool { (a.advisory, a.package) < (b.advisory, b.package) }
  }

  /// Forgets events from before a moment.
  public func trimFindingEvents(before moment: Timestamp, limit: Int) throws -> Int {
    try execute(
      "DELETE FROM finding_event WHERE id IN (SELECT id FROM finding_event WHERE at < \(moment) ORDER BY at LIMIT \(limit))"
    )
  }
}

extension Reading where Self: ~Copyable {
  /// What is wrong with packages of an image: for each of them in its turn, by the names of advisories.
  ///
  /// The packages are at hand where this is asked, and are not read once more with each of their findings.
  public func findings(of packages: [ImagePackageRow]) throws -> [ImageFindingRow] {
    let rows = try all(
      """
      SELECT \(FindingRow.columns), a.name, a.feed, a.published, a.modified, a.summary, f.found_at
      FROM finding f JOIN advisory a ON a.id = f.advisory_id
      WHERE f.package_id IN (\(Self.keys(Set(packages.map(\.key)).sorted())))
      """
    ) {
      (
        finding: $0.finding(from: 0), advisory: $0.text(8), feed: $0.text(9), published: $0.optionalText(10),
        modified: $0.text(11), summary: $0.text(12), foundAt: $0.timestamp(13)
      )
    }
    // A database would sort whole rows.
    let places = Dictionary(grouping: rows.indices) { rows[$0].finding.package }.mapValues { places in
      places.sorted { (rows[$0].advisory, rows[$0].feed) < (rows[$1].advisory, rows[$1].feed) }
    }
    return packages.flatMap { package in
      (places[package.key] ?? []).map { place in
        let row = rows[place]
        return ImageFindingRow(
          package: package, finding: row.finding, advisory: row.advisory, feed: row.feed, published: row.published,
          modified: row.modified, summary: row.summary, foundAt: row.foundAt)
      }
    }
  }

  /// All names of advisories, by their keys.
  public func aliases(ofAdvisories keys: [Int64]) throws -> [Int64: [String]] {
    let rows = try all(
      """
      SELECT advisory_id, alias FROM advisory_alias WHERE advisory_id IN (\(Self.keys(keys)))
      ORDER BY advisory_id, alias
      """
    ) { (advisory: $0.integer(0), alias: $0.text(1)) }
    return Dictionary(grouping: rows, by: \.advisory).mapValues { $0.map(\.alias) }
  }

  /// Keys as the rows of a question.
  static func keys(_ keys: [Int64]) -> SQL {
    "SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(Transaction.list(keys.map { String($0) })) AS {JSON}))"
  }
}
