public import Ground
public import OCI

/// A change of what a tag points to.
public struct TagEvent: Sendable, Hashable {
  public let id: Int64
  public let repository: RepositoryName
  public let tag: Tag
  public let from: Digest?
  /// Nil: it was deleted.
  public let to: Digest?
  /// As in ``TagEventKind``, or a kind of a later version.
  public let kind: String
  public let actor: String
  public let reason: String?
  public let requestID: String?
  public let release: Int64?
  public let at: Timestamp
  /// The manifest that it pointed to is there, and the tag can go back to it.
  public let isKept: Bool

  /// The tag came to point elsewhere with it; else a channel came to another version of the same image.
  public var isMove: Bool { from != to }
}

/// Whose history is asked for.
public enum TagHistoryScope: Sendable, Hashable {
  case tag(RepositoryName, Tag)
  case repository(RepositoryName)
  /// All repositories of a namespace; the caller leaves out those that its asker may not see.
  case namespace(String)
}

/// Which events are asked for.
public struct TagEventFilter: Sendable, Hashable {
  public var actor: String?
  public var kind: String?
  public var since: Timestamp?
  public var until: Timestamp?
  /// Only those with which the tag came to point elsewhere; not that a channel is at another version of the same image.
  public var onlyMoves = false
  public init() {}
}

extension Reading where Self: ~Copyable {
  /// What an index names, or what those name, that no reader can see: deleted by its digest, or never here. Nothing for an image.
  public func absentParts(of digest: Digest, in repository: RepositoryID) throws -> [Digest] {
    var absent: [Digest] = []
    var waiting = [digest]
    var seen: Set<Digest> = [digest]
    while let next = waiting.popLast() {
      let children = try all(
        """
        SELECT c.digest, (SELECT COUNT(*) FROM manifest v WHERE v.repository_id = m.repository_id AND v.digest = c.digest
          AND v.hidden_at IS NULL)
        FROM manifest m JOIN manifest_child c ON c.manifest_id = m.id
        WHERE m.repository_id = \(repository) AND m.digest = \(next) ORDER BY c.digest
        """
      ) { (digest: try $0.digest(0), isVisible: $0.integer(1) > 0) }
      for child in children where seen.insert(child.digest).inserted {
        if child.isVisible { waiting.append(child.digest) } else { absent.append(child.digest) }
      }
    }
    return absent
  }
}

/// What a tag pointed to at a moment.
public struct TagState: Sendable, Hashable {
  public let tag: Tag
  public let digest: Digest
  public let since: Timestamp
  /// Who pointed it there.
  public let actor: String
  /// The manifest can be pulled by its digest: nobody has deleted it since.
  public let isAvailable: Bool
}

extension TagState {
  /// The state that an event began; nil: with it the tag was deleted.
  public init?(after event: TagEvent, isAvailable: Bool) {
    guard let digest = event.to else { return nil }
    self.init(tag: event.tag, digest: digest, since: event.at, actor: event.actor, isAvailable: isAvailable)
  }
}

/// Of an event `e`: the tag came to point elsewhere with it.
private let isMove: SQL = "e.from_digest IS DISTINCT FROM e.to_digest"

extension Row {
  fileprivate func tagEvent() throws -> TagEvent {
    TagEvent(
      id: integer(0), repository: try repositoryName(1), tag: try tag(2), from: isNull(3) ? nil : try digest(3),
      to: isNull(4) ? nil : try digest(4), kind: text(5), actor: text(6), reason: optionalText(7),
      requestID: optionalText(8), release: isNull(9) ? nil : integer(9), at: timestamp(10), isKept: integer(11) == 1)
  }

  fileprivate func tagState() throws -> TagState {
    TagState(
      tag: try tag(0), digest: try digest(1), since: timestamp(2), actor: text(3), isAvailable: integer(4) == 1)
  }
}

extension Reading where Self: ~Copyable {
  /// Events, the newest first. Cost: that of the page, and of what the filter passes over.
  ///
  /// - Parameter before: only events with a smaller id; nil begins with the newest.
  public func tagEvents(
    _ scope: TagHistoryScope, _ filter: TagEventFilter = TagEventFilter(), before: Int64? = nil, limit: Int
  ) throws -> [TagEvent] {
    let place: SQL
    switch scope {
    case .tag(let repository, let tag): place = "r.name = \(repository) AND e.tag = \(tag)"
    case .repository(let repository): place = "r.name = \(repository)"
    case .namespace(let namespace): place = "e.namespace = \(namespace)"
    }
    let end = before ?? Int64.max
    let moves: SQL = filter.onlyMoves ? "AND \(isMove)" : ""
    return try all(
      """
      SELECT e.id, r.name, e.tag, e.from_digest, e.to_digest, e.kind, e.actor, e.reason, e.request_id, e.release_id, e.at,
        e.is_kept
      FROM tag_event e JOIN repository r ON r.id = e.repository_id
      WHERE \(place) AND e.id < \(end) AND e.at >= \(filter.since?.microseconds ?? 0)
        AND e.at < \(filter.until?.microseconds ?? Int64.max)
        AND e.actor = COALESCE(\(filter.actor), e.actor) AND e.kind = COALESCE(\(filter.kind), e.kind)
        \(moves)
      ORDER BY e.id DESC LIMIT \(limit)
      """
    ) { try $0.tagEvent() }
  }

  public func tagEvent(_ id: Int64) throws -> TagEvent? {
    try first(
      """
      SELECT e.id, r.name, e.tag, e.from_digest, e.to_digest, e.kind, e.actor, e.reason, e.request_id, e.release_id, e.at,
        e.is_kept
      FROM tag_event e JOIN repository r ON r.id = e.repository_id WHERE e.id = \(id)
      """
    ) { try $0.tagEvent() }
  }

  /// The event that a tag's state at a moment comes from; nil: there is none so old.
  public func lastEvent(of tag: Tag, in repository: RepositoryName, at moment: Timestamp) throws -> TagEvent? {
    try first(
      """
      SELECT e.id, r.name, e.tag, e.from_digest, e.to_digest, e.kind, e.actor, e.reason, e.request_id, e.release_id, e.at,
        e.is_kept
      FROM repository r JOIN tag_event e ON e.repository_id = r.id
      WHERE r.name = \(repository) AND e.tag = \(tag) AND e.at <= \(moment) AND \(isMove) ORDER BY e.id DESC LIMIT 1
      """
    ) { try $0.tagEvent() }
  }

  /// The oldest event of a tag that is kept.
  public func firstEvent(of tag: Tag, in repository: RepositoryName) throws -> TagEvent? {
    try first(
      """
      SELECT e.id, r.name, e.tag, e.from_digest, e.to_digest, e.kind, e.actor, e.reason, e.request_id, e.release_id, e.at,
        e.is_kept
      FROM repository r JOIN tag_event e ON e.repository_id = r.id
      WHERE r.name = \(repository) AND e.tag = \(tag) ORDER BY e.id LIMIT 1
      """
    ) { try $0.tagEvent() }
  }

  /// Tags as they are, in the order of their bytes.
  public func tagStates(in repository: RepositoryID, after tag: String, limit: Int) throws -> [TagState] {
    try all(
      """
      SELECT t.name, t.digest, t.updated_at, COALESCE((SELECT e.actor FROM tag_event e
        WHERE e.repository_id = t.repository_id AND e.tag = t.name AND \(isMove) ORDER BY e.id DESC LIMIT 1), ''), 1
      FROM tag t WHERE t.repository_id = \(repository) AND t.name > \(tag) ORDER BY t.name LIMIT \(limit)
      """
    ) { try $0.tagState() }
  }

  /// A tag as it is; nil: there is none.
  public func tagState(_ tag: Tag, in repository: RepositoryID) throws -> TagState? {
    try first(
      """
      SELECT t.name, t.digest, t.updated_at, COALESCE((SELECT e.actor FROM tag_event e
        WHERE e.repository_id = t.repository_id AND e.tag = t.name AND \(isMove) ORDER BY e.id DESC LIMIT 1), ''), 1
      FROM tag t WHERE t.repository_id = \(repository) AND t.name = \(tag)
      """
    ) { try $0.tagState() }
  }

  /// Tags as they were at a moment, in the order of their bytes. Cost: that of the events of the page's tags.
  public func tagStates(
    in repository: RepositoryID, asOf moment: Timestamp, after tag: String, limit: Int
  ) throws -> [TagState] {
    try all(
      """
      SELECT e.tag, e.to_digest, e.at, e.actor, (SELECT COUNT(*) FROM manifest m
        WHERE m.repository_id = e.repository_id AND m.digest = e.to_digest AND m.hidden_at IS NULL)
      FROM tag_event e
      WHERE e.repository_id = \(repository) AND e.tag > \(tag) AND e.at <= \(moment) AND e.to_digest IS NOT NULL
        AND \(isMove)
        AND NOT EXISTS (SELECT 1 FROM tag_event n WHERE n.repository_id = e.repository_id AND n.tag = e.tag
          AND n.id > e.id AND n.at <= \(moment) AND n.from_digest IS DISTINCT FROM n.to_digest)
      ORDER BY e.tag LIMIT \(limit)
      """
    ) { try $0.tagState() }
  }

  /// What tags of the repository pointed to before this moment is not known any more; the distant past: all is known.
  public func historyBegin(of repository: RepositoryID) throws -> Timestamp {
    Timestamp(microseconds: try number("SELECT history_from FROM repository WHERE id = \(repository)"))
  }
}

/// What became of a tag that was to be restored.
public enum TagRestoration: Sendable, Hashable {
  case restored
  /// It points there already.
  case wasThere
  /// It was changed after this was decided, and left alone.
  case changedSince
}

/// What stands in the way of going back to a manifest.
public enum ManifestAbsence: Error, Sendable, Hashable {
  /// The manifest, or one that an index of it names, was removed for good.
  case removed(Digest)
}

extension Transaction {
  /// Points a tag to what it, or another tag, pointed to before; the manifest is shown again if it was hidden, with all that
  /// it names.
  ///
  /// - Parameters:
  ///   - expected: what the tag pointed to when somebody decided this; another one leaves all as it is.
  ///   - allowsMissing: an index may name manifests that are not there (sparse).
  /// - Throws: ``TagRefusal``, ``ManifestAbsence``.
  public func restoreTag(
    _ tag: Tag, to digest: Digest, in repository: RepositoryRow, expected: Digest?, allowsMissing: Bool,
    _ cause: TagCause
  ) throws -> TagRestoration {
    try lock(repository.id)
    let current = try self.digest(of: tag, in: repository.name)
    guard current == digest || current == expected else { return .changedSince }
    try tagRules(of: repository.name).checkMove(of: tag, from: current, to: digest)
    // Also where the tag is right: a part of the image may have been deleted by its digest.
    try showAll(digest, in: repository.id, allowsMissing: allowsMissing)
    if current == digest { return .wasThere }
    try pointTag(tag, to: digest, in: repository, from: current, cause)
    return .restored
  }

  /// Shows a manifest and, where it is an index, all that it names.
  ///
  /// - Precondition: the repository is locked.
  /// - Throws: ``ManifestAbsence``.
  public func showAll(_ digest: Digest, in repository: RepositoryID, allowsMissing: Bool) throws {
    var waiting = [digest]
    var seen: Set<Digest> = [digest]
    while let next = waiting.popLast() {
      let found = try first(
        "SELECT id, hidden_at FROM manifest WHERE repository_id = \(repository) AND digest = \(next)"
      ) { (key: $0.integer(0), isHidden: !$0.isNull(1)) }
      guard let found else {
        if allowsMissing && next != digest { continue }
        throw ManifestAbsence.removed(next)
      }
      if found.isHidden { try showManifest(next, in: repository) }
      let children = try all("SELECT digest FROM manifest_child WHERE manifest_id = \(found.key) ORDER BY digest") {
        try $0.digest(0)
      }
      waiting += children.filter { seen.insert($0).inserted }
    }
  }
}
