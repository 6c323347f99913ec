import TestSupport
import Testing

/// A repository of the registry under test, with the steps that most tests begin with. Every step fails the test when
/// the registry does not answer as the specification says.
struct Repository: Sendable {
  let name: String
  let client: RawHTTPClient

  /// A repository that no other test uses. It begins to exist with the first push.
  init(_ hint: String = "acme") {
    name = "\(hint)/r\(Unique.number())"
    client = RegistryUnderTest.client
  }

  init(named name: String) {
    self.name = name
    client = RegistryUnderTest.client
  }

  var uploads: String { "/v2/\(name)/blobs/uploads/" }
  var tagsList: String { "/v2/\(name)/tags/list" }
  func blob(_ digest: String) -> String { "/v2/\(name)/blobs/\(digest)" }
  func manifest(_ reference: String) -> String { "/v2/\(name)/manifests/\(reference)" }
  func referrers(_ digest: String) -> String { "/v2/\(name)/referrers/\(digest)" }

  /// Opens an upload session and returns its request target.
  func startUpload(sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let answer = try await client("POST", uploads)
    try #require(answer.status == 202, "\(answer)", sourceLocation: sourceLocation)
    return try answer.locationTarget(sourceLocation)
  }

  /// Pushes a blob by POST and PUT.
  @discardableResult
  func push(_ content: Content, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Content {
    let session = try await startUpload(sourceLocation: sourceLocation)
    let answer = try await client("PUT", session.adding("digest", content.digest), body: .bytes(content.bytes))
    try #require(answer.status == 201, "\(answer)", sourceLocation: sourceLocation)
    return content
  }

  /// Pushes a manifest under a tag, or under its digest when `reference` is nil.
  @discardableResult
  func push(
    manifest: Content, as reference: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> RawResponse {
    let answer = try await put(manifest: manifest, as: reference)
    try #require(answer.status == 201, "\(answer)", sourceLocation: sourceLocation)
    return answer
  }

  /// Sends a manifest and returns whatever the registry answers.
  func put(manifest: Content, as reference: String? = nil, query: String = "") async throws -> RawResponse {
    try await client(
      "PUT", self.manifest(reference ?? manifest.digest) + query, ["Content-Type": manifest.mediaType],
      body: .bytes(manifest.bytes))
  }

  /// Pulls a manifest as most clients do: they accept every kind that they know.
  func pull(_ reference: String, _ method: String = "GET") async throws -> RawResponse {
    let kinds = [MediaType.index, MediaType.image, MediaType.dockerList, MediaType.dockerImage]
    return try await client(method, manifest(reference), ["Accept": kinds.joined(separator: ", ")])
  }

  /// Pushes a small image with one layer; its config and layer are unique.
  func pushImage(
    tag: String? = nil, extra: String = "", _ algorithm: Algorithm = .sha256,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Content {
    let image = try await pushParts(extra: extra, algorithm, sourceLocation: sourceLocation)
    try await push(manifest: image, as: tag, sourceLocation: sourceLocation)
    return image
  }

  /// Pushes config and layer of a small image and returns the manifest, which is not pushed.
  func pushParts(
    extra: String = "", _ algorithm: Algorithm = .sha256, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Content {
    let config = try await push(.uniqueConfig(algorithm), sourceLocation: sourceLocation)
    let layer = try await push(.unique(algorithm), sourceLocation: sourceLocation)
    return .image(config: config, layers: [layer], extra: extra, algorithm)
  }

  /// The tags of the repository, as one unpaged request lists them.
  func tags(sourceLocation: SourceLocation = #_sourceLocation) async throws -> [String] {
    let answer = try await client("GET", tagsList)
    try #require(answer.status == 200, "\(answer)", sourceLocation: sourceLocation)
    return try answer.decoded(TagList.self).tags
  }
}
