internal import Ground
internal import Logging
internal import Metadata
internal import OCI
internal import RegistryCore
public import Scanning

/// A feed of advisories that is looked at again and again.
public struct ConfiguredFeed: Sendable, Hashable {
  public let name: String
  public let format: AdvisoryFormat
  /// `https://…`, `http://…`, or the path of a file or folder.
  public let address: String

  public init(name: String, format: AdvisoryFormat, address: String) {
    self.name = name
    self.format = format
    self.address = address
  }
}

/// What a server said of the file that it gave, to be shown to it the next time.
public struct FeedMark: Sendable, Hashable {
  public var entityTag: String?
  public var lastModified: String?

  public init(entityTag: String? = nil, lastModified: String? = nil) {
    self.entityTag = entityTag
    self.lastModified = lastModified
  }

  var json: JSONValue {
    ["etag": entityTag.map { .string($0) } ?? .null, "modified": lastModified.map { .string($0) } ?? .null]
  }

  init(json: JSONValue) {
    entityTag = json["etag"]?.string
    lastModified = json["modified"]?.string
  }
}

/// A file that was fetched.
public struct FetchedFeed: Sendable {
  /// Where it lies now.
  public let path: String
  public let mark: FeedMark

  public init(path: String, mark: FeedMark) {
    self.path = path
    self.mark = mark
  }
}

/// Fetches feeds. A port, so that tests can play servers.
public protocol FeedFetcher: Sendable {
  /// Fetches a feed unless it is as it was, has `body` read it, and forgets it again.
  ///
  /// - Parameter mark: what was said of the one before; nil: there is none.
  /// - Returns: false when it is as it was.
  /// - Throws: why it could not be had, or what `body` throws.
  func fetch(
    _ feed: ConfiguredFeed, since mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool
}

/// Keeps advisories up to date: each feed is looked at when it is due, and what cannot be read or has shrunk is refused.
struct FeedRefresh: Sendable {
  let registry: Registry
  let feeds: [ConfiguredFeed]
  let fetcher: any FeedFetcher
  let interval: Duration
  let logger: Logger

  /// After a failure the next try comes earlier than that of a feed that is well.
  static let retry: Duration = .seconds(900)
  /// How often it is looked whether a feed is due: somebody may have asked for it.
  static let lookInterval: Duration = .seconds(30)

  /// Refreshes the feeds that are due. Answers how many were looked at.
  @discardableResult
  func step() async throws -> Int {
    let known = Dictionary(try await registry.advisoryFeeds().map { ($0.name, $0) }) { first, _ in first }
    let now = registry.database.now
    var count = 0
    for feed in feeds where isDue(known[feed.name], now) {
      count += 1
      try await refresh(feed, known[feed.name])
      try Task.checkCancellation()
    }
    return count
  }

  private func isDue(_ row: AdvisoryFeedRow?, _ now: Timestamp) -> Bool {
    guard let triedAt = row?.triedAt else { return true }
    return triedAt + (row?.failure == nil ? interval : min(interval, Self.retry)) <= now
  }

  private func refresh(_ feed: ConfiguredFeed, _ row: AdvisoryFeedRow?) async throws {
    let mark = row?.refreshedAt == nil ? nil : row?.state.flatMap { try? JSONValue.parse($0) }.map(FeedMark.init(json:))
    do {
      let hasChanged = try await fetcher.fetch(feed, since: mark) { fetched in
        let report = try await registry.importFeed(feed.name, feed.format, at: fetched.path)
        try await registry.noteFeed(feed.name, kind: feed.format.rawValue, state: fetched.mark.json.text)
        logger.info(
          "a feed was refreshed",
          metadata: [
            "feed": "\(feed.name)", "records": "\(report.recordCount)", "changed": "\(report.changedCount)",
            "findings_new": "\(report.findings.newCount)", "findings_gone": "\(report.findings.goneCount)",
          ])
      }
      if !hasChanged {
        try await registry.noteFeed(feed.name, kind: feed.format.rawValue, state: row?.state ?? "{}")
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      logger.warning("a feed could not be refreshed", metadata: ["feed": "\(feed.name)", "cause": "\(error)"])
      try await registry.noteFeedFailure(feed.name, kind: feed.format.rawValue, "\(error)")
    }
  }
}
