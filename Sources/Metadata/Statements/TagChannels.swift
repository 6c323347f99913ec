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

/// A channel that moves with a push.
struct ChannelMove {
  let tag: Tag
  let from: Digest?
}

extension Transaction {
  /// Channels that the versions among pushed tags move: those for which no later release is there. Prereleases move none.
  ///
  /// - Precondition: the repository is locked.
  /// - Cost: reads the names of the repository's tags that begin like the version; of all of them for `latest`.
  func channelMoves(
    of pushed: [Tag], to digest: Digest, in repository: RepositoryRow, _ rules: TagRules
  ) throws -> [ChannelMove] {
    guard !rules.channels.isEmpty else { return [] }
    let versions = pushed.compactMap { SemanticVersion(parsing: $0.text) }.filter { !$0.isPrerelease }
    var moves: [Tag: ChannelMove] = [:]
    for channel in rules.channels {
      for version in versions {
        guard let tag = channel.tag(for: version), !rules.isProtected(tag), moves[tag] == nil else { continue }
        let rivals = try releases(in: repository.id, like: version, channel) + versions
        guard !rivals.contains(where: { channel.takes($0, like: version) && version < $0 }) else { continue }
        let current = try self.digest(of: tag, in: repository.name)
        guard current == nil || !rules.isImmutable(tag) else { continue }
        moves[tag] = ChannelMove(tag: tag, from: current)
      }
    }
    return moves.values.sorted { $0.tag < $1.tag }
  }

  /// Release versions among the tags of a repository, as far as a channel may look at them.
  private func releases(
    in repository: RepositoryID, like version: SemanticVersion, _ channel: TagChannel
  ) throws -> [SemanticVersion] {
    guard channel != .latest else { return try releases(in: repository, from: "", before: "\u{7F}") }
    let numbers = channel == .major ? "\(version.major)" : "\(version.major).\(version.minor)"
    return try ["", "v"].flatMap { prefix in
      // `/` follows the dot.
      try releases(in: repository, from: "\(prefix)\(numbers).", before: "\(prefix)\(numbers)/")
    }
  }

  private func releases(in repository: RepositoryID, from: String, before: String) throws -> [SemanticVersion] {
    try all("SELECT name FROM tag WHERE repository_id = \(repository) AND name >= \(from) AND name < \(before)") {
      SemanticVersion(parsing: $0.text(0))
    }.compactMap { $0 }.filter { !$0.isPrerelease }
  }

  /// Whether a tag is a channel that follows versions which are there, so that no hand moves it.
  func followsVersions(_ tag: Tag, in repository: RepositoryID, _ rules: TagRules) throws -> Bool {
    for channel in rules.channels {
      guard let numbers = channel.numbers(of: tag) else { continue }
      let found = try all("SELECT name FROM tag WHERE repository_id = \(repository)") {
        SemanticVersion(parsing: $0.text(0))
      }
      let isFollowed = found.contains { version in
        guard let version, !version.isPrerelease else { return false }
        return zip(numbers, [version.major, version.minor]).allSatisfy { $0 == $1 }
      }
      if isFollowed { return true }
    }
    return false
  }
}
