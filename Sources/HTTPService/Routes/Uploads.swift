import Access
import BlobStorage
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/v2/<name>/blobs/uploads/` and `/v2/<name>/blobs/uploads/<session>`: end-4, end-5, end-6, end-11, end-13, end-14.
extension RegistryRoutes {
  func postUpload(_ request: Request, _ name: RepositoryName) async throws -> Response {
    let permit = try await permit(Push.self, name, request)
    let query = try query(request)
    if let mount = query.first("mount"), let response = try await mountBlob(request, query, mount, permit) {
      return response
    }
    if let hint = query.first("digest-algorithm"), Digest.Algorithm(rawValue: hint) == nil {
      throw RegistryError(.digestInvalid, "this registry computes sha256 and sha512")
    }
    let digestText = try digestParameter(query)
    try await registry.requireWrites()
    let token = registry.beginUpload(permit: permit, isTold: digestText == nil)
    guard let text = digestText else { return progress(.accepted, request, permit, token, offset: 0) }
    let digest = try digest(text)
    do {
      return try await takeAndFinish(request, token, digest, permit)
    } catch {
      // Nobody was told the name of this upload, so nobody can go on with it.
      try? await registry.cancelUpload(token)
      throw error
    }
  }

  /// The `digest` parameter; nobody knows which of two is meant.
  private func digestParameter(_ query: Query) throws(RegistryError) -> String? {
    let texts = query.all("digest")
    guard Set(texts).count <= 1 else {
      throw RegistryError(.digestInvalid, "the digest parameter has \(texts.count) values that differ")
    }
    return texts.first
  }

  private func mountBlob(
    _ request: Request, _ query: Query, _ mount: String, _ permit: Permit<Push>
  ) async throws -> Response? {
    let digest = try digest(mount)
    let source: RepositoryName?
    do throws(ParseError) {
      if let text = query.first("from") { source = try RepositoryName(parsing: text) } else { source = nil }
    } catch {
      throw RegistryError(error, as: .nameInvalid)
    }
    let mayRead = try await access.policy.readable(by: caller(of: request))
    let mounted = try await registry.mount(digest, from: source, permit: permit, mayRead: mayRead)
    return mounted ? created(request, permit.repository, digest) : nil
  }

  func getUpload(_ request: Request, _ name: RepositoryName, _ session: String) async throws -> Response {
    let permit = try await permit(Push.self, name, request)
    let token = try await registry.upload(session, permit: permit)
    return progress(.noContent, request, permit, token, offset: try await registry.offset(of: token))
  }

  func patchUpload(_ request: Request, _ name: RepositoryName, _ session: String) async throws -> Response {
    let permit = try await permit(Push.self, name, request)
    try await registry.requireWrites()
    let token = try await registry.upload(session, permit: permit)
    return try await tellingProgress(request, permit, token) {
      let offset = try await append(request, token)
      return progress(.accepted, request, permit, token, offset: offset)
    }
  }

  func putUpload(_ request: Request, _ name: RepositoryName, _ session: String) async throws -> Response {
    let permit = try await permit(Push.self, name, request)
    do {
      let token = try await registry.upload(session, permit: permit)
      guard let text = try digestParameter(query(request)) else {
        throw RegistryError(.digestInvalid, "the digest parameter is missing: PUT …?digest=sha256:<hex>")
      }
      let digest = try digest(text)
      try await registry.requireWrites()
      return try await tellingProgress(request, permit, token) {
        try await takeAndFinish(request, token, digest, permit)
      }
    } catch let error where Self.saysUploadIsUnknown(error) && request.contentLength == 0 {
      // A balancer repeats a request without a body whose answer was lost: what it asked for has come to pass.
      try await registry.requireWrites()
      guard let text = try digestParameter(query(request)), let digest = try? digest(text),
        try await registry.mayHaveEnded(session, as: digest, permit: permit)
      else { throw error }
      return created(request, permit.repository, digest)
    }
  }

  private static func saysUploadIsUnknown(_ error: any Error) -> Bool {
    if case StorageError.uploadUnknown = error { return true }
    return (error as? RegistryError)?.code == .blobUploadUnknown
  }

  func deleteUpload(_ request: Request, _ name: RepositoryName, _ session: String) async throws -> Response {
    let permit = try await permit(Push.self, name, request)
    try await registry.cancelUpload(try await registry.upload(session, permit: permit))
    return Response(.noContent, headers: [Self.apiVersion])
  }

  /// Takes the bytes of a request that finishes an upload, and finishes it. Small ones that are all there is stay in memory.
  private func takeAndFinish(
    _ request: Request, _ token: UploadToken, _ digest: Digest, _ permit: Permit<Push>
  ) async throws -> Response {
    if request.contentLength == 0 {
      try await registry.finishUpload(token, as: digest, permit: permit)
    } else if try await isWhole(request, token) {
      guard let bytes = try await request.body.collect(limit: registry.wholeBlobLimitBytes) else {
        throw RegistryError(.sizeInvalid, "more bytes came than Content-Length said")
      }
      try await registry.finishUpload(token, with: bytes, as: digest, permit: permit)
    } else {
      _ = try await append(request, token, isLast: true, hashing: digest.algorithm)
      try await registry.finishUpload(token, as: digest, permit: permit)
    }
    return created(request, permit.repository, digest)
  }

  /// Whether a request brings all bytes of an upload, few enough for memory.
  private func isWhole(_ request: Request, _ token: UploadToken) async throws -> Bool {
    guard let length = request.contentLength, length <= Int64(registry.wholeBlobLimitBytes) else { return false }
    if let range = try contentRange(request), range.first != 0 || range.count != length { return false }
    return try await registry.offset(of: token) == 0
  }

  /// Appends the request's body where `Content-Range` says, or at the end without one.
  private func append(
    _ request: Request, _ token: UploadToken, isLast: Bool = false, hashing algorithm: Digest.Algorithm = .sha256
  ) async throws -> Int64 {
    let range = try contentRange(request)
    if let range, let length = request.contentLength, length != range.count {
      throw RegistryError(
        .blobUploadInvalid, "Content-Range names \(range.count) bytes and Content-Length \(length)")
    }
    return try await registry.append(
      request.body, to: token, at: range?.first, AppendExtent(length: request.contentLength, isLast: isLast),
      hashing: algorithm)
  }

  private func contentRange(_ request: Request) throws(RegistryError) -> ContentRange? {
    guard let header = request.header("content-range") else { return nil }
    do throws(ParseError) {
      return try ContentRange(parsing: header)
    } catch {
      throw RegistryError(error, as: .blobUploadInvalid)
    }
  }

  /// A refusal of a range tells where to go on, so that the client needs not ask.
  private func tellingProgress(
    _ request: Request, _ permit: Permit<Push>, _ token: UploadToken, _ body: () async throws -> Response
  ) async throws -> Response {
    do {
      return try await body()
    } catch let error as RegistryError where error.code == .rangeInvalid {
      var response = failure(error, request)
      let offset = try await registry.offset(of: token)
      response.headers += progress(.accepted, request, permit, token, offset: offset).headers
        .filter { $0.name != Self.apiVersion.name }
      return response
    }
  }

  private func progress(
    _ status: HTTPResponseStatus, _ request: Request, _ permit: Permit<Push>, _ token: UploadToken, offset: Int64
  ) -> Response {
    var headers = [
      (name: "location", value: location(request, "/v2/\(permit.repository)/blobs/uploads/\(token.text)")),
      (name: "range", value: "0-\(max(0, offset - 1))"), (name: "docker-upload-uuid", value: token.text),
      Self.apiVersion,
    ]
    if settings.chunkMinimumBytes > 0 {
      headers.append((name: "oci-chunk-min-length", value: String(settings.chunkMinimumBytes)))
    }
    return Response(status, headers: headers)
  }

  private func created(_ request: Request, _ name: RepositoryName, _ digest: Digest) -> Response {
    Response(
      .created,
      headers: [
        (name: "location", value: location(request, "/v2/\(name)/blobs/\(digest)")),
        (name: "docker-content-digest", value: digest.description), Self.apiVersion,
      ])
  }
}
