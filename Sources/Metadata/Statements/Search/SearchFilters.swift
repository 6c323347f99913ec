internal import Ground
internal import OCI

/// Makes the conditions of a query from its terms, over the aliases `r` (repository), `t` (tag; not of the untagged), `m`
/// (manifest) and `f` (its facts, perhaps none).
struct SearchFilters {
  let domain: SearchDomain
  /// For each environment that the query names, as ``Reading/environmentPatterns(_:)`` makes them.
  let environments: [String: String]

  /// A condition that is true or false, and never unknown.
  func sql(_ condition: SearchCondition) -> SQL {
    switch condition {
    case .all(let parts):
      guard let first = parts.first else { return "1 = 1" }
      return parts.dropFirst().reduce(sql(first)) { all, part in "(\(all) AND \(sql(part)))" }
    case .any(let parts):
      guard let first = parts.first else { return "1 = 0" }
      return parts.dropFirst().reduce(sql(first)) { all, part in "(\(all) OR \(sql(part)))" }
    case .not(let part): return "NOT \(sql(part))"
    // What an image does not say is not what is asked for: without the CASE it would be neither.
    case .term(let term): return "(CASE WHEN \(sql(term)) THEN 1 ELSE 0 END = 1)"
    }
  }

  private func sql(_ term: SearchTerm) -> SQL {
    switch term {
    case .word(let word): return self.word(word)
    case .repository(let pattern): return pattern.isExact ? "r.name = \(pattern.text)" : like("r.name", pattern.like)
    case .tag(let pattern): return like("LOWER(t.name)", pattern.like)
    case .version(let bounds):
      return domain == .tags
        ? within("COALESCE(t.version_key, f.version_key)", bounds) : within("f.version_key", bounds)
    case .label(let key, let value): return label(key, value)
    case .environment(let name): return environment(name)
    case .built(let bounds): return within("f.built_at", bounds)
    case .pushed(let bounds): return domain == .tags ? within("t.updated_at", bounds) : within("m.pushed_at", bounds)
    case .by(let name, let isPrefix):
      return isPrefix ? "(t.actor >= \(name) AND t.actor < \(name + SearchWords.end))" : "t.actor = \(name)"
    case .platform(let platform): return self.platform(platform)
    case .size(let bounds): return within("f.size", bounds)
    case .base(let name):
      let pattern = SearchPattern(text: name + "*").like
      return "(\(like("LOWER(f.base_name)", pattern)) OR \(like("LOWER(f.base_name)", "%/" + pattern)))"
    case .digest(let digest): return "(m.digest >= \(digest) AND m.digest < \(digest + SearchWords.end))"
    case .revision(let revision): return like("LOWER(f.revision)", SearchPattern(text: revision + "*").like)
    case .flawedPackages(let keys): return flawed(keys)
    case .severity: return "1 = 0"
    case .packages, .packageVersions, .vulnerability:
      return "m.id IN (\(term.inspectedManifests ?? "SELECT id FROM manifest WHERE 1 = 0"))"
    case .license(let license): return like("LOWER(f.licenses)", SearchPattern(text: "*" + license + "*").like)
    }
  }

  private func like(_ column: SQL, _ pattern: String) -> SQL { "\(column) LIKE \(pattern) ESCAPE '!'" }

  private func within<Value: SQLBindable>(_ column: SQL, _ bounds: SearchBounds<Value>) -> SQL {
    switch (bounds.from, bounds.before) {
    case (let from?, let before?): "(\(column) >= \(from) AND \(column) < \(before))"
    case (let from?, nil): "\(column) >= \(from)"
    case (nil, let before?): "\(column) < \(before)"
    case (nil, nil): "\(column) IS NOT NULL"
    }
  }

  /// What a label that people set may be set on.
  private var targets: SQL { domain == .tags ? "(t.name, m.digest)" : "(m.digest)" }

  private func word(_ word: String) -> SQL {
    let range: SQL = "w.word >= \(word) AND w.word < \(word + SearchWords.end)"
    let ofTag: SQL =
      domain == .tags
      ? "EXISTS (SELECT 1 FROM tag_word w WHERE w.repository_id = t.repository_id AND w.tag = t.name AND \(range))"
      : "1 = 0"
    return """
      (\(ofTag)
        OR EXISTS (SELECT 1 FROM repository_word w WHERE w.repository_id = m.repository_id AND \(range))
        OR EXISTS (SELECT 1 FROM manifest_word w WHERE w.manifest_id = m.id AND \(range))
        OR EXISTS (SELECT 1 FROM label_word w WHERE w.repository_id = m.repository_id AND w.target IN \(targets) AND \(range)))
      """
  }

  private func label(_ key: String, _ value: SearchTerm.LabelValue?) -> SQL {
    let wanted: SQL =
      switch value {
      case nil: "l.key = \(key)"
      case .exactly(let text): "l.key = \(key) AND l.value = \(text)"
      case .like(let pattern): "l.key = \(key) AND \(like("LOWER(l.value)", pattern.like))"
      }
    return """
      (EXISTS (SELECT 1 FROM image_label l WHERE l.manifest_id = m.id AND \(wanted))
        OR EXISTS (SELECT 1 FROM label l WHERE l.repository_id = m.repository_id AND l.target IN \(targets) AND \(wanted)))
      """
  }

  /// A tag is in an environment when it points to what the environment's own tag points to. Most manifests fail there, so that
  /// their repositories' names are asked of the rest alone.
  private func environment(_ name: String) -> SQL {
    """
    (EXISTS (SELECT 1 FROM tag p WHERE p.repository_id = m.repository_id AND p.name = \(name) AND p.digest = m.digest)
      AND EXISTS (SELECT 1 FROM repository r CROSS JOIN {LIST}(CAST(\(environments[name] ?? "[]") AS {JSON})) e
        WHERE r.id = m.repository_id AND \(Self.namespace) || ' ' || r.name LIKE e.value ESCAPE '!'))
    """
  }

  /// An image, or one that an index lists, holds one of these packages that is not left to the operating system's.
  private func flawed(_ packages: [Int64]) -> SQL {
    """
    EXISTS (SELECT 1 FROM image_inventory i JOIN image_package u ON u.image_id = i.id
      WHERE (i.digest = m.digest OR i.digest IN (SELECT c.digest FROM manifest_child c WHERE c.manifest_id = m.id))
        AND u.owned_by IS NULL AND u.package_id IN (
          SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(Transaction.list(packages.map { String($0) })) AS {JSON}))))
    """
  }

  private func platform(_ platform: String) -> SQL {
    let text = SearchPattern(text: platform).like
    let column: SQL = "',' || LOWER(f.platforms) || ','"
    let before = platform.contains("/") ? "%," : "%"
    guard !platform.contains("/") else {
      return "(\(like(column, before + text + ",%")) OR \(like(column, before + text + "/%")))"
    }
    return """
      (\(like(column, "%," + text + "/%")) OR \(like(column, "%/" + text + ",%")) OR \(like(column, "%/" + text + "/%")))
      """
  }

  /// The first part of a repository's name.
  static let namespace: SQL = "substr(r.name, 1, {POSITION}(r.name || '/', '/') - 1)"
}

extension Reading where Self: ~Copyable {
  /// The patterns of all environments of a name, each with its namespace before it: what `LIKE` takes, as a JSON array.
  func environmentPatterns(_ name: String) throws -> String {
    let rows = try all("SELECT namespace, repositories FROM environment WHERE name = \(name) ORDER BY namespace") {
      (namespace: $0.text(0), patterns: $0.text(1))
    }
    let likes = try rows.flatMap { row -> [String] in
      guard let patterns = (try? JSONValue.parse(row.patterns))?.array?.compactMap(\.string) else {
        throw DatabaseError.corrupt("an environment's repositories are stored as “\(row.patterns)”")
      }
      return patterns.map { row.namespace + " " + SearchPattern(text: $0).like }
    }
    return Transaction.list(likes)
  }
}
