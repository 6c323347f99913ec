/// The `/v2` surface as one value.
///
/// Names of repositories contain slashes, so a path is read from the right: its last two or three segments say what it
/// is, all before them is the name.
///
/// Source: distribution-spec, "Endpoints".
public enum Endpoint: Sendable, Hashable {
  /// `/v2/`, end-1
  case base
  /// `/v2/_catalog`, which is not in the specification but in use.
  case catalog
  /// `/v2/<name>/manifests/<reference>`, end-3, end-7, end-9
  case manifest(RepositoryName, Reference)
  /// `/v2/<name>/blobs/<digest>`, end-2, end-10
  case blob(RepositoryName, Digest)
  /// `/v2/<name>/blobs/uploads/`, end-4, end-11
  case uploads(RepositoryName)
  /// `/v2/<name>/blobs/uploads/<session>`, end-5, end-6, end-13
  case upload(RepositoryName, String)
  /// `/v2/<name>/tags/list`, end-8
  case tags(RepositoryName)
  /// `/v2/<name>/referrers/<digest>`, end-12
  case referrers(RepositoryName, Digest)

  /// What a path turned out to be.
  public enum Result: Sendable, Hashable {
    case endpoint(Endpoint)
    /// The path has the form of an endpoint, but a part of it breaks its grammar. The text is for the client.
    case invalid(ErrorCode, String)
    /// No endpoint has this form.
    case notFound
  }

  /// The longest upload session id in bytes.
  public static let sessionLimitBytes = 256

  /// Reads the path of a request target as it came: no percent-decoding before, no query.
  ///
  /// Nothing in these grammars ever needs an escape, so a `%` is refused like any other foreign byte: there is exactly
  /// one spelling of every endpoint, except that `/v2` may stand for `/v2/` and the slash that ends an uploads path may
  /// be missing. Empty segments, `.` and `..` are refused by the grammar of names.
  public static func parse(path: some StringProtocol) -> Result { path.withUTF8Bytes { parse(utf8: $0) } }

  /// The repository this endpoint is about.
  public var repository: RepositoryName? {
    switch self {
    case .base, .catalog: nil
    case .manifest(let name, _), .blob(let name, _), .uploads(let name), .upload(let name, _), .tags(let name),
      .referrers(let name, _):
      name
    }
  }

  /// The path of this endpoint; the inverse of ``parse(path:)``.
  public var path: String {
    switch self {
    case .base: "/v2/"
    case .catalog: "/v2/_catalog"
    case .manifest(let name, let reference): "/v2/\(name.text)/manifests/\(reference)"
    case .blob(let name, let digest): "/v2/\(name.text)/blobs/\(digest)"
    case .uploads(let name): "/v2/\(name.text)/blobs/uploads/"
    case .upload(let name, let session): "/v2/\(name.text)/blobs/uploads/\(session)"
    case .tags(let name): "/v2/\(name.text)/tags/list"
    case .referrers(let name, let digest): "/v2/\(name.text)/referrers/\(digest)"
    }
  }
}

// MARK: - Parsing

extension Endpoint {
  /// As ``parse(path:)``, from UTF-8 bytes.
  public static func parse(utf8 path: UnsafeBufferPointer<UInt8>) -> Result {
    guard path.count >= 3, path.part(0..<3).equals("/v2") else { return .notFound }
    if path.count == 3 { return .endpoint(.base) }
    guard path[3] == ASCII.slash else { return .notFound }
    if path.count == 4 { return .endpoint(.base) }
    let rest = path.part(4..<path.count)
    if rest.equals("_catalog") { return .endpoint(.catalog) }

    // The slash that may end an uploads path is the only one that may end a path.
    var end = rest.count
    let endsInSlash = rest[end - 1] == ASCII.slash
    if endsInSlash { end -= 1 }
    guard let slash = rest.last(ASCII.slash, before: end) else { return .notFound }
    let last = rest.part(slash + 1..<end)
    let keywordStart = rest.last(ASCII.slash, before: slash).map { $0 + 1 } ?? 0
    let keyword = rest.part(keywordStart..<slash)
    let name = rest.part(0..<max(0, keywordStart - 1))
    if endsInSlash {
      guard keyword.equals("blobs"), last.equals("uploads") else { return .notFound }
      return repository(name) { .endpoint(.uploads($0)) }
    }
    return parse(name: name, keyword: keyword, last: last)
  }

  private static func parse(
    name: UnsafeBufferPointer<UInt8>, keyword: UnsafeBufferPointer<UInt8>, last: UnsafeBufferPointer<UInt8>
  ) -> Result {
    if keyword.equals("blobs") {
      if last.equals("uploads") { return repository(name) { .endpoint(.uploads($0)) } }
      return repository(name) { name in digest(last) { .blob(name, $0) } }
    }
    if keyword.equals("manifests") { return repository(name) { manifest($0, last) } }
    if keyword.equals("uploads") {
      let blobsStart = name.last(ASCII.slash, before: name.count).map { $0 + 1 } ?? 0
      guard name.part(blobsStart..<name.count).equals("blobs") else { return .notFound }
      return repository(name.part(0..<max(0, blobsStart - 1))) { upload($0, last) }
    }
    if keyword.equals("tags") {
      guard last.equals("list") else { return .notFound }
      return repository(name) { .endpoint(.tags($0)) }
    }
    if keyword.equals("referrers") {
      return repository(name) { name in digest(last) { .referrers(name, $0) } }
    }
    return .notFound
  }

  @inline(__always)
  private static func repository(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (RepositoryName) -> Result) -> Result {
    switch RepositoryName.parse(bytes) {
    case .success(let name): body(name)
    case .failure(let error): .invalid(.nameInvalid, error.message)
    }
  }

  @inline(__always)
  private static func digest(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (Digest) -> Endpoint) -> Result {
    switch Digest.parse(bytes) {
    case .success(let digest): .endpoint(body(digest))
    case .failure(let error): .invalid(.digestInvalid, error.message)
    }
  }

  private static func manifest(_ name: RepositoryName, _ bytes: UnsafeBufferPointer<UInt8>) -> Result {
    switch Reference.parse(bytes) {
    case .success(let reference): .endpoint(.manifest(name, reference))
    case .failure(let error) where error.kind == .digest || error.kind == .unsupportedAlgorithm:
      .invalid(.digestInvalid, error.message)
    case .failure(let error): .invalid(.tagInvalid, error.message)
    }
  }

  private static func upload(_ name: RepositoryName, _ bytes: UnsafeBufferPointer<UInt8>) -> Result {
    let valid = !bytes.isEmpty && bytes.count <= sessionLimitBytes && bytes.allSatisfy(isSessionByte)
    guard valid else {
      // Such a session was never given out, so for the client it is one that does not exist.
      return .invalid(.blobUploadUnknown, "\(quoted(bytes)) is not an upload session of this registry.")
    }
    return .endpoint(.upload(name, String(decoding: bytes, as: UTF8.self)))
  }

  @inline(__always)
  private static func isSessionByte(_ byte: UInt8) -> Bool {
    byte.isAlphanumeric || byte == ASCII.underscore || byte == ASCII.dash || byte == UInt8(ascii: "=")
  }
}
