import Glibc
import Ground
import OCI
import Scanning
import Upkeep

/// Fetches feeds over the network into a file that is gone afterwards, or reads them where they lie.
struct FeedDownload: FeedFetcher {
  var time: any TimeSource = SystemTime()

  typealias Failure = FeedClient.Failure

  /// What says which of several files is the newest, as Red Hat publishes its archives.
  private static let pointer = "/archive_latest.txt"
  private static let pointerLimitBytes = 1024

  func fetch(
    _ feed: ConfiguredFeed, since mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    if ArtifactAddress.isAddress(feed.address) { return try await artifact(feed, mark, body) }
    return feed.address.hasPrefix("/") ? try await local(feed, mark, body) : try await remote(feed, mark, body)
  }

  /// An artifact is as it was while the digest of its manifest is.
  private func artifact(
    _ feed: ConfiguredFeed, _ mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    let artifact = BundleArtifact(client: try RegistryClient(try ArtifactAddress(named: feed.address)))
    if let tag = mark?.entityTag, try await artifact.digest()?.description == tag { return false }
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let path = "\(folder.path)/advisories.tar"
    let digest = try await artifact.pull(to: path)
    try await body(FetchedFeed(path: path, mark: FeedMark(entityTag: digest.description)))
    return true
  }

  /// A file is as it was while its size and the time of its last change are; a folder is read each time.
  private func local(
    _ feed: ConfiguredFeed, _ mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    var status = stat()
    guard stat(feed.address, &status) == 0 else {
      throw Failure(description: "\(feed.address): \(String(cString: strerror(errno)))")
    }
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    let tag = isFolder ? nil : "\(status.st_size)-\(status.st_mtim.tv_sec)-\(status.st_mtim.tv_nsec)"
    if let tag, tag == mark?.entityTag { return false }
    guard feed.content == .bundle, !isFolder else {
      try await body(FetchedFeed(path: feed.address, mark: FeedMark(entityTag: tag)))
      return true
    }
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let copy = "\(folder.path)/advisories.tar"
    try BundleSource.copy(feed.address, to: copy)
    try await body(FetchedFeed(path: copy, mark: FeedMark(entityTag: tag)))
    return true
  }

  private func remote(
    _ feed: ConfiguredFeed, _ mark: FeedMark?, _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    try await FeedClient.with { client in
      if feed.address.hasSuffix(Self.pointer) { return try await newest(client, feed.address, mark, body) }
      if feed.content == .records(.osv), let bucket = OSVBucket(client, archive: feed.address), let mark,
        let hasChanged = try await bucket.changes(since: mark, at: time.now, body)
      {
        return hasChanged
      }
      return try await client.ask(feed.address, mark, body)
    }
  }

  /// Fetches the file that a pointer names, from beside it. Its name has its date: the same name is the same file.
  private func newest(
    _ client: FeedClient, _ pointer: String, _ mark: FeedMark?,
    _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    let text = try await client.text(pointer, limitBytes: Self.pointerLimitBytes)
    guard let address = Self.address(namedBy: text, beside: pointer) else {
      throw Failure(description: "\(pointer) names no file")
    }
    guard address != mark?.entityTag else { return false }
    return try await client.ask(address, nil) { fetched in
      try await body(FetchedFeed(path: fetched.path, mark: FeedMark(entityTag: address)))
    }
  }

  /// Nil for what is no name of a file: it must not lead elsewhere.
  static func address(namedBy text: String, beside pointer: String) -> String? {
    let name = text.trimmingPrefix { $0.isWhitespace }.prefix { !$0.isWhitespace }
    let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    guard isName, !name.isEmpty, !name.hasPrefix("."), let slash = pointer.lastIndex(of: "/") else { return nil }
    return "\(pointer[...slash])\(name)"
  }
}
