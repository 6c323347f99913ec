import AsyncHTTPClient
import CLibCrypto
public import NIOCore
internal import NIOHTTP1
public import OCI

extension S3Client: ObjectStore {
  /// The most that a request to delete may name.
  private static let deleteLimit = 1000

  public func put(_ bytes: ByteBuffer, to key: String, sha256: [UInt8]?) async throws {
    var request = S3Request(.put, .PUT, key: key)
    request.body = bytes
    let hash =
      sha256 ?? bytes.withUnsafeReadableBytes { Digest.computing(.sha256, over: $0) }.withBytes { Array($0) }
    request.bodyHash = S3Signer.hex(hash)
    // Also for the stores that sign the hash and do not look whether the bytes have it.
    request.headers = creationHeaders + [("x-amz-checksum-sha256", Self.base64(hash))]
    _ = try await answer(request)
  }

  /// What is said of an object when it is made.
  private var creationHeaders: [(String, String)] {
    let location = settings.location
    var headers = [("content-type", "application/octet-stream")]
    if let storageClass = location.storageClass { headers.append(("x-amz-storage-class", storageClass)) }
    if let encryption = location.encryption { headers.append(("x-amz-server-side-encryption", encryption)) }
    if let key = location.encryptionKey { headers.append(("x-amz-server-side-encryption-aws-kms-key-id", key)) }
    return headers
  }

  public func get(_ key: String, _ range: ByteRange) async throws -> BlobChunks {
    let body = try await open(key, range, entityTag: nil)
    return BlobChunks(S3Body(client: self, key: key, range: range, first: body))
  }

  /// Asks for a range.
  ///
  /// - Parameter entityTag: the object must still be this one.
  func open(_ key: String, _ range: ByteRange, entityTag: String?) async throws -> HTTPClientResponse {
    var request = S3Request(.get, .GET, key: key)
    request.headers = [("range", "bytes=\(range.first)-\(range.last)")]
    if let entityTag { request.headers.append(("if-match", entityTag)) }
    let response = try await send(request)
    let length = response.headers.first(name: "content-length").flatMap { Int64($0) }
    guard response.status == .partialContent || range.first == 0, length == range.count else {
      throw ObjectStoreError.wrongLength(answered: length, asked: range.count)
    }
    return response
  }

  public func size(of key: String) async throws -> Int64? {
    do {
      let response = try await send(S3Request(.head, .HEAD, key: key))
      return response.headers.first(name: "content-length").flatMap { Int64($0) }
    } catch ObjectStoreError.noSuchKey {
      return nil
    }
  }

  public func remove(_ keys: [String]) async throws {
    if keys.count == 1 { return try await remove(keys[0]) }
    for start in stride(from: 0, to: keys.count, by: Self.deleteLimit) {
      try await removeTogether(Array(keys[start..<min(start + Self.deleteLimit, keys.count)]))
    }
  }

  private func remove(_ key: String) async throws {
    do { _ = try await answer(S3Request(.delete, .DELETE, key: key)) } catch ObjectStoreError.noSuchKey {}
  }

  private func removeTogether(_ keys: [String]) async throws {
    let objects = keys.map { "<Object><Key>\(Self.escaped(settings.location.prefix + $0))</Key></Object>" }
    var request = S3Request(.delete, .POST)
    request.query = [("delete", "")]
    let body = ByteBuffer(string: "<Delete><Quiet>true</Quiet>\(objects.joined())</Delete>")
    request.body = body
    request.headers = [("content-type", "application/xml"), ("content-md5", Self.md5(body))]
    let document = S3XML.parse(try await answer(request))
    for failure in document?.all("Error") ?? [] where failure["Code"] != "NoSuchKey" {
      throw ObjectStoreError.refused(
        status: 200, code: failure["Code"] ?? "", message: "\(failure["Key"] ?? ""): \(failure["Message"] ?? "")")
    }
  }

  public func list(prefix: String, after last: String?, limit: Int) async throws -> [ObjectListing] {
    let root = settings.location.prefix
    var request = S3Request(.list, .GET)
    request.query = [("list-type", "2"), ("prefix", root + prefix), ("max-keys", "\(min(limit, 1000))")]
    if let last { request.query.append(("start-after", root + last)) }
    guard let document = S3XML.parse(try await answer(request)) else {
      throw ObjectStoreError.unavailable("its list cannot be read")
    }
    return document.all("Contents").compactMap { entry in
      guard let key = entry["Key"], key.hasPrefix(root), let size = entry["Size"].flatMap({ Int64($0) }) else {
        return nil
      }
      return ObjectListing(key: String(key.dropFirst(root.count)), sizeBytes: size)
    }
  }

  public func signedURL(of key: String, lifetime: Duration) async throws -> String {
    try await presignedURL(key, lifetime: lifetime)
  }

  // MARK: Parts

  public func beginParts(of key: String) async throws -> String {
    var request = S3Request(.beginParts, .POST, key: key)
    request.query = [("uploads", "")]
    // A store that checks its parts wants to be told by what, before the first comes.
    request.headers = creationHeaders + [("x-amz-checksum-algorithm", "SHA256")]
    guard let upload = S3XML.parse(try await answer(request))?["UploadId"], !upload.isEmpty else {
      throw ObjectStoreError.unavailable("it began an upload and did not name it")
    }
    return upload
  }

  public func putPart(_ bytes: ByteBuffer, _ number: Int, of key: String, upload: String) async throws -> String {
    var request = S3Request(.putPart, .PUT, key: key)
    request.query = [("partNumber", "\(number)"), ("uploadId", upload)]
    request.body = bytes
    let hash = bytes.withUnsafeReadableBytes { Digest.computing(.sha256, over: $0) }.withBytes { Array($0) }
    request.bodyHash = S3Signer.hex(hash)
    request.headers = [("x-amz-checksum-sha256", Self.base64(hash))]
    do {
      return S3PartReceipt(entityTag: try await part(request), sha256: Self.base64(hash)).text
    } catch ObjectStoreError.refused(let status, let code, _)
      where status == 501 || status == 400 && code == "InvalidRequest"
    {
      // It has no checksums of parts, or the upload was begun without: by a release of Berth that did not ask for them.
      request.headers = []
      return S3PartReceipt(entityTag: try await part(request), sha256: nil).text
    }
  }

  /// Sends a part. Answers its tag.
  private func part(_ request: S3Request) async throws -> String {
    let found = try await send(request) { response in
      _ = try await response.body.collect(upTo: Self.errorBodyLimit)
      return response.headers.first(name: "etag")
    }
    guard let tag = found else {
      throw ObjectStoreError.unavailable("it took a part and did not tag it")
    }
    return tag
  }

  public func completeParts(of key: String, upload: String, parts: [UploadRecord.Part]) async throws {
    let list = parts.map { part in
      let receipt = S3PartReceipt(part.entityTag)
      let checksum = receipt.sha256.map { "<ChecksumSHA256>\(Self.escaped($0))</ChecksumSHA256>" } ?? ""
      return
        "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(Self.escaped(receipt.entityTag))</ETag>\(checksum)</Part>"
    }
    var request = S3Request(.completeParts, .POST, key: key)
    request.query = [("uploadId", upload)]
    request.body = ByteBuffer(
      string: "<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>")
    request.headers = [("content-type", "application/xml")]
    try await send(request) { response in
      let document = S3XML.parse(Array(buffer: try await response.body.collect(upTo: Self.errorBodyLimit)))
      // The head is sent before the outcome is known: an error may come with 200.
      if document?.find("Error") != nil { throw Failure(status: 200, document: document, isOfKey: true) }
    }
  }

  public func abortParts(of key: String, upload: String) async throws {
    var request = S3Request(.abortParts, .DELETE, key: key)
    request.query = [("uploadId", upload)]
    do {
      _ = try await answer(request)
    } catch ObjectStoreError.noSuchUpload {
    } catch ObjectStoreError.noSuchKey {}
  }

  public func listUploads(
    prefix: String, after marker: UnfinishedPage.Marker?, limit: Int
  ) async throws -> UnfinishedPage {
    let root = settings.location.prefix
    var request = S3Request(.listParts, .GET)
    request.query = [("uploads", ""), ("prefix", root + prefix), ("max-uploads", "\(min(limit, 1000))")]
    if let key = marker?.key { request.query.append(("key-marker", key)) }
    if let upload = marker?.upload { request.query.append(("upload-id-marker", upload)) }
    guard let document = S3XML.parse(try await answer(request)) else {
      throw ObjectStoreError.unavailable("its list of uploads cannot be read")
    }
    let uploads = document.all("Upload").compactMap { entry -> UnfinishedObject? in
      guard let key = entry["Key"], key.hasPrefix(root), let upload = entry["UploadId"] else { return nil }
      return UnfinishedObject(place: String(key.dropFirst(root.count)), upload: upload)
    }
    // Some order uploads by their keys, others by names of their own; each says where to go on.
    let next = UnfinishedPage.Marker(key: document["NextKeyMarker"], upload: document["NextUploadIdMarker"])
    let isLast = document["IsTruncated"] != "true" || (next.key ?? next.upload) == nil || next == marker
    return UnfinishedPage(uploads, next: isLast ? nil : next)
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  /// In Base64, as `Content-MD5` wants it.
  static func md5(_ bytes: ByteBuffer) -> String {
    var hash = [UInt8](repeating: 0, count: 16)
    bytes.withUnsafeReadableBytes { _ = MD5($0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count, &hash) }
    return base64(hash)
  }

  private static func base64(_ hash: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: hash.count, by: 3) {
      let group = hash[start..<min(start + 3, hash.count)]
      let value = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for index in 0..<4 { text.append(index > group.count ? 0x3D : letters[value >> (18 - 6 * index) & 63]) }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
