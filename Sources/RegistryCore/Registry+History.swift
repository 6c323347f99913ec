public import Access
public import Ground
public import Metadata
public import OCI

/// What a tag is to go back to.
public enum TagGoal: Sendable, Hashable {
  /// What it pointed to before its last so many moves: 1 undoes the last one, a deletion too.
  case movesAgo(Int)
  /// What it pointed to after this event.
  case event(Int64)
  /// What it pointed to at this moment.
  case moment(Timestamp)
}

/// A tag that went back.
public struct RestoredTag: Sendable, Hashable {
  public let tag: Tag
  /// What it pointed to; nil: there was no such tag.
  public let from: Digest?
  public let to: Digest
  /// False: it pointed there already.
  public let hasChanged: Bool
}

// The memory of tags (invariant I6): what they pointed to, and the way back.
extension Registry {
  /// How often a restore begins again because the tag was moved meanwhile.
  private static let restoreAttempts = 3

  /// Tags with what they point to, or pointed to at a moment.
  ///
  /// - Throws: `NAME_UNKNOWN`; `MANIFEST_UNKNOWN` when history does not go back so far.
  public func tagStates(
    asOf moment: Timestamp?, after last: String, limit: Int, permit: Permit<Pull>
  ) async throws -> [TagState] {
    let repository = permit.repository
    let found = try await database.read { transaction -> (states: [TagState], begin: Timestamp)? in
      guard let id = try transaction.repository(named: repository) else { return nil }
      guard let moment else { return (try transaction.tagStates(in: id, after: last, limit: limit), .distantPast) }
      return (
        try transaction.tagStates(in: id, asOf: moment, after: last, limit: limit),
        try transaction.historyBegin(of: id)
      )
    }
    guard let found else { throw Self.unknownName(repository) }
    if let moment, moment < found.begin {
      throw RegistryError(
        .manifestUnknown,
        "the history of all tags of \(repository) is kept from \(found.begin) on; that of a single tag may go further back"
      )
    }
    return found.states
  }

  /// A tag with what it points to, or pointed to at a moment.
  ///
  /// - Throws: `MANIFEST_UNKNOWN`.
  public func tagState(_ tag: Tag, asOf moment: Timestamp?, permit: Permit<Pull>) async throws -> TagState {
    let repository = permit.repository
    guard let moment else {
      return try await database.read { transaction -> TagState in
        guard let id = try transaction.repository(named: repository) else { throw Self.unknownTag(tag, repository) }
        if let found = try transaction.tagState(tag, in: id) { return found }
        guard let last = try transaction.tagEvents(.tag(repository, tag), limit: 1).first else {
          throw Self.unknownTag(tag, repository)
        }
        throw RegistryError(.manifestUnknown, "\(repository):\(tag) was deleted at \(last.at)")
      }
    }
    let found = try await database.read { transaction -> TagState? in
      let event = try Self.event(of: tag, in: repository, at: moment, transaction)
      guard let digest = event.to else { return nil }
      let isAvailable = try transaction.manifest(.digest(digest), in: repository, known: digest) != nil
      return TagState(after: event, isAvailable: isAvailable)
    }
    guard let found else {
      throw RegistryError(.manifestUnknown, "\(repository):\(tag) was deleted at \(moment)")
    }
    return found
  }

  /// The event that a tag's state at a moment comes from.
  private static func event(
    of tag: Tag, in repository: RepositoryName, at moment: Timestamp, _ transaction: borrowing ReadTransaction
  ) throws -> TagEvent {
    if let event = try transaction.lastEvent(of: tag, in: repository, at: moment) { return event }
    guard let first = try transaction.firstEvent(of: tag, in: repository) else { throw unknownTag(tag, repository) }
    let begin =
      first.from == nil
      ? "\(repository):\(tag) was first made at \(first.at)"
      : "what \(repository):\(tag) pointed to before \(first.at) is not kept"
    throw RegistryError(.manifestUnknown, begin)
  }

  /// Events of a tag or a repository, the newest first.
  public func history(
    of tag: Tag?, _ filter: TagEventFilter, before: Int64?, limit: Int, permit: Permit<Pull>
  ) async throws -> [TagEvent] {
    let repository = permit.repository
    let scope: TagHistoryScope = tag.map { .tag(repository, $0) } ?? .repository(repository)
    return try await database.read { try $0.tagEvents(scope, filter, before: before, limit: limit) }
  }

  /// Tells what never was from what has no event that was asked for.
  ///
  /// - Throws: `NAME_UNKNOWN`; `MANIFEST_UNKNOWN` for a tag of which nothing is known.
  public func requireHistory(of tag: Tag?, permit: Permit<Pull>) async throws {
    let repository = permit.repository
    try await database.read { transaction in
      guard try transaction.repository(named: repository) != nil else { throw Self.unknownName(repository) }
      guard let tag, try transaction.tagEvents(.tag(repository, tag), limit: 1).isEmpty else { return }
      throw RegistryError(
        .manifestUnknown, "nothing is known of a tag \(tag) of \(repository)", details: [["tag": .string(tag.text)]])
    }
  }

  /// Events of a namespace, the newest first, of those repositories that `shows` lets through.
  ///
  /// - Returns: as many as were asked for, unless there are no more.
  public func history(
    ofNamespace namespace: String, _ filter: TagEventFilter, before: Int64?, limit: Int,
    shows: @escaping @Sendable (RepositoryName) -> Bool
  ) async throws -> [TagEvent] {
    var shown: [TagEvent] = []
    var position = before
    while shown.count < limit {
      let from = position
      let page = try await database.read {
        try $0.tagEvents(.namespace(namespace), filter, before: from, limit: limit)
      }
      shown += page.filter { shows($0.repository) }
      guard page.count == limit, let last = page.last else { break }
      position = last.id
    }
    return Array(shown.prefix(limit))
  }

  // MARK: Going back

  /// Points a tag to what it pointed to before, which is an event like any other: it can be undone.
  ///
  /// - Throws: `MANIFEST_UNKNOWN` when there is nothing to go back to, or it was removed for good; `DENIED` when the tag is
  ///   immutable or an environment's.
  public func restore(
    _ tag: Tag, to goal: TagGoal, reason: String?, permit: Permit<Restore>
  ) async throws -> RestoredTag {
    let repository = permit.repository
    for _ in 0..<Self.restoreAttempts {
      let decided = try await database.read { transaction in
        (
          to: try Self.digest(of: tag, in: repository, goal, transaction),
          current: try transaction.digest(of: tag, in: repository), id: try transaction.repository(named: repository)
        )
      }
      guard let id = decided.id else { throw Self.unknownTag(tag, repository) }
      let outcome = try await restore(
        tag, to: decided.to, in: RepositoryRow(id: id, name: repository), expected: decided.current, reason, permit)
      if outcome == .changedSince { continue }
      return RestoredTag(tag: tag, from: decided.current, to: decided.to, hasChanged: decided.current != decided.to)
    }
    throw RegistryError(.unavailable, "\(repository):\(tag) is being moved by others; look again, and decide anew")
  }

  private func restore(
    _ tag: Tag, to digest: Digest, in repository: RepositoryRow, expected: Digest?, _ reason: String?,
    _ permit: Permit<Restore>
  ) async throws -> TagRestoration {
    let allowsMissing = settings.acceptsSparseManifests
    do {
      let outcome = try await writingTags { transaction -> TagRestoration in
        let outcome = try transaction.restoreTag(
          tag, to: digest, in: repository, expected: expected, allowsMissing: allowsMissing,
          TagCause(.restore, by: permit.origin, reason: reason))
        if outcome == .restored {
          try transaction.recordRestore(tag, from: expected, to: digest, reason: reason, permit)
        }
        return outcome
      }
      caches.tags.remove(TagKey(repository: repository.name, tag: tag))
      return outcome
    } catch ManifestAbsence.removed(let missing) {
      let what = missing == digest ? "its image" : "\(missing), which its image names,"
      throw RegistryError(
        .manifestUnknown, "\(repository.name):\(tag) cannot go back to \(digest): \(what) was removed for good",
        details: [["digest": .string(missing.description)]])
    }
  }

  private static func digest(
    of tag: Tag, in repository: RepositoryName, _ goal: TagGoal, _ transaction: borrowing ReadTransaction
  ) throws -> Digest {
    switch goal {
    case .movesAgo(let count):
      var moves = TagEventFilter()
      moves.onlyMoves = true
      let events = try transaction.tagEvents(.tag(repository, tag), moves, limit: count)
      guard !events.isEmpty else { throw unknownTag(tag, repository) }
      guard events.count == count, let digest = events.last?.from else {
        throw RegistryError(
          .manifestUnknown,
          "the history of \(repository):\(tag) has no state before its last \(count == 1 ? "move" : "\(count) moves")")
      }
      return digest
    case .event(let id):
      guard let event = try transaction.tagEvent(id), event.repository == repository, event.tag == tag else {
        throw RegistryError(.manifestUnknown, "\(repository):\(tag) has no event \(id)")
      }
      guard let digest = event.to else {
        throw RegistryError(
          .manifestUnknown, "with event \(id) \(repository):\(tag) was deleted; name an event that pointed it somewhere"
        )
      }
      return digest
    case .moment(let moment):
      guard let digest = try event(of: tag, in: repository, at: moment, transaction).to else {
        throw RegistryError(.manifestUnknown, "\(repository):\(tag) was deleted at \(moment)")
      }
      return digest
    }
  }

  static func unknownTag(_ tag: Tag, _ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .manifestUnknown, "\(repository) has and had no tag \(tag)", details: [["tag": .string(tag.text)]])
  }
}
