import Access
import BlobStorage
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/v2/<name>/blobs/<digest>`: end-2, end-10.
extension RegistryRoutes {
  func blobAtHand(_ request: Request, _ caller: Caller, _ name: RepositoryName, _ digest: Digest) -> Response? {
    guard let permit = access.policy.permitAtHand(Pull.self, on: name, for: caller) else { return nil }
    if request.method == .HEAD {
      guard let size = registry.blobSizeAtHand(digest, permit: permit) else { return nil }
      return presentHead(size, digest, request)
    }
    guard let content = registry.blobAtHand(digest, permit: permit) else { return nil }
    return present(content, digest, request) { Self.part(content, $0) }
  }

  func headBlob(_ request: Request, _ name: RepositoryName, _ digest: Digest) async throws -> Response {
    let pull = try await permit(Pull.self, name, request)
    let push = try await permitOrNil(Push.self, name, request)
    return presentHead(try await registry.blobSize(digest, permit: pull, push: push), digest, request)
  }

  func getBlob(_ request: Request, _ name: RepositoryName, _ digest: Digest) async throws -> Response {
    let permit = try await permit(Pull.self, name, request)
    let content = try await registry.blob(digest, permit: permit)
    guard case .remote(let blob) = content else {
      return present(content, digest, request) { Self.part(content, $0) }
    }
    return try await getRemote(blob, digest, request, permit)
  }

  /// A blob in an object store: the client is sent there, or its bytes are fetched while they are sent.
  private func getRemote(
    _ blob: RemoteBlob, _ digest: Digest, _ request: Request, _ permit: Permit<Pull>
  ) async throws -> Response {
    var range: ByteRange?
    var response = present(.remote(blob), digest, request) { wanted in
      range = wanted
      return .none
    }
    guard request.method == .GET, let range else { return response }
    if settings.redirects(clientAddress(request)),
      let url = try await registry.store.url(of: blob.blob, lifetime: settings.redirectLifetime)
    {
      return Response(
        .temporaryRedirect,
        headers: [
          (name: "location", value: url), (name: "docker-content-digest", value: digest.description), Self.apiVersion,
        ])
    }
    let executor: any TaskExecutor = blob.mayBlock ? streamWorkers : request.loop
    let chunks = try await registry.chunks(of: blob, range, permit: permit, on: executor)
    response.body = .stream(chunks, length: range.count, on: executor)
    return response
  }

  private func headers(_ digest: Digest) -> [(name: String, value: String)] {
    let text = digest.description
    return [
      (name: "content-type", value: "application/octet-stream"), (name: "docker-content-digest", value: text),
      (name: "etag", value: "\"\(text)\""), (name: "accept-ranges", value: "bytes"),
      (name: "cache-control", value: "max-age=31536000"), Self.apiVersion,
    ]
  }

  private func presentHead(_ size: Int64, _ digest: Digest, _ request: Request) -> Response {
    var response = Response(.ok, headers: headers(digest))
    response.lengthOfUnsentBody = size
    if EntityTag.isListed("\"\(digest)\"", in: request.headers, "if-none-match") { response.status = .notModified }
    return response
  }

  /// - Parameter body: makes the body of a range; nil is the range of a blob without bytes.
  private func present(
    _ content: BlobContent, _ digest: Digest, _ request: Request, body: (ByteRange?) -> Response.Body
  ) -> Response {
    var response = Response(.ok, headers: headers(digest))
    let size = content.sizeBytes
    let tag = "\"\(digest)\""
    if EntityTag.isListed(tag, in: request.headers, "if-none-match") {
      response.status = .notModified
      return response
    }
    guard let range = wantedRange(request, tag) else {
      response.body = body(size > 0 ? ByteRange(first: 0, last: size - 1) : nil)
      return response
    }
    guard let part = range.resolve(size: size) else {
      var refusal = envelope(
        .rangeNotSatisfiable, .rangeInvalid, "the blob has \(size) bytes, and the range asks for none of them", [])
      refusal.headers.append(("content-range", "bytes */\(size)"))
      return refusal
    }
    response.status = .partialContent
    response.headers.append(("content-range", "bytes \(part.first)-\(part.last)/\(size)"))
    response.body = body(part)
    return response
  }

  /// The range to answer, or nil for the whole: none was asked for, or `If-Range` names something else (RFC 9110, 13.1.5).
  private func wantedRange(_ request: Request, _ tag: String) -> RangeRequest? {
    guard let header = request.header("range") else { return nil }
    if let condition = request.header("if-range"), condition != tag { return nil }
    return RangeRequest.parse(header: header)
  }

  private static func part(_ content: BlobContent, _ range: ByteRange?) -> Response.Body {
    guard let range else { return .bytes(ByteBuffer()) }
    switch content {
    case .file(let file): return .file(file, range)
    case .remote: return .none
    case .bytes(let bytes):
      return .bytes(bytes.getSlice(at: bytes.readerIndex + Int(range.first), length: Int(range.count)) ?? ByteBuffer())
    }
  }

  func deleteBlob(_ request: Request, _ name: RepositoryName, _ digest: Digest) async throws -> Response {
    let permit = try await permit(Delete.self, name, request)
    try await registry.deleteBlob(digest, permit: permit)
    return Response(.accepted, headers: [Self.apiVersion])
  }
}
