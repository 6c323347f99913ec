internal import OCI

extension Transaction {
  /// - Precondition: the tag's row is there, and has no words.
  func writeWords(of tag: Tag, _ repository: RepositoryID) throws {
    try enqueue(
      """
      INSERT INTO tag_word (repository_id, tag, word)
      SELECT t.repository_id, t.name, e.value
      FROM tag t CROSS JOIN {LIST}(CAST(\(Self.list(SearchWords.of(tag.text))) AS {JSON})) e
      WHERE t.repository_id = \(repository) AND t.name = \(tag)
      """)
  }

  func writeWords(of repository: RepositoryName) throws {
    try enqueue(
      """
      INSERT INTO repository_word (repository_id, word)
      SELECT r.id, e.value
      FROM repository r CROSS JOIN {LIST}(CAST(\(Self.list(SearchWords.of(repository.text))) AS {JSON})) e
      WHERE r.name = \(repository) ON CONFLICT (repository_id, word) DO NOTHING
      """)
  }

  static func list(_ texts: some Sequence<String>) -> String {
    JSONValue.array(texts.map { .string($0.storable) }).text
  }
}

extension Reading where Self: ~Copyable {
  /// Whether there are repositories or tags whose words are not written yet: those of before the upgrade.
  public func hasUnindexed() throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT 1 FROM tag WHERE is_indexed = 0 LIMIT 1) t
        UNION ALL SELECT 1 FROM (SELECT 1 FROM repository WHERE is_indexed = 0 LIMIT 1) r) x
      """) > 0
  }
}

extension Transaction {
  /// Writes the words of repositories and tags that were there before the upgrade, some at a time. Answers how many.
  public func indexOldNames(limit: Int) throws -> Int {
    let repositories = try all(
      "SELECT id, name FROM repository WHERE is_indexed = 0 ORDER BY id LIMIT \(limit) {LOCK}"
    ) { RepositoryRow(id: RepositoryID(value: $0.integer(0)), name: try $0.repositoryName(1)) }
    for repository in repositories {
      try enqueue("UPDATE repository SET is_indexed = 1 WHERE id = \(repository.id)")
      try writeWords(of: repository.name)
    }
    let tags = try all(
      "SELECT repository_id, name FROM tag WHERE is_indexed = 0 ORDER BY repository_id, name LIMIT \(limit) {LOCK}"
    ) { (repository: RepositoryID(value: $0.integer(0)), tag: try $0.tag(1)) }
    for (repository, tag) in tags {
      try enqueue(
        """
        UPDATE tag SET is_indexed = 1, version_key = \(SemanticVersion(parsing: tag.text)?.key)
        WHERE repository_id = \(repository) AND name = \(tag)
        """)
      try writeWords(of: tag, repository)
    }
    return repositories.count + tags.count
  }
}
