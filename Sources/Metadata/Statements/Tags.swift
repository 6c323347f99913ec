public import OCI

extension Reading where Self: ~Copyable {
  public func digest(of tag: Tag, in repository: RepositoryName) throws -> Digest? {
    try first(
      """
      SELECT t.digest FROM repository r JOIN tag t ON t.repository_id = r.id
      WHERE r.name = \(repository) AND t.name = \(tag)
      """
    ) { try $0.digest(0) }
  }

  /// A page of tags in the order of their bytes. Cost: that of the page, whatever the number of tags.
  public func tags(in repository: RepositoryID, after tag: String, limit: Int) throws -> [Tag] {
    try all(
      "SELECT name FROM tag WHERE repository_id = \(repository) AND name > \(tag) ORDER BY name LIMIT \(limit)"
    ) { try $0.tag(0) }
  }
}

extension Transaction {
  /// Deletes a tag, with its event. Answers false when there is none.
  public func deleteTag(_ tag: Tag, from repository: RepositoryID, actor: String) throws -> Bool {
    try lock(repository)
    let previous = try first(
      "DELETE FROM tag WHERE repository_id = \(repository) AND name = \(tag) RETURNING digest"
    ) { try $0.digest(0) }
    guard let previous else { return false }
    try countTagGone(previous, repository)
    try recordTagEvent(tag, repository, from: previous, to: nil, kind: "delete", actor)
    return true
  }

  func countTagGone(_ digest: Digest, _ repository: RepositoryID) throws {
    try enqueue(
      """
      UPDATE manifest SET tags = tags - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND digest = \(digest)
      """)
  }

  func recordTagEvent(
    _ tag: Tag, _ repository: RepositoryID, from: Digest?, to: Digest?, kind: String, _ actor: String
  ) throws {
    try enqueue(
      """
      INSERT INTO tag_event (repository_id, tag, from_digest, to_digest, kind, actor, at)
      VALUES (\(repository), \(tag), \(from), \(to), \(kind), \(actor), \(now))
      """)
  }
}
