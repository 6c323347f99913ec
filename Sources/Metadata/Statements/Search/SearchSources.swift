internal import Ground
internal import OCI

/// Where a search may begin: an index that holds everything that one of its terms takes. How much that is, is counted before.
struct SearchSource {
  fileprivate enum Rows {
    /// Rows with a repository's `id`.
    case repositories(SQL)
    /// Rows with `repository_id` and `tag`.
    case tags(SQL)
    /// What tags `t` have to be like.
    case tagsThat(SQL)
    /// Rows with a manifest's `id`.
    case manifests(SQL)
    /// Rows with `repository_id` and `target`, a tag or a digest.
    case labelled(SQL)
    /// Any of the others, in which a row may be more than once: several words of one text begin alike.
    indirect case repeating(Rows)
  }

  private let rows: [Rows]
  /// It is one repository.
  let isOneRepository: Bool
  /// The term whose entries it holds, no more and no less: nobody has to ask it of them again. Nil: it may hold more.
  let exactTerm: SearchTerm?

  private init(rows: [Rows], isOneRepository: Bool = false, exactTerm: SearchTerm? = nil) {
    self.rows = rows
    self.isOneRepository = isOneRepository
    self.exactTerm = exactTerm
  }

  /// All sources of the terms that must hold, in an order in which those come first that are narrow by nature.
  static func all(of condition: SearchCondition, _ domain: SearchDomain) -> [SearchSource] {
    let terms: [SearchCondition]
    if case .all(let parts) = condition { terms = parts } else { terms = [condition] }
    let sources = terms.compactMap { part -> (rank: Int, source: SearchSource)? in
      guard case .term(let term) = part, let found = rows(of: term, domain) else { return nil }
      return (
        found.rank,
        SearchSource(
          rows: found.rows, isOneRepository: found.rank == 1, exactTerm: term.isExactAsSource ? term : nil)
      )
    }
    return sources.sorted { $0.rank < $1.rank }.map(\.source)
  }

  private static func rows(of term: SearchTerm, _ domain: SearchDomain) -> (rank: Int, rows: [Rows])? {
    switch term {
    case .digest(let digest):
      return (
        0, [.manifests("SELECT id FROM manifest WHERE digest >= \(digest) AND digest < \(digest + SearchWords.end)")]
      )
    case .repository(let pattern):
      if pattern.isExact { return (1, [.repositories("SELECT id FROM repository WHERE name = \(pattern.text)")]) }
      guard !pattern.prefix.isEmpty else { return nil }
      let (from, before) = (pattern.prefix, pattern.prefix + SearchWords.end)
      return (2, [.repositories("SELECT id FROM repository WHERE name >= \(from) AND name < \(before)")])
    case .environment(let name):
      return (
        4,
        [
          .manifests(
            """
            SELECT m.id FROM tag_word w CROSS JOIN tag p CROSS JOIN manifest m
            WHERE w.word = \(SearchWords.of(name).first ?? "") AND w.tag = \(name) AND p.repository_id = w.repository_id
              AND p.name = w.tag AND m.repository_id = p.repository_id AND m.digest = p.digest
            """)
        ]
      )
    case .label(let key, let value):
      let wanted: SQL =
        if case .exactly(let text)? = value { "key = \(key) AND value = \(text)" } else { "key = \(key)" }
      return (
        2,
        [
          .manifests("SELECT manifest_id AS id FROM image_label WHERE \(wanted)"),
          .labelled("SELECT repository_id, target FROM label WHERE \(wanted)"),
        ]
      )
    case .base(let text), .revision(let text):
      // The words of these facts are among those of the image: a name's part begins a word where it begins with a letter.
      guard text.allSatisfy(\.isASCII), let first = text.first, first.isLetter || first.isNumber else { return nil }
      return (2, [.repeating(.manifests("SELECT w.manifest_id AS id FROM manifest_word w WHERE \(range(of: text))"))])
    case .tag(let pattern):
      guard !pattern.prefix.isEmpty, pattern.text.allSatisfy(\.isASCII) else { return nil }
      return (
        2, [.repeating(.tags("SELECT w.repository_id, w.tag FROM tag_word w WHERE \(range(of: pattern.prefix))"))]
      )
    case .word(let word):
      let range = range(of: word)
      return (
        3,
        [
          .repeating(.tags("SELECT w.repository_id, w.tag FROM tag_word w WHERE \(range)")),
          .repeating(.repositories("SELECT w.repository_id AS id FROM repository_word w WHERE \(range)")),
          .repeating(.manifests("SELECT w.manifest_id AS id FROM manifest_word w WHERE \(range)")),
          .repeating(.labelled("SELECT w.repository_id, w.target FROM label_word w WHERE \(range)")),
        ]
      )
    case .by(let name, let isPrefix):
      return (
        4,
        [
          .tagsThat(isPrefix ? "t.actor >= \(name) AND t.actor < \(name + SearchWords.end)" : "t.actor = \(name)")
        ]
      )
    case .pushed(let bounds):
      guard let from = bounds.from else { return nil }
      let before = bounds.before ?? Timestamp(microseconds: .max)
      guard domain == .tags else {
        return (
          5,
          [
            .manifests(
              """
              SELECT id FROM manifest
              WHERE tags = 0 AND hidden_at IS NULL AND pushed_at >= \(from) AND pushed_at < \(before)
              """)
          ]
        )
      }
      return (5, [.tagsThat("t.updated_at >= \(from) AND t.updated_at < \(before)")])
    case .built(let bounds):
      let (from, before) = (bounds.from ?? .distantPast, bounds.before ?? Timestamp(microseconds: .max))
      return (
        5, [.manifests("SELECT manifest_id AS id FROM image_fact WHERE built_at >= \(from) AND built_at < \(before)")]
      )
    case .packages, .packageVersions, .vulnerability:
      return term.inspectedManifests.map { (3, [.manifests($0)]) }
    case .version, .platform, .size, .license, .severity, .flawedPackages: return nil
    }
  }

  /// - Parameter text: in lower case; only as much of it is looked for as is kept.
  private static func range(of text: String) -> SQL {
    let word = text.storable(limitBytes: SearchWords.lengthLimitBytes)
    return "w.word >= \(word) AND w.word < \(word + SearchWords.end)"
  }

  /// The repositories of a few namespaces.
  static func namespaces(_ names: [String]) -> SearchSource {
    SearchSource(
      rows: names.flatMap { name -> [Rows] in
        let (from, before) = (name + "/", name + "0")
        return [
          .repositories("SELECT id FROM repository WHERE name = \(name)"),
          .repositories("SELECT id FROM repository WHERE name >= \(from) AND name < \(before)"),
        ]
      })
  }

  // MARK: Entries

  /// How much each of its parts holds, counted up to a limit: rows of its own index where joining them to entries costs more than
  /// it tells. A planner that has to guess would else join all there is to find the first few.
  ///
  /// - Returns: a statement that answers the number of a part and a count; nil when it can hold nothing.
  func counts(_ domain: SearchDomain, limit: Int) -> SQL? {
    let counts = rows.enumerated().compactMap { number, rows -> SQL? in
      rows.counted(domain).map { "SELECT \(number), COUNT(*) FROM (\($0) LIMIT \(limit)) part" }
    }
    return counts.first.map { first in counts.dropFirst().reduce(first) { "\($0) UNION ALL \($1)" } }
  }

  /// All its entries, each once, from those of its parts that hold any.
  ///
  /// - Parameter limit: more rows of its own index than it was counted to hold.
  func entries(_ domain: SearchDomain, parts: some Sequence<Int>, limit: Int) -> SearchEntries {
    let parts = parts.flatMap { rows[$0].limited(limit).entries(domain) }
    if let only = parts.first, parts.count == 1 { return only.withManifest }
    let statements = parts.map { "SELECT \(domain.columns) FROM \($0.tables) WHERE \($0.condition)" as SQL }
    guard let first = statements.first else { preconditionFailure("a source without parts was counted") }
    return domain.entries(
      of: "SELECT DISTINCT * FROM (\(statements.dropFirst().reduce(first) { "\($0) UNION ALL \($1)" })) entries")
  }
}

extension SearchSource.Rows {
  /// What is counted, nil where there is none.
  fileprivate func counted(_ domain: SearchDomain) -> SQL? {
    switch (self, domain) {
    case (.repeating(let rows), _): rows.counted(domain)
    case (.manifests(let sql), _), (.labelled(let sql), _), (.tags(let sql), .tags): sql
    case (.tagsThat, .tags), (.repositories, _):
      entries(domain).first.map { "SELECT 1 AS one FROM \($0.tables) WHERE \($0.condition)" }
    case (.tags, .untagged), (.tagsThat, .untagged): nil
    }
  }

  /// The same rows, each once, with a word for the planner on how many there are at most.
  fileprivate func limited(_ limit: Int) -> SearchSource.Rows {
    switch self {
    case .repositories, .tags, .tagsThat: self
    case .manifests(let sql): .manifests("\(sql) LIMIT \(limit)")
    case .labelled(let sql): .labelled("\(sql) LIMIT \(limit)")
    case .repeating(.repositories(let sql)): .repositories("SELECT DISTINCT * FROM (\(sql)) repeating")
    case .repeating(.tags(let sql)): .tags("SELECT DISTINCT * FROM (\(sql) LIMIT \(limit)) repeating")
    case .repeating(.manifests(let sql)): .manifests("SELECT DISTINCT * FROM (\(sql) LIMIT \(limit)) repeating")
    case .repeating(.labelled(let sql)): .labelled("SELECT DISTINCT * FROM (\(sql) LIMIT \(limit)) repeating")
    case .repeating(let rows): rows.limited(limit)
    }
  }

  /// Each holds an entry once where ``limited(_:)`` made the rows; one may be in several.
  fileprivate func entries(_ domain: SearchDomain) -> [SearchEntries] {
    switch (self, domain) {
    case (.repeating(let rows), _): return rows.entries(domain)
    case (.repositories(let sql), .tags):
      return [SearchEntries("(\(sql)) s CROSS JOIN tag t", "t.repository_id = s.id")]
    case (.tags(let sql), .tags):
      return [SearchEntries("(\(sql)) s CROSS JOIN tag t", "t.repository_id = s.repository_id AND t.name = s.tag")]
    case (.tagsThat(let condition), .tags): return [SearchEntries("tag t", condition)]
    case (.manifests(let sql), .tags):
      return [
        SearchEntries(
          "(\(sql)) s CROSS JOIN manifest m CROSS JOIN tag t",
          "m.id = s.id AND t.repository_id = m.repository_id AND t.digest = m.digest", holdsManifest: true)
      ]
    case (.labelled(let sql), .tags):
      return ["t.name", "t.digest"].map { (target: SQL) in
        SearchEntries(
          "(\(sql)) s CROSS JOIN tag t", "t.repository_id = s.repository_id AND \(target) = s.target")
      }
    case (.repositories(let sql), .untagged): return [.untagged(sql, "m.repository_id = s.id")]
    case (.tags, .untagged), (.tagsThat, .untagged): return []
    case (.manifests(let sql), .untagged): return [.untagged(sql, "m.id = s.id")]
    case (.labelled(let sql), .untagged):
      return [.untagged(sql, "m.repository_id = s.repository_id AND m.digest = s.target")]
    }
  }
}

extension SearchTerm {
  /// Its place in an index holds what it takes, no more and no less.
  fileprivate var isExactAsSource: Bool {
    switch self {
    case .label(_, nil), .label(_, .exactly), .digest, .by: true
    case .built(let bounds): bounds.from != nil || bounds.before != nil
    case .pushed(let bounds): bounds.from != nil
    case .word, .repository, .tag, .version, .label, .environment, .platform, .size, .base, .revision, .license,
      .packages, .packageVersions, .severity, .flawedPackages, .vulnerability:
      false
    }
  }
}
