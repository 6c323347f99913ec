import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import OCI
import Upkeep

/// Fetches feeds over the network into a file that is gone afterwards, or reads them where they lie.
struct FeedDownload: FeedFetcher {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Of a feed, packed.
  static let sizeLimitBytes: Int64 = 8 << 30
  /// Between two pieces.
  static let silenceLimit: TimeAmount = .seconds(60)
  static let timeLimit: TimeAmount = .hours(1)
  static let redirectLimit = 5
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
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .follow(max: Self.redirectLimit, allowCycles: false))
    configuration.timeout.connect = .seconds(10)
    configuration.timeout.read = Self.silenceLimit
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let outcome: Result<Bool, any Error>
    do {
      outcome = .success(
        feed.address.hasSuffix(Self.pointer)
          ? try await newest(client, feed.address, mark, body) : try await ask(client, feed.address, mark, body))
    } catch {
      outcome = .failure(error)
    }
    try? await client.shutdown()
    return try outcome.get()
  }

  /// Fetches the file that a pointer names, from beside it. Its name has its date: the same name is the same file.
  private func newest(
    _ client: HTTPClient, _ pointer: String, _ mark: FeedMark?,
    _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    let response = try await client.execute(HTTPClientRequest(url: pointer), timeout: Self.timeLimit)
    guard response.status == .ok else { throw Failure(description: "\(pointer) answered \(response.status.code)") }
    let text = String(buffer: try await response.body.collect(upTo: Self.pointerLimitBytes))
    guard let address = Self.address(namedBy: text, beside: pointer) else {
      throw Failure(description: "\(pointer) names no file")
    }
    guard address != mark?.entityTag else { return false }
    return try await ask(client, address, nil) { fetched in
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

  private func ask(
    _ client: HTTPClient, _ address: String, _ mark: FeedMark?,
    _ body: @Sendable (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    var request = HTTPClientRequest(url: address)
    request.headers.add(name: "user-agent", value: "berth/\(Berth.version)")
    if let tag = mark?.entityTag { request.headers.add(name: "if-none-match", value: tag) }
    if let time = mark?.lastModified { request.headers.add(name: "if-modified-since", value: time) }
    let response = try await client.execute(request, timeout: Self.timeLimit)
    if response.status == .notModified { return false }
    guard response.status == .ok else {
      throw Failure(description: "\(address) answered \(response.status.code)")
    }
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    // Its ending tells how it is packed in records.
    let path = "\(folder.path)/feed\(Self.ending(of: address))"
    try await Self.save(response.body, to: path)
    let headers = response.headers
    try await body(
      FetchedFeed(
        path: path,
        mark: FeedMark(entityTag: headers.first(name: "etag"), lastModified: headers.first(name: "last-modified"))))
    return true
  }

  /// `.zip` of `https://feeds.example/PyPI/all.zip?x=1`; `.jsonl` where the address has none that is known.
  static func ending(of address: String) -> String {
    let path = address.prefix { $0 != "?" && $0 != "#" }
    let known = [
      ".jsonl.zst", ".jsonl.gz", ".json.zst", ".json.gz", ".csv.gz", ".csv", ".jsonl", ".ndjson", ".json", ".zip",
      ".tar.zst", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar",
    ]
    return known.first { path.hasSuffix($0) } ?? ".jsonl"
  }

  private static func save(_ body: HTTPClientResponse.Body, to path: String) async throws {
    guard let file = fopen(path, "w") else { throw failure(path) }
    var isOpen = true
    defer { if isOpen { fclose(file) } }
    var size: Int64 = 0
    for try await chunk in body {
      size += Int64(chunk.readableBytes)
      guard size <= sizeLimitBytes else { throw Failure(description: "it has more than \(sizeLimitBytes) bytes") }
      let isWritten = chunk.withUnsafeReadableBytes { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
      guard isWritten else { throw failure(path) }
    }
    isOpen = false
    guard fclose(file) == 0 else { throw failure(path) }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(description: "\(path): \(String(cString: strerror(errno)))")
  }
}
