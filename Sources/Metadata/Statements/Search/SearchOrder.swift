internal import OCI

/// How much a search looks at.
struct SearchLimits: Sendable {
  /// A part of the query that takes more entries than that is not selective. Some tens of milliseconds' work.
  var entries = 5000
  /// But one repository is searched as a whole, unless it is beyond all use.
  var entriesOfRepository = 50_000
  /// How many entries are looked at for one page where nothing in the query is selective.
  var walk = 5000
  /// With so few entries nobody looks for fewer.
  var goodEnough = 200
  /// How many conditions are counted to find the most selective one.
  var sources = 8
  /// More namespaces than that are no place to begin.
  var namespaces = 8
}

/// The order of results, and how they are found in it.
struct SearchOrder {
  let sort: SearchSort
  let domain: SearchDomain
  /// Whether conditions or the order need the repositories.
  private let needsRepositories: Bool

  init(_ sort: SearchSort, _ domain: SearchDomain, asksNames: Bool) {
    self.sort = sort
    self.domain = domain
    needsRepositories = asksNames || sort.key == .name
  }

  private var pushed: SQL { domain == .tags ? "t.updated_at" : "m.pushed_at" }
  private var entry: SQL { domain == .tags ? "t.name" : "m.digest" }

  /// What lacks the value comes last in both directions.
  private var keyColumn: SQL {
    let isDescending = sort.isDescending
    let last: Int64 = isDescending ? -1 : .max
    switch sort.key {
    case .pushed: return pushed
    case .name: return "r.name"
    case .built: return "COALESCE(f.built_at, \(last))"
    case .size: return "COALESCE(f.size, \(last))"
    case .version:
      return domain == .tags
        ? "COALESCE(t.version_key, f.version_key, \(isDescending ? "" : "~"))"
        : "COALESCE(f.version_key, \(isDescending ? "" : "~"))"
    }
  }

  func key(_ row: borrowing Row, _ column: Int) -> SearchPosition.Key {
    switch sort.key {
    case .pushed, .built, .size: .number(row.integer(column))
    case .name, .version: .text(row.text(column))
    }
  }

  private func after(_ position: SearchPosition?, _ key: SQL, _ repository: SQL, _ entry: SQL) -> SQL {
    guard let position else { return "1 = 1" }
    let values: SQL = "(\(position.key), \(position.repository), \(position.entry))"
    return sort.isDescending
      ? "(\(key), \(repository), \(entry)) < \(values)" : "(\(key), \(repository), \(entry)) > \(values)"
  }

  private func ordered(_ key: SQL, _ repository: SQL, _ entry: SQL) -> SQL {
    sort.isDescending
      ? "ORDER BY \(key) DESC, \(repository) DESC, \(entry) DESC" : "ORDER BY \(key), \(repository), \(entry)"
  }

  /// The results among some entries. What is only shown is fetched for the results alone.
  ///
  /// - Parameter entries: each once.
  func statement(_ entries: SearchEntries, _ filter: SQL, after position: SearchPosition?, limit: Int) -> SQL {
    let (repositories, join): (SQL, SQL) =
      needsRepositories ? (" CROSS JOIN repository r", " AND r.id = m.repository_id") : ("", "")
    let entries = entries.withManifest
    let shown: SQL =
      domain == .tags ? "tag t CROSS JOIN repository r CROSS JOIN manifest m" : "repository r CROSS JOIN manifest m"
    let actor: SQL = domain == .tags ? "t.actor" : "NULL"
    let own: SQL = domain == .tags ? "t.repository_id = x.repository_id AND t.name = x.entry AND " : ""
    return """
      SELECT x.k, x.repository_id, x.entry, r.name, m.digest, m.media_type, \(pushed), \(actor), m.id,
        \(ImageFacts.columns)
      FROM (
        SELECT k, repository_id, entry, id FROM (
          SELECT \(keyColumn) AS k, m.repository_id AS repository_id, \(entry) AS entry, m.id AS id
          FROM \(entries.tables)\(repositories) LEFT JOIN image_fact f ON f.manifest_id = m.id
          WHERE \(entries.condition)\(join) AND \(filter)
        ) y WHERE \(after(position, "k", "repository_id", "entry")) \(ordered("k", "repository_id", "entry")) LIMIT \(limit)
      ) x CROSS JOIN \(shown) LEFT JOIN image_fact f ON f.manifest_id = m.id
      WHERE \(own)r.id = x.repository_id AND m.id = x.id \(ordered("x.k", "x.repository_id", "x.entry"))
      """
  }

  /// Entries in the order of results, by an index: rows of ``SearchDomain/columns``. Nil: no index has this order.
  func walk(after position: SearchPosition?, limit: Int, skipping: Int = 0) -> SQL? {
    guard let rows = walked(position) else { return nil }
    return "SELECT \(domain.columns) \(rows) LIMIT \(limit) OFFSET \(skipping)"
  }

  /// Where the entry of a walk after so many others is: `repository_id`, the entry and the key.
  func end(after position: SearchPosition?, skipping: Int) -> SQL? {
    guard let rows = walked(position) else { return nil }
    let repository: SQL = domain == .tags ? "t.repository_id" : "m.repository_id"
    return "SELECT \(repository), \(entry), \(keyColumn) \(rows) LIMIT 1 OFFSET \(skipping)"
  }

  private func walked(_ position: SearchPosition?) -> SQL? {
    switch (sort.key, domain) {
    case (.pushed, .tags):
      return """
        FROM tag t WHERE \(after(position, "t.updated_at", "t.repository_id", "t.name"))
        \(ordered("t.updated_at", "t.repository_id", "t.name"))
        """
    case (.pushed, .untagged):
      return """
        FROM manifest m
        WHERE m.tags = 0 AND m.hidden_at IS NULL AND \(after(position, "m.pushed_at", "m.repository_id", "m.digest"))
        \(ordered("m.pushed_at", "m.repository_id", "m.digest"))
        """
    case (.name, _):
      let isDescending = sort.isDescending
      let from: SQL =
        if let position {
          isDescending
            ? "r.name <= \(position.key) AND (r.name < \(position.key) OR \(entry) < \(position.entry))"
            : "r.name >= \(position.key) AND (r.name > \(position.key) OR \(entry) > \(position.entry))"
        } else { "1 = 1" }
      let rows: SQL =
        domain == .tags
        ? "tag t WHERE t.repository_id = r.id"
        : "manifest m WHERE m.repository_id = r.id AND m.tags = 0 AND m.hidden_at IS NULL"
      let order: SQL = isDescending ? "ORDER BY r.name DESC, \(entry) DESC" : "ORDER BY r.name, \(entry)"
      return "FROM repository r CROSS JOIN \(rows) AND \(from) \(order)"
    case (.built, _), (.version, _), (.size, _): return nil
    }
  }
}
