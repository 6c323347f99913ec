internal import OCI

/// How a tag came to be changed.
public enum TagEventKind: String, Sendable, Hashable, CaseIterable {
  case push, delete, restore
  /// By a release to an environment, or by going back to an earlier one.
  case promotion, rollback
  case retention
  /// A channel such as `2.1` that follows the versions that are pushed.
  case channel
}

/// How, by whom and why a tag is changed, as its event keeps it.
public struct TagCause: Sendable, Hashable {
  /// The most that a reason may have.
  public static let reasonLimitBytes = 1000

  public let kind: TagEventKind
  public let actor: String
  public let requestID: String
  public let reason: String?
  /// The release that it is part of: its row's key.
  public let release: Int64?

  public init(_ kind: TagEventKind, by origin: Origin, reason: String? = nil, release: Int64? = nil) {
    self.kind = kind
    actor = origin.actor
    requestID = origin.requestID
    self.reason = reason
    self.release = release
  }

  /// The same for a channel that comes to a version, which its event keeps as the reason: it tells where the channel is also
  /// when the version's own events are gone.
  func following(_ version: SemanticVersion) -> TagCause { TagCause(followedBy: self, version) }

  private init(followedBy cause: TagCause, _ version: SemanticVersion) {
    kind = .channel
    actor = cause.actor
    requestID = cause.requestID
    reason = Self.followedPrefix + version.description
    release = cause.release
  }

  private static let followedPrefix = "follows "

  /// The version in the reason of a channel's event.
  static func followed(in reason: String) -> SemanticVersion? {
    guard reason.hasPrefix(followedPrefix) else { return nil }
    return SemanticVersion(parsing: String(reason.dropFirst(followedPrefix.count)))
  }
}
