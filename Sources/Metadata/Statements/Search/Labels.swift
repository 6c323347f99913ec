public import Ground
public import OCI

/// What labels are set on: a tag, wherever it points, or one manifest.
public enum LabelTarget: Sendable, Hashable, CustomStringConvertible, SQLBindable {
  case tag(Tag)
  case digest(Digest)

  public init(_ reference: Reference) {
    switch reference {
    case .tag(let tag): self = .tag(tag)
    case .digest(let digest): self = .digest(digest)
    }
  }

  public var description: String {
    switch self {
    case .tag(let tag): tag.text
    case .digest(let digest): digest.description
    }
  }

  public var sqlValue: SQLValue { .text(description) }
}

/// A label that somebody set.
public struct LabelRow: Sendable, Hashable {
  /// The tag or the digest.
  public let target: String
  public let key: String
  public let value: String
  public let setBy: String
  public let setAt: Timestamp

  /// How many one tag or digest may have.
  public static let countLimit = 64
  public static let keyLimitBytes = 128
  public static let valueLimitBytes = 256

  /// What counts where a tag and its manifest have labels: those of the tag.
  public static func effective(_ rows: [LabelRow], tag: Tag?) -> [String: String] {
    var labels: [String: String] = [:]
    for row in rows where row.target != tag?.text { labels[row.key] = row.value }
    for row in rows where row.target == tag?.text { labels[row.key] = row.value }
    return labels
  }
}

extension Row {
  /// The columns target, key, value, who and when, from one on.
  func label(from column: Int) -> LabelRow {
    LabelRow(
      target: text(column), key: text(column + 1), value: text(column + 2), setBy: text(column + 3),
      setAt: timestamp(column + 4))
  }
}

/// A change of a label.
public struct LabelEvent: Sendable, Hashable {
  public let id: Int64
  public let target, key: String
  public let from, to: String?
  public let actor: String
  public let reason: String?
  public let requestID: String?
  public let at: Timestamp
}

extension Reading where Self: ~Copyable {
  public func labels(of targets: [LabelTarget], in repository: RepositoryID) throws -> [LabelRow] {
    let list = Transaction.list(targets.map(\.description))
    return try all(
      """
      SELECT target, key, value, set_by, set_at FROM label
      WHERE repository_id = \(repository) AND target IN (SELECT value FROM {LIST}(CAST(\(list) AS {JSON})))
      ORDER BY target, key
      """
    ) { $0.label(from: 0) }
  }

  /// Changes of a target's labels, the newest first.
  ///
  /// - Parameter before: only events with a smaller number; 0: from the newest.
  public func labelEvents(
    of target: LabelTarget, in repository: RepositoryID, before: Int64, limit: Int
  ) throws -> [LabelEvent] {
    let end = before > 0 ? before : .max
    return try all(
      """
      SELECT id, target, key, from_value, to_value, actor, reason, request_id, at FROM label_event
      WHERE repository_id = \(repository) AND target = \(target) AND id < \(end) ORDER BY id DESC LIMIT \(limit)
      """
    ) {
      LabelEvent(
        id: $0.integer(0), target: $0.text(1), key: $0.text(2), from: $0.optionalText(3), to: $0.optionalText(4),
        actor: $0.text(5), reason: $0.optionalText(6), requestID: $0.optionalText(7), at: $0.timestamp(8))
    }
  }
}

/// What became of labels that were to be set.
public enum LabelOutcome: Sendable {
  /// The changes, in the order of keys.
  case changed([(key: String, from: String?, to: String?)])
  /// There would be too many; nothing was done.
  case tooMany
  /// There is no such tag, or no such manifest to be seen.
  case noTarget
}

extension Reading where Self: ~Copyable {
  /// Whether a tag is there, or a manifest to be seen.
  public func hasTarget(_ target: LabelTarget, _ repository: RepositoryID) throws -> Bool {
    switch target {
    case .tag(let tag):
      try number("SELECT COUNT(*) FROM tag WHERE repository_id = \(repository) AND name = \(tag)") > 0
    case .digest(let digest):
      try number(
        """
        SELECT COUNT(*) FROM manifest
        WHERE repository_id = \(repository) AND digest = \(digest) AND hidden_at IS NULL
        """) > 0
    }
  }
}

extension Transaction {
  /// Sets labels, or takes them away where the value is nil. What does not change is no event.
  public func setLabels(
    _ changes: [String: String?], on target: LabelTarget, in repository: RepositoryID, by origin: Origin,
    reason: String?
  ) throws -> LabelOutcome {
    try lock(repository)
    guard try hasTarget(target, repository) else { return .noTarget }
    var values: [String: String] = [:]
    for row in try labels(of: [target], in: repository) { values[row.key] = row.value }
    var done: [(key: String, from: String?, to: String?)] = []
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) where values[key] != value {
      done.append((key, values[key], value))
      values[key] = value
    }
    guard values.count <= LabelRow.countLimit else { return .tooMany }
    for (key, from, to) in done {
      if let to {
        try enqueue(
          """
          INSERT INTO label (repository_id, target, key, value, set_by, set_at)
          VALUES (\(repository), \(target), \(key), \(to), \(origin.actor), \(now))
          ON CONFLICT (repository_id, target, key) DO UPDATE SET value = excluded.value, set_by = excluded.set_by,
            set_at = excluded.set_at
          """)
      } else {
        try enqueue("DELETE FROM label WHERE repository_id = \(repository) AND target = \(target) AND key = \(key)")
      }
      try enqueue(
        """
        INSERT INTO label_event (repository_id, target, key, from_value, to_value, actor, reason, request_id, at)
        VALUES (\(repository), \(target), \(key), \(from), \(to), \(origin.actor), \(reason), \(origin.requestID), \(now))
        """)
    }
    guard !done.isEmpty else { return .changed([]) }
    let words = Set(values.flatMap { SearchWords.of($0.key) + SearchWords.of($0.value) }).sorted()
    try enqueue("DELETE FROM label_word WHERE repository_id = \(repository) AND target = \(target)")
    try enqueue(
      """
      INSERT INTO label_word (repository_id, target, word)
      SELECT r.id, \(target), e.value FROM repository r CROSS JOIN {LIST}(CAST(\(Self.list(words)) AS {JSON})) e
      WHERE r.id = \(repository)
      """)
    return .changed(done)
  }
}
