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
  public func tags(in repository: RepositoryID, after tag: String, limit: Int) throws -> TagList {
    // One row: ten thousand of them would cost more to send and to read than to find.
    let page = Transaction.tagPage(in: repository, after: tag, limit: limit)
    let joined = try first(page) { $0.isNull(0) ? [] : $0.bytes(0) }
    do {
      return try TagList(parsingJoined: joined ?? [])
    } catch { throw DatabaseError.corrupt("a repository's tags: \(error)") }
  }
}

extension Transaction {
  static func tagPage(in repository: RepositoryID, after tag: String, limit: Int) -> SQL {
    """
    SELECT {JOINED}(name, ',') FROM (
      SELECT name FROM tag WHERE repository_id = \(repository) AND name > \(tag) ORDER BY name LIMIT \(limit)) page
    """
  }
}

/// A repository's row, with its name.
public struct RepositoryRow: Sendable, Hashable {
  public let id: RepositoryID
  public let name: RepositoryName

  public init(id: RepositoryID, name: RepositoryName) {
    self.id = id
    self.name = name
  }
}

// The only statements that change what a tag points to (invariant I6): each with its event, in the same transaction.
//
// Whether it may be changed is asked of ``TagRules`` before.
extension Transaction {
  /// Points a tag to a manifest of its repository.
  ///
  /// - Precondition: the repository is locked, and shows the manifest.
  /// - Parameter previous: what it points to now; nil when there is no such tag.
  public func pointTag(
    _ tag: Tag, to digest: Digest, in repository: RepositoryRow, from previous: Digest?, _ cause: TagCause
  ) throws {
    guard previous != digest else { return }
    try enqueue(
      """
      INSERT INTO tag (repository_id, name, digest, updated_at, actor, version_key, is_indexed)
      VALUES (\(repository.id), \(tag), \(digest), \(now), \(cause.actor),
        \(SemanticVersion(parsing: tag.text)?.key), 1)
      ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at,
        actor = excluded.actor
      """)
    // They go with the tag's row.
    if previous == nil { try writeWords(of: tag, repository.id) }
    try enqueue(
      """
      UPDATE manifest SET tags = tags + 1, events = events + 1
      WHERE repository_id = \(repository.id) AND digest = \(digest)
      """)
    if let previous { try countTagGone(previous, repository.id) }
    try recordTagEvent(tag, repository, from: previous, to: digest, cause)
  }

  /// Notes that a channel is at another version now, which is the same image: the event is no move (``TagEventFilter/onlyMoves``).
  ///
  /// - Precondition: the repository is locked, and the tag points to the manifest.
  func noteVersion(
    of channel: Tag, at digest: Digest, in repository: RepositoryRow, _ cause: TagCause
  ) throws {
    try enqueue(
      "UPDATE manifest SET events = events + 1 WHERE repository_id = \(repository.id) AND digest = \(digest)")
    try recordTagEvent(channel, repository, from: digest, to: digest, cause)
  }

  /// Deletes a tag. Answers what it pointed to; nil when there is none.
  @discardableResult
  public func deleteTag(_ tag: Tag, from repository: RepositoryRow, _ cause: TagCause) throws -> Digest? {
    try lock(repository.id)
    let previous = try first(
      "DELETE FROM tag WHERE repository_id = \(repository.id) AND name = \(tag) RETURNING digest"
    ) { try $0.digest(0) }
    guard let previous else { return nil }
    try countTagGone(previous, repository.id)
    try recordTagEvent(tag, repository, from: previous, to: nil, cause)
    return previous
  }

  private func countTagGone(_ digest: Digest, _ repository: RepositoryID) throws {
    try enqueue(
      """
      UPDATE manifest SET tags = tags - 1, idle_since = \(now)
      WHERE repository_id = \(repository) AND digest = \(digest)
      """)
  }

  private func recordTagEvent(
    _ tag: Tag, _ repository: RepositoryRow, from: Digest?, to: Digest?, _ cause: TagCause
  ) throws {
    try enqueue(
      """
      INSERT INTO tag_event (repository_id, tag, from_digest, to_digest, kind, actor, at, namespace, reason, request_id,
        release_id, is_kept)
      VALUES (\(repository.id), \(tag), \(from), \(to), \(cause.kind.rawValue), \(cause.actor), \(now),
        \(repository.name.namespace), \(cause.reason), \(cause.requestID), \(cause.release), \(to != nil))
      """)
  }
}
