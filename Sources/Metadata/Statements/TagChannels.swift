internal import Ground
public import OCI

/// A tag that follows the versions that are pushed.
public enum TagChannel: String, Sendable, Hashable, CaseIterable {
  /// `2`
  case major
  /// `2.1`
  case minor
  case latest

  /// The channel's tag for a version; with a `v` where the version's own tag has one.
  public func tag(for version: SemanticVersion) -> Tag? {
    let prefix = version.hasPrefix ? "v" : ""
    return switch self {
    case .major: try? Tag(parsing: "\(prefix)\(version.major)")
    case .minor: try? Tag(parsing: "\(prefix)\(version.major).\(version.minor)")
    case .latest: try? Tag(parsing: "latest")
    }
  }

  /// Whether a version is one of those that the channel's tag for another one follows.
  func takes(_ version: SemanticVersion, like other: SemanticVersion) -> Bool {
    switch self {
    case .major: version.major == other.major
    case .minor: version.major == other.major && version.minor == other.minor
    case .latest: true
    }
  }

  /// The numbers that a channel's tag stands for: `v2.1` → 2, 1; none for `latest`; nil when it is no such tag.
  func numbers(of tag: Tag) -> [UInt64]? {
    if self == .latest { return tag.text == "latest" ? [] : nil }
    let text = tag.text.hasPrefix("v") ? tag.text.dropFirst() : tag.text[...]
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == (self == .major ? 1 : 2) else { return nil }
    let numbers = parts.compactMap { part in
      part.utf8.allSatisfy { (0x30...0x39).contains($0) } && (part == "0" || part.first != "0") ? UInt64(part) : nil
    }
    return numbers.count == parts.count ? numbers : nil
  }
}

/// A channel that comes to a version with a push.
struct ChannelMove {
  let tag: Tag
  let from: Digest?
  let version: SemanticVersion
  /// Its history tells that it is at this version already.
  let isTold: Bool
}

/// A channel that a push would have moved, were it not at a later version whose tag is deleted.
public struct HeldChannel: Sendable, Hashable {
  public let tag: Tag
  /// The version at which it is.
  public let version: SemanticVersion
}

extension Transaction {
  /// Channels that the versions among pushed tags move: those for which no later release is there, and those that are at one
  /// which is there no more. Prereleases move none.
  ///
  /// - Precondition: the repository is locked.
  /// - Cost: a few looks into an index for each channel and version, whatever the number of tags; see ``laterRelease``.
  func channelMoves(
    of pushed: [Tag], to digest: Digest, in repository: RepositoryRow, _ rules: TagRules
  ) throws -> (moves: [ChannelMove], held: [HeldChannel]) {
    guard !rules.channels.isEmpty else { return ([], []) }
    let versions = pushed.compactMap { SemanticVersion(parsing: $0.text) }.filter { !$0.isPrerelease }
    guard !versions.isEmpty else { return ([], []) }
    let old = try unindexedReleases(in: repository.id)
    var moves: [Tag: ChannelMove] = [:]
    var held: [Tag: HeldChannel] = [:]
    for channel in rules.channels {
      for version in versions {
        guard let tag = channel.tag(for: version), !rules.isProtected(tag), moves[tag] == nil else { continue }
        let hasRival = (old + versions).contains { channel.takes($0, like: version) && version < $0 }
        let bounds = ReleaseBounds(after: version, in: channel)
        guard try !hasRival && number(Self.laterRelease(in: repository.id, bounds)) == 0 else { continue }
        let current = try self.digest(of: tag, in: repository.name)
        guard current == nil || !rules.isImmutable(tag) else { continue }
        // The version that it is at may have been deleted, and the channel not.
        let followed = try current.map { try releases(thatMoved: tag, to: $0, in: repository.id) } ?? []
        let highest = followed.filter { channel.takes($0, like: version) }.max()
        if let highest, version < highest {
          held[tag] = HeldChannel(tag: tag, version: highest)
        } else {
          moves[tag] = ChannelMove(tag: tag, from: current, version: version, isTold: highest?.key == version.key)
        }
      }
    }
    return (
      moves.values.sorted { $0.tag < $1.tag },
      held.values.filter { moves[$0.tag] == nil }.sorted { $0.tag < $1.tag }
    )
  }

  /// Whether a tag is a channel that follows versions which are there, so that no hand moves it.
  ///
  /// - Cost: as that of ``channelMoves``.
  func followsVersions(_ tag: Tag, in repository: RepositoryID, _ rules: TagRules) throws -> Bool {
    for channel in rules.channels {
      guard let numbers = channel.numbers(of: tag) else { continue }
      if try number(Self.laterRelease(in: repository, ReleaseBounds(allOf: numbers))) > 0 { return true }
      let old = try unindexedReleases(in: repository)
      if old.contains(where: { zip(numbers, [$0.major, $0.minor]).allSatisfy { $0 == $1 } }) { return true }
    }
    return false
  }

  /// The events of one push, a hundred tags with all their channels, are so near to one another, but for those of other
  /// repositories that came between.
  private static let pushEventLimit: Int64 = 400

  /// Releases with which a channel came where it is: also those whose tags are gone by now. Its own newest event tells, which
  /// stays as long as the channel does; for one that an earlier build wrote, those of the push that it was part of.
  ///
  /// - Cost: a look into an index, and at the events before the one that it finds.
  private func releases(
    thatMoved channel: Tag, to digest: Digest, in repository: RepositoryID
  ) throws -> [SemanticVersion] {
    let told = try first(
      """
      SELECT kind, reason FROM tag_event WHERE repository_id = \(repository) AND tag = \(channel) ORDER BY id DESC LIMIT 1
      """
    ) { $0.text(0) == TagEventKind.channel.rawValue ? $0.optionalText(1) : nil }
    if let version = told?.flatMap({ TagCause.followed(in: $0) }) { return [version] }
    return try all(
      """
      SELECT v.tag FROM tag_event c JOIN tag_event v ON v.repository_id = c.repository_id AND v.id < c.id
        AND v.id >= c.id - \(Self.pushEventLimit) AND v.at = c.at AND v.to_digest = c.to_digest
      WHERE c.to_digest = \(digest)
        AND c.id = (SELECT MAX(id) FROM tag_event WHERE repository_id = \(repository) AND tag = \(channel))
      """
    ) { SemanticVersion(parsing: $0.text(0)) }.compactMap { $0 }.filter { !$0.isPrerelease }
  }

  /// Releases among the tags that a version before schema 6 made, until the chore has given them their keys.
  private func unindexedReleases(in repository: RepositoryID) throws -> [SemanticVersion] {
    try all("SELECT name FROM tag WHERE repository_id = \(repository) AND is_indexed = 0") {
      SemanticVersion(parsing: $0.text(0))
    }.compactMap { $0 }.filter { !$0.isPrerelease }
  }

  /// Counts 1 when the tags of a repository have a release between two keys, else 0.
  ///
  /// - Cost: one look into the index for each version that has prereleases and no release, from the lower bound on to the first
  ///   release: the many prereleases of one version are passed over at once.
  static func laterRelease(in repository: RepositoryID, _ bounds: ReleaseBounds) -> SQL {
    // A key ends in `~` for a release; for a prerelease the three numbers are followed by the first `-` in it.
    """
    WITH RECURSIVE later (key) AS (
      SELECT MIN(version_key) FROM tag
      WHERE repository_id = \(repository) AND version_key > \(bounds.after) AND version_key < \(bounds.before)
      UNION ALL
      SELECT (SELECT MIN(t.version_key) FROM tag t WHERE t.repository_id = \(repository)
        AND t.version_key >= substr(later.key, 1, {POSITION}(later.key, '-') - 1) || '~'
        AND t.version_key < \(bounds.before))
      FROM later WHERE later.key IS NOT NULL AND later.key NOT LIKE '%~'
    )
    SELECT COUNT(*) FROM later WHERE key LIKE '%~'
    """
  }
}

/// Between which keys of versions a release is looked for, neither of them included.
struct ReleaseBounds {
  let after, before: String

  /// Every version that begins with these numbers. `~` is the last character that a key has.
  init(allOf numbers: [UInt64]) {
    after = SemanticVersion.key(of: numbers)
    before = after + "\u{7F}"
  }

  /// Those later than a version that a channel looks at for it.
  init(after version: SemanticVersion, in channel: TagChannel) {
    let numbers: [UInt64] =
      switch channel {
      case .major: [version.major]
      case .minor: [version.major, version.minor]
      case .latest: []
      }
    after = version.key
    before = ReleaseBounds(allOf: numbers).before
  }
}
