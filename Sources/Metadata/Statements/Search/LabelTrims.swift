public import Ground

/// Labels of a tag or a digest that is gone for good, with the record of their changes.
public struct LabelTrim: Sendable, Hashable {
  public let repository: RepositoryRow
  /// The tag or the digest.
  public let target: String
  public let labels: Int
  public let changes: Int
  /// When one of them was last changed.
  public let lastAt: Timestamp
}

extension Reading where Self: ~Copyable {
  /// What has labels, or had some, and cannot come back: a tag without history, a manifest whose row is gone.
  ///
  /// - Parameters:
  ///   - moment: labels that were changed since then stay.
  ///   - target: only what comes after it, in the order of bytes.
  public func goneTargets(
    in repository: RepositoryRow, before moment: Timestamp, after target: String, limit: Int
  ) throws -> [LabelTrim] {
    try goneTargets(repository, moment, "target > \(target)", limit)
  }

  fileprivate func goneTargets(
    _ repository: RepositoryRow, _ moment: Timestamp, _ place: SQL, _ limit: Int
  ) throws -> [LabelTrim] {
    try all(
      """
      SELECT x.target, COUNT(x.label), COUNT(x.change), MAX(x.at) FROM (
        SELECT target, 1 AS label, NULL AS change, set_at AS at FROM label
        WHERE repository_id = \(repository.id) AND \(place)
        UNION ALL SELECT target, NULL, 1, at FROM label_event WHERE repository_id = \(repository.id) AND \(place)
      ) x
      WHERE NOT EXISTS (SELECT 1 FROM tag t WHERE t.repository_id = \(repository.id) AND t.name = x.target)
        AND NOT EXISTS (SELECT 1 FROM tag_event e WHERE e.repository_id = \(repository.id) AND e.tag = x.target)
        AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.repository_id = \(repository.id) AND m.digest = x.target)
      GROUP BY x.target HAVING MAX(x.at) <= \(moment) ORDER BY x.target LIMIT \(limit)
      """
    ) {
      LabelTrim(
        repository: repository, target: $0.text(0), labels: Int($0.integer(1)), changes: Int($0.integer(2)),
        lastAt: $0.timestamp(3))
    }
  }
}

extension Transaction {
  /// Takes labels away, and the record of their changes, of those targets that are gone *in this transaction*. Answers which.
  ///
  /// - Precondition: the repository is locked.
  public func trimLabels(
    of targets: [String], in repository: RepositoryRow, before moment: Timestamp
  ) throws -> [LabelTrim] {
    var done: [LabelTrim] = []
    for target in targets {
      guard let trim = try goneTargets(repository, moment, "target = \(target)", 1).first else { continue }
      for table in ["label", "label_word", "label_event"] as [SQL] {
        try enqueue("DELETE FROM \(table) WHERE repository_id = \(repository.id) AND target = \(target)")
      }
      done.append(trim)
    }
    return done
  }
}
