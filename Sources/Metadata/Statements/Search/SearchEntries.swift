/// What a query looks at: tags with what they point to, or manifests that no tag points to.
enum SearchDomain: Sendable {
  case tags, untagged

  /// What is known of an entry where it was found: of tags `t` all that a search asks of them, so that nobody looks for them twice;
  /// of manifests `m` that have none where they are.
  var columns: SQL {
    switch self {
    case .tags: "t.repository_id, t.name, t.digest, t.updated_at, t.actor, t.version_key"
    case .untagged: "m.repository_id, m.digest AS entry"
    }
  }

  /// - Parameter rows: rows of ``columns``, each once.
  func entries(of rows: SQL) -> SearchEntries {
    switch self {
    case .tags: SearchEntries("(\(rows)) t", "1 = 1")
    case .untagged: .untagged(rows, "m.repository_id = s.repository_id AND m.digest = s.entry")
    }
  }
}

/// Entries of a search, as parts of a statement to which conditions can be added: so a planner can ask what it can ask early of a
/// manifest before it looks for its tags, and of a tag before it looks for its manifest.
struct SearchEntries {
  /// After `FROM`: with the aliases `t` (of tags) and, where it holds that, `m` (their manifest).
  let tables: SQL
  /// After `WHERE`.
  let condition: SQL
  private let holdsManifest: Bool

  init(_ tables: SQL, _ condition: SQL, holdsManifest: Bool = false) {
    self.tables = tables
    self.condition = condition
    self.holdsManifest = holdsManifest
  }

  /// Manifests to be seen that no tag points to.
  ///
  /// - Parameter rows: a statement, here `s`; `condition` says which manifests `m` belong to its rows.
  static func untagged(_ rows: SQL, _ condition: SQL) -> SearchEntries {
    SearchEntries(
      "(\(rows)) s CROSS JOIN manifest m", "\(condition) AND m.tags = 0 AND m.hidden_at IS NULL", holdsManifest: true)
  }

  var withManifest: SearchEntries {
    holdsManifest
      ? self
      : SearchEntries(
        "\(tables) CROSS JOIN manifest m", "\(condition) AND m.repository_id = t.repository_id AND m.digest = t.digest",
        holdsManifest: true)
  }
}
