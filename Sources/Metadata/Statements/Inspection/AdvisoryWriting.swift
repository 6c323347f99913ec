internal import OCI

extension AdvisoryHead {
  /// Moments are compared down to their seconds: what follows those is written in several ways.
  private static let secondsLength = 19

  /// Whether it was changed before a moment. One that does not say when is not older than anything.
  fileprivate func isOlder(than moment: String) -> Bool {
    !modified.isEmpty && modified.prefix(Self.secondsLength) < moment.prefix(Self.secondsLength)
  }
}

extension Transaction {
  /// Writes records of a feed; those that are as they were are left alone.
  ///
  /// - Precondition: no two records have one name.
  /// - Parameters:
  ///   - keepsNewer: a record that is older than what is here does not take its place.
  ///   - record: the whole of the one whose head has this place; asked only for those that are new or not as they were.
  /// - Returns: those that changed. What they find is to be judged in the same transaction.
  /// - Cost: a few statements for some dozen records, in the order in which the tables lie: most of what an import costs is here.
  public func writeAdvisories(
    _ heads: [AdvisoryHead], feed: String, keepsNewer: Bool = false, record: (Int) throws -> AdvisoryRecord
  ) throws -> [ChangedAdvisory] {
    try lockInspection()
    let known = try knownAdvisories(heads.map(\.name), feed: feed)
    var fresh: [AdvisoryRecord] = []
    var written: [(key: Int64, record: AdvisoryRecord, isNew: Bool)] = []
    for (place, head) in heads.enumerated() {
      guard let found = known[head.name] else {
        fresh.append(try record(place))
        continue
      }
      guard found.hash != head.hash, !keepsNewer || !head.isOlder(than: found.modified) else { continue }
      let record = try record(place)
      try changeAdvisory(found.key, to: record)
      written.append((found.key, record, false))
    }
    let keys = try insertAdvisories(fresh, feed: feed)
    for record in fresh {
      guard let key = keys[record.name] else { throw DatabaseError.corrupt("a row of an advisory was not made") }
      written.append((key, record, true))
    }
    try writeParts(of: written.map { ($0.key, $0.record) })
    return written.map { key, record, isNew in
      ChangedAdvisory(
        key: key, name: record.name, isWithdrawn: record.isWithdrawn, isNew: isNew, entries: record.packages)
    }
  }

  private func knownAdvisories(
    _ names: [String], feed: String
  ) throws -> [String: (key: Int64, hash: String, modified: String)] {
    let rows = try all(
      """
      SELECT name, id, hash, modified FROM advisory
      WHERE feed = \(feed) AND name IN (SELECT value FROM {LIST}(CAST(\(Self.list(names)) AS {JSON})))
      """
    ) { ($0.text(0), (key: $0.integer(1), hash: $0.text(2), modified: $0.text(3))) }
    return Dictionary(rows) { first, _ in first }
  }

  private func changeAdvisory(_ key: Int64, to record: AdvisoryRecord) throws {
    try enqueue("DELETE FROM advisory_alias WHERE advisory_id = \(key)")
    try enqueue("DELETE FROM advisory_package WHERE advisory_id = \(key)")
    try enqueue(
      """
      UPDATE advisory SET hash = \(record.hash), modified = \(record.modified), published = \(record.published),
        is_withdrawn = \(record.isWithdrawn), summary = \(record.summary), severity = \(record.severity),
        severity_source = \(record.severitySource), score = \(record.score), content = \(record.content)
      WHERE id = \(key)
      """)
  }

  /// Answers their keys by their names.
  private func insertAdvisories(_ records: [AdvisoryRecord], feed: String) throws -> [String: Int64] {
    let rows = records.map { record -> [SQLValue] in
      [
        feed.sqlValue, record.name.sqlValue, record.hash.sqlValue, record.modified.sqlValue,
        record.published?.sqlValue ?? .null, record.isWithdrawn.sqlValue, record.summary.sqlValue,
        record.severity.sqlValue, record.severitySource.sqlValue, record.score?.sqlValue ?? .null,
        record.content.sqlValue,
      ]
    }
    let waiting = try Self.parts(of: rows).map { part in
      try later(
        SQL(
          """
          INSERT INTO advisory (feed, name, hash, modified, published, is_withdrawn, summary, severity, severity_source,
            score, content)
          VALUES
          """, rows: part, "ON CONFLICT (feed, name) DO UPDATE SET hash = excluded.hash RETURNING name, id")
      ) { ($0.text(0), $0.integer(1)) }
    }
    return Dictionary(try waiting.flatMap { try $0.all() }) { first, _ in first }
  }

  /// Writes under which names advisories are known and what they speak of.
  private func writeParts(of advisories: [(key: Int64, record: AdvisoryRecord)]) throws {
    var aliases: [(alias: String, key: Int64)] = []
    for (key, record) in advisories {
      aliases.append((record.name, key))
      for alias in record.aliases where alias != record.name { aliases.append((alias, key)) }
    }
    aliases.sort { ($0.alias, $0.key) < ($1.alias, $1.key) }
    try writeRows(
      "INSERT INTO advisory_alias (alias, advisory_id) VALUES", aliases.map { [$0.alias.sqlValue, $0.key.sqlValue] },
      "ON CONFLICT (alias, advisory_id) DO NOTHING")
    let packages = advisories.flatMap { key, record in
      record.packages.enumerated().map { (key: key, position: $0.offset, entry: $0.element) }
    }.sorted {
      ($0.entry.ecosystem, $0.entry.package, $0.key, $0.position)
        < ($1.entry.ecosystem, $1.entry.package, $1.key, $1.position)
    }
    try writeRows(
      "INSERT INTO advisory_package (ecosystem, package, advisory_id, position, content) VALUES",
      packages.map {
        [
          $0.entry.ecosystem.sqlValue, $0.entry.package.sqlValue, $0.key.sqlValue, $0.position.sqlValue,
          $0.entry.content.sqlValue,
        ]
      },
      "ON CONFLICT (ecosystem, package, advisory_id, position) DO UPDATE SET content = excluded.content")
  }

  /// Takes advisories of a feed away, with what they found.
  public func deleteAdvisories(_ keys: [Int64]) throws {
    for key in keys { try enqueue("DELETE FROM advisory WHERE id = \(key)") }
  }
}
