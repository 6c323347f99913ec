import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import Upkeep

/// Asks servers for feeds.
struct FeedClient: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Of a feed, packed.
  static let sizeLimitBytes: Int64 = 8 << 30
  /// Between two pieces.
  static let silenceLimit: TimeAmount = .seconds(60)
  static let timeLimit: TimeAmount = .hours(1)
  static let redirectLimit = 5

  private let client: HTTPClient

  /// Has `body` work with a client that is gone afterwards.
  static func with<Answer: Sendable>(_ body: (FeedClient) async throws -> Answer) async throws -> Answer {
    var configuration = HTTPClient.Configuration.askingOnce()
    configuration.redirectConfiguration = .follow(max: redirectLimit, allowCycles: false)
    configuration.timeout.read = silenceLimit
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let outcome: Result<Answer, any Error>
    do { outcome = .success(try await body(FeedClient(client: client))) } catch { outcome = .failure(error) }
    try? await client.shutdown()
    return try outcome.get()
  }

  /// A small answer, whole.
  func text(_ address: String, limitBytes: Int) async throws -> String {
    let response = try await client.execute(HTTPClientRequest(url: address), timeout: Self.timeLimit)
    guard response.status == .ok else { throw Failure(description: "\(address) answered \(response.status.code)") }
    return String(buffer: try await response.body.collect(upTo: limitBytes))
  }

  /// Saves what an address has into a file.
  ///
  /// - Returns: false where it has nothing.
  func save(_ address: String, to path: String, limitBytes: Int64) async throws -> Bool {
    let response = try await client.execute(request(address, nil), timeout: Self.timeLimit)
    if response.status == .notFound { return false }
    guard response.status == .ok else { throw Failure(description: "\(address) answered \(response.status.code)") }
    try await Self.save(response.body, to: path, limitBytes: limitBytes)
    return true
  }

  /// Fetches a file unless it is as it was, has `body` read it, and forgets it again.
  ///
  /// - Returns: false when it is as it was.
  func ask(
    _ address: String, _ mark: FeedMark?, limitBytes: Int64 = sizeLimitBytes,
    _ body: (FetchedFeed) async throws -> Void
  ) async throws -> Bool {
    let response = try await client.execute(request(address, mark), timeout: Self.timeLimit)
    if response.status == .notModified { return false }
    guard response.status == .ok else {
      throw Failure(description: "\(address) answered \(response.status.code)")
    }
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    // Its ending tells how it is packed in records.
    let path = "\(folder.path)/feed\(Self.ending(of: address))"
    try await Self.save(response.body, to: path, limitBytes: limitBytes)
    let headers = response.headers
    try await body(
      FetchedFeed(
        path: path,
        mark: FeedMark(entityTag: headers.first(name: "etag"), lastModified: headers.first(name: "last-modified"))))
    return true
  }

  private func request(_ address: String, _ mark: FeedMark?) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: address)
    request.headers.add(name: "user-agent", value: "berth/\(Berth.version)")
    if let tag = mark?.entityTag { request.headers.add(name: "if-none-match", value: tag) }
    if let time = mark?.lastModified { request.headers.add(name: "if-modified-since", value: time) }
    return request
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

  private static func save(_ body: HTTPClientResponse.Body, to path: String, limitBytes: Int64) async throws {
    guard let file = fopen(path, "w") else { throw failure(path) }
    var isOpen = true
    defer { if isOpen { fclose(file) } }
    var size: Int64 = 0
    for try await chunk in body {
      size += Int64(chunk.readableBytes)
      guard size <= limitBytes else { throw Failure(description: "it has more than \(limitBytes) bytes") }
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
