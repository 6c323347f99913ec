internal import Access
internal import Ground
internal import Logging
internal import Metadata
internal import OCI
internal import RegistryCore
public import Scanning

/// A feed of advisories that is looked at again and again.
public struct ConfiguredFeed: Sendable, Hashable {
  /// What comes from its address.
  public enum Content: Sendable, Hashable {
    case records(AdvisoryFormat)
    /// Feeds of another registry, signed.
    case bundle

    /// The word for it in settings and lists.
    public var word: String {
      switch self {
      case .records(let format): format.rawValue
      case .bundle: "bundle"
      }
    }
  }

  public let name: String
  public let content: Content
  /// `https://…`, `http://…`, or the path of a file or folder; of a bundle also `oci://…`.
  public let address: String

  public init(name: String, content: Content, address: String) {
    self.name = name
    self.content = content
    self.address = address
  }
}

/// What is known of a feed as it was fetched: what its server said of the file, to be shown to it the next time, and from where on
/// changes alone are asked for.
public struct FeedMark: Sendable, Hashable {
  public var entityTag: String?
  public var lastModified: String?
  /// What the server said of the list of changes.
  public var listTag: String?
  /// When the newest record that is here was changed, as it says itself.
  public var newestChange: String?
  /// When all of the feed was read.
  public var wholeAt: String?

  public init(entityTag: String? = nil, lastModified: String? = nil) {
    self.entityTag = entityTag
    self.lastModified = lastModified
  }

  var json: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      "etag": text(entityTag), "modified": text(lastModified), "list": text(listTag), "newest": text(newestChange),
      "whole": text(wholeAt), "revision": .integer(Int64(RecordNames.revision)),
    ]
  }

  /// Nil for the mark of a feed whose records are kept by names of before: all of it is to be read again.
  init?(json: JSONValue) {
    guard (json["revision"]?.integer ?? 0) >= RecordNames.revision else { return nil }
    entityTag = json["etag"]?.string
    lastModified = json["modified"]?.string
    listTag = json["list"]?.string
    newestChange = json["newest"]?.string
    wholeAt = json["whole"]?.string
  }
}

/// A file that was fetched.
public struct FetchedFeed: Sendable {
  /// Where it lies now.
  public let path: String
  public let mark: FeedMark
  /// All records of the feed; else those that were changed.
  public let isWhole: Bool

  public init(path: String, mark: FeedMark, isWhole: Bool = true) {
    self.path = path
    self.mark = mark
    self.isWhole = isWhole
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
  /// Keys of which one has signed a bundle.
  var bundleKeys: [PublicKey] = []
  var figures: FeedFigures?
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
    // What an older version has taken over is read again at once.
    if row?.failure == nil, mark(row) == nil { return true }
    return triedAt + (row?.failure == nil ? interval : min(interval, Self.retry)) <= now
  }

  private func mark(_ row: AdvisoryFeedRow?) -> FeedMark? {
    row?.refreshedAt == nil ? nil : row?.state.flatMap { try? JSONValue.parse($0) }.flatMap(FeedMark.init(json:))
  }

  private func refresh(_ feed: ConfiguredFeed, _ row: AdvisoryFeedRow?) async throws {
    let mark = mark(row)
    do {
      let hasChanged = try await fetcher.fetch(feed, since: mark) { try await take(feed, $0) }
      if !hasChanged {
        try await registry.noteFeed(feed.name, kind: feed.content.word, state: row?.state ?? "{}")
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      figures?.noteFailure(of: feed.name)
      logger.warning("a feed could not be refreshed", metadata: ["feed": "\(feed.name)", "cause": "\(error)"])
      try await registry.noteFeedFailure(feed.name, kind: feed.content.word, "\(error)")
    }
  }

  private func take(_ feed: ConfiguredFeed, _ fetched: FetchedFeed) async throws {
    switch feed.content {
    case .records(let format):
      // What was changed is nothing without the rest, when that was taken away meanwhile: the next look fetches all of it.
      if !fetched.isWhole, try await !registry.advisoryFeeds().contains(where: { $0.name == feed.name }) { return }
      let wholeAt = registry.database.now.description
      let report = try await registry.importFeed(feed.name, format, at: fetched.path, isWhole: fetched.isWhole)
      var mark = fetched.mark
      if fetched.isWhole { mark.wholeAt = wholeAt }
      mark.newestChange = [report.newestChange, mark.newestChange].compactMap { $0 }.max()
      try await registry.noteFeed(feed.name, kind: format.rawValue, state: mark.json.text)
      tell(feed.name, report)
    case .bundle:
      let count = try await takeBundle(feed, fetched.path)
      try await registry.noteFeed(
        feed.name, kind: feed.content.word, state: fetched.mark.json.text, recordCount: Int64(count))
    }
  }

  /// Answers how many records the bundle has.
  private func takeBundle(_ feed: ConfiguredFeed, _ path: String) async throws -> Int {
    let bundle = try AdvisoryBundle(at: path) { message, signature in
      bundleKeys.contains { $0.signed(message, signature) }
    }
    guard !bundle.manifest.feeds.contains(where: { $0.name == feed.name }) else {
      throw BundleError("the bundle has a feed of the name that it has in inspection.feeds itself: \(feed.name)")
    }
    var refusals: [String] = []
    var count = 0
    for outcome in try await registry.importBundle(bundle) {
      switch outcome.result {
      case .success(let report):
        count += report.recordCount
        tell(outcome.feed.name, report)
      case .failure(let refusal): refusals.append("\(outcome.feed.name): \(refusal)")
      }
    }
    guard refusals.isEmpty else { throw BundleError(refusals.joined(separator: "; ")) }
    return count
  }

  private func tell(_ name: String, _ report: AdvisoryImportReport) {
    logger.info(
      "a feed was refreshed",
      metadata: [
        "feed": "\(name)", "records": "\(report.recordCount)", "changed": "\(report.changedCount)",
        "findings_new": "\(report.findings.newCount)", "findings_gone": "\(report.findings.goneCount)",
      ])
  }
}
