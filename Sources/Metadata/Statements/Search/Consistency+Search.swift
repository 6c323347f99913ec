internal import OCI

/// Rows that are looked at together, so that a large registry is not in memory all at once.
private let pageLimit = 5000

// What a search finds things by, held against the things.
extension Reading where Self: ~Copyable {
  func wrongSearchRows(_ limit: Int) throws -> [Inconsistency] {
    try wrongTagWords(limit) + wrongRepositoryWords(limit) + wrongLabelWords(limit) + missingFacts(limit)
  }

  /// Tags whose words or whose version are not those of their names.
  private func wrongTagWords(_ limit: Int) throws -> [Inconsistency] {
    var found: [Inconsistency] = []
    var position: (repository: Int64, tag: String)? = (0, "")
    while let last = position, found.count < limit {
      let page = try all(
        """
        SELECT t.repository_id, t.name, r.name, t.version_key,
          (SELECT COUNT(*) FROM tag_word w WHERE w.repository_id = t.repository_id AND w.tag = t.name)
        FROM tag t JOIN repository r ON r.id = t.repository_id
        WHERE (t.repository_id, t.name) > (\(last.repository), \(last.tag)) AND t.is_indexed = 1
        ORDER BY t.repository_id, t.name LIMIT \(pageLimit)
        """
      ) {
        (
          repository: $0.integer(0), tag: $0.text(1), name: $0.text(2), version: $0.optionalText(3),
          words: $0.integer(4)
        )
      }
      for row in page {
        let place = "tag \(row.name):\(row.tag)"
        if row.words != SearchWords.of(row.tag).count {
          found.append(Inconsistency(description: "\(place) has other words for a search than its name has"))
        }
        if row.version != SemanticVersion(parsing: row.tag)?.key {
          found.append(Inconsistency(description: "\(place) is ordered as another version than its name says"))
        }
      }
      position = page.count == pageLimit ? page.last.map { ($0.repository, $0.tag) } : nil
    }
    return Array(found.prefix(limit))
  }

  private func wrongRepositoryWords(_ limit: Int) throws -> [Inconsistency] {
    var found: [Inconsistency] = []
    var position: Int64? = 0
    while let last = position, found.count < limit {
      let page = try all(
        """
        SELECT r.id, r.name, (SELECT COUNT(*) FROM repository_word w WHERE w.repository_id = r.id)
        FROM repository r WHERE r.id > \(last) AND r.is_indexed = 1 ORDER BY r.id LIMIT \(pageLimit)
        """
      ) { (id: $0.integer(0), name: $0.text(1), words: $0.integer(2)) }
      for row in page where row.words != SearchWords.of(row.name).count {
        found.append(
          Inconsistency(description: "repository \(row.name) has other words for a search than its name has"))
      }
      position = page.count == pageLimit ? page.last?.id : nil
    }
    return Array(found.prefix(limit))
  }

  /// Labels that no word finds, and words of labels that are not there.
  private func wrongLabelWords(_ limit: Int) throws -> [Inconsistency] {
    let unfound = try all(
      """
      SELECT DISTINCT r.name, l.target FROM label l JOIN repository r ON r.id = l.repository_id
      WHERE NOT EXISTS (SELECT 1 FROM label_word w WHERE w.repository_id = l.repository_id AND w.target = l.target)
      LIMIT \(limit)
      """
    ) { Inconsistency(description: "the labels of \($0.text(1)) in \($0.text(0)) have no words for a search") }
    let stray = try all(
      """
      SELECT DISTINCT r.name, w.target FROM label_word w JOIN repository r ON r.id = w.repository_id
      WHERE NOT EXISTS (SELECT 1 FROM label l WHERE l.repository_id = w.repository_id AND l.target = w.target)
      LIMIT \(limit)
      """
    ) { Inconsistency(description: "\($0.text(1)) in \($0.text(0)) is found by labels that it does not have") }
    return unfound + stray
  }

  /// Manifests whose facts are said to be read, and are not there.
  private func missingFacts(_ limit: Int) throws -> [Inconsistency] {
    try all(
      """
      SELECT r.name, m.digest FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.facts_due IS NULL AND NOT EXISTS (SELECT 1 FROM image_fact f WHERE f.manifest_id = m.id)
      LIMIT \(limit)
      """
    ) { Inconsistency(description: "manifest \($0.text(1)) in \($0.text(0)) has no facts, and nobody is to read them") }
  }
}
