public import OCI

/// Where an image that others are built on stands, under which tags, and where tags have gone that pointed to it.
public struct BasePlace: Sendable, Hashable {
  public let repository: RepositoryName
  /// Of the image, or of an index around it.
  public let tags: [String]
  /// They pointed to it once, and point to something else now.
  public let movedTags: [String]
}

extension Reading where Self: ~Copyable {
  /// Images whose layers are the first ones of another image, those with the most layers first.
  ///
  /// - Parameter image: the key of an inventory.
  public func bases(ofImage image: Int64, limit: Int) throws -> [(digest: Digest, layerCount: Int)] {
    try all(
      """
      SELECT i.digest, COUNT(*) FROM image_layer own
        JOIN image_layer l ON l.digest = own.digest AND l.position = own.position
        JOIN image_inventory i ON i.id = l.image_id
      WHERE own.image_id = \(image) AND i.id <> \(image)
      GROUP BY i.id, i.digest
      HAVING COUNT(*) = (SELECT COUNT(*) FROM image_layer a WHERE a.image_id = i.id)
        AND COUNT(*) < (SELECT COUNT(*) FROM image_layer b WHERE b.image_id = \(image))
      ORDER BY COUNT(*) DESC, i.id DESC LIMIT \(limit)
      """
    ) { (digest: try $0.digest(0), layerCount: Int($0.integer(1))) }
  }

  /// Where an image stands. Repositories in the order of their names; tags only as far as the history of tags goes.
  public func places(ofBase digest: Digest, limit: Int) throws -> [BasePlace] {
    let repositories = try all(
      """
      SELECT r.id, r.name FROM manifest m JOIN repository r ON r.id = m.repository_id
      WHERE m.digest = \(digest) AND m.hidden_at IS NULL ORDER BY r.name LIMIT \(limit)
      """
    ) { (id: RepositoryID(value: $0.integer(0)), name: try $0.repositoryName(1)) }
    return try repositories.map { repository in
      let list = Transaction.list(try digestsOf(image: digest, in: repository.name).map(\.description))
      let tags = try all(
        """
        SELECT t.name, CASE WHEN t.digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON}))) THEN 1 ELSE 0 END
        FROM tag t WHERE t.repository_id = \(repository.id)
          AND (t.digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
            OR EXISTS (SELECT 1 FROM tag_event e WHERE e.repository_id = t.repository_id AND e.tag = t.name
              AND e.to_digest IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))))
        ORDER BY t.name
        """
      ) { (name: $0.text(0), isThere: $0.integer(1) == 1) }
      return BasePlace(
        repository: repository.name, tags: tags.filter(\.isThere).map(\.name),
        movedTags: tags.filter { !$0.isThere }.map(\.name))
    }
  }
}
