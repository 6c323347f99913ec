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
  var goodEnough: Int64 = 200
  /// How many conditions are counted to find the most selective one.
  var sources = 8
  /// More namespaces than that are no place to begin.
  var namespaces = 8
}

/// The order of results, and how they are found in it.
struct SearchOrder {
  let sort: SearchSort
  let domain: SearchDomain

  init(_ sort: SearchSort, _ domain: SearchDomain) {
    self.sort = sort
    self.domain = domain
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
  func statement(_ entries: SQL, _ filter: SQL, after position: SearchPosition?, limit: Int) -> SQL {
    let tables: SQL
    let shown: SQL
    let actor: SQL
    switch domain {
    case .tags:
      actor = "t.actor"
      tables = """
        tag t CROSS JOIN repository r CROSS JOIN manifest m LEFT JOIN image_fact f ON f.manifest_id = m.id
        WHERE t.repository_id = c.repository_id AND t.name = c.entry AND r.id = t.repository_id
          AND m.repository_id = t.repository_id AND m.digest = t.digest
        """
      shown = "tag t CROSS JOIN repository r CROSS JOIN manifest m"
    case .untagged:
      actor = "NULL"
      tables = """
        repository r CROSS JOIN manifest m LEFT JOIN image_fact f ON f.manifest_id = m.id
        WHERE r.id = c.repository_id AND m.repository_id = c.repository_id AND m.digest = c.entry
          AND m.tags = 0 AND m.hidden_at IS NULL
        """
      shown = "repository r CROSS JOIN manifest m"
    }
    let own: SQL = domain == .tags ? "t.repository_id = x.repository_id AND t.name = x.entry AND " : ""
    return """
      SELECT x.k, x.repository_id, x.entry, r.name, m.digest, m.media_type, \(pushed), \(actor), m.id,
        \(ImageFacts.columns)
      FROM (
        SELECT k, repository_id, entry, id FROM (
          SELECT \(keyColumn) AS k, m.repository_id AS repository_id, \(entry) AS entry, m.id AS id
          FROM (\(entries)) c CROSS JOIN \(tables) AND \(filter)
        ) y WHERE \(after(position, "k", "repository_id", "entry")) \(ordered("k", "repository_id", "entry")) LIMIT \(limit)
      ) x CROSS JOIN \(shown) LEFT JOIN image_fact f ON f.manifest_id = m.id
      WHERE \(own)r.id = x.repository_id AND m.id = x.id \(ordered("x.k", "x.repository_id", "x.entry"))
      """
  }

  /// Entries in the order of results, by an index: `repository_id`, `entry` and the key. Nil: no index has this order.
  func walk(after position: SearchPosition?, limit: Int, skipping: Int = 0) -> SQL? {
    switch (sort.key, domain) {
    case (.pushed, .tags):
      return """
        SELECT repository_id, name AS entry, updated_at AS k FROM tag
        WHERE \(after(position, "updated_at", "repository_id", "name"))
        \(ordered("updated_at", "repository_id", "name")) LIMIT \(limit) OFFSET \(skipping)
        """
    case (.pushed, .untagged):
      return """
        SELECT repository_id, digest AS entry, pushed_at AS k FROM manifest
        WHERE tags = 0 AND hidden_at IS NULL AND \(after(position, "pushed_at", "repository_id", "digest"))
        \(ordered("pushed_at", "repository_id", "digest")) LIMIT \(limit) OFFSET \(skipping)
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
      return """
        SELECT r.id AS repository_id, \(entry) AS entry, r.name AS k FROM repository r CROSS JOIN \(rows) AND \(from)
        \(order) LIMIT \(limit) OFFSET \(skipping)
        """
    case (.built, _), (.version, _), (.size, _): return nil
    }
  }
}
