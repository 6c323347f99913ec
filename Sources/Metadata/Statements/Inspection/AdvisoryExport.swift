// What feeds have brought in, to be given to another registry.
extension Reading where Self: ~Copyable {
  /// Records of a feed in the order of their names: at most `limit` of them, and no more than what they say of packages has
  /// `limitBytes`, but always one when there is one.
  public func advisoryRecords(
    feed: String, after name: String, limit: Int, limitBytes: Int64
  ) throws -> [AdvisoryRecord] {
    let heads = try advisoryHeads(feed: feed, after: name, limit: limit)
    var sizeBytes: Int64 = 0
    let page = heads.prefix { head in
      defer { sizeBytes += head.sizeBytes }
      return sizeBytes == 0 || sizeBytes + head.sizeBytes <= limitBytes
    }
    // All questions at once, and then all answers: one round trip.
    let parts = try page.map { head in
      (
        aliases: try later("SELECT alias FROM advisory_alias WHERE advisory_id = \(head.key) ORDER BY alias") {
          $0.text(0)
        },
        packages: try later(
          "SELECT ecosystem, package, content FROM advisory_package WHERE advisory_id = \(head.key) ORDER BY position"
        ) { AdvisoryRecord.Entry(ecosystem: $0.text(0), package: $0.text(1), content: $0.bytes(2)) }
      )
    }
    return try zip(page, parts).map { head, parts in
      var record = head.record
      // An advisory is found by its own name too, which is no alias.
      record.aliases = try parts.aliases.all().filter { $0 != record.name }
      record.packages = try parts.packages.all()
      return record
    }
  }

  private func advisoryHeads(
    feed: String, after name: String, limit: Int
  ) throws -> [(key: Int64, record: AdvisoryRecord, sizeBytes: Int64)] {
    try all(
      """
      SELECT a.id, a.name, a.hash, a.modified, a.published, a.is_withdrawn, a.summary, a.severity, a.severity_source,
        a.score, a.content,
        (SELECT COALESCE(SUM(LENGTH(p.content)), 0) FROM advisory_package p WHERE p.advisory_id = a.id)
      FROM advisory a WHERE a.feed = \(feed) AND a.name > \(name) ORDER BY a.name LIMIT \(limit)
      """
    ) { row in
      let record = AdvisoryRecord(
        name: row.text(1), hash: row.text(2), modified: row.text(3), published: row.optionalText(4),
        isWithdrawn: row.integer(5) != 0, summary: row.text(6), severity: row.text(7), severitySource: row.text(8),
        score: row.isNull(9) ? nil : Int(row.integer(9)), content: row.text(10), aliases: [], packages: [])
      return (key: row.integer(0), record: record, sizeBytes: row.integer(11))
    }
  }

  /// Probabilities in the order of names, in millionths.
  public func scores(after name: String, limit: Int) throws -> [(name: String, epss: Int, percentile: Int)] {
    try all(
      """
      SELECT name, epss, percentile FROM vulnerability
      WHERE epss IS NOT NULL AND percentile IS NOT NULL AND name > \(name) ORDER BY name LIMIT \(limit)
      """
    ) { (name: $0.text(0), epss: Int($0.integer(1)), percentile: Int($0.integer(2))) }
  }
}
