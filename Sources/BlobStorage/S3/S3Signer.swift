public import Ground
internal import OCI

/// Signs requests by Signature Version 4.
///
/// Source: Amazon's "Signature Version 4 signing process".
struct S3Signer {
  static let unsignedPayload = "UNSIGNED-PAYLOAD"

  let credentials: S3Credentials
  let region: String
  var service = "s3"

  /// Headers to add to a request that has `headers` (names in lower case, with `host`).
  func headers(
    method: String, path: String, query: [(String, String)], headers: [(String, String)], payloadHash: String,
    at time: Timestamp
  ) -> [(String, String)] {
    let stamp = Self.stamp(time)
    var own = [("x-amz-date", stamp), ("x-amz-content-sha256", payloadHash)]
    if let token = credentials.sessionToken { own.append(("x-amz-security-token", token)) }
    let signed = (headers + own).sorted { $0.0 < $1.0 }
    let names = signed.map(\.0).joined(separator: ";")
    let signature = signature(
      method: method, path: path, query: Self.canonical(query), headers: signed, names: names,
      payloadHash: payloadHash, stamp: stamp)
    own.append(
      (
        "authorization",
        "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope(stamp)),SignedHeaders=\(names),Signature=\(signature)"
      ))
    return own
  }

  /// The query of a URL that lets whoever has it do a request.
  func presignedQuery(
    method: String, host: String, path: String, query: [(String, String)], lifetimeSeconds: Int64, at time: Timestamp
  ) -> String {
    let stamp = Self.stamp(time)
    var all =
      query + [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", "\(credentials.accessKey)/\(scope(stamp))"),
        ("X-Amz-Date", stamp), ("X-Amz-Expires", "\(lifetimeSeconds)"), ("X-Amz-SignedHeaders", "host"),
      ]
    if let token = credentials.sessionToken { all.append(("X-Amz-Security-Token", token)) }
    let canonical = Self.canonical(all)
    let signature = signature(
      method: method, path: path, query: canonical, headers: [("host", host)], names: "host",
      payloadHash: Self.unsignedPayload, stamp: stamp)
    return "\(canonical)&X-Amz-Signature=\(signature)"
  }

  private func signature(
    method: String, path: String, query: String, headers: [(String, String)], names: String, payloadHash: String,
    stamp: String
  ) -> String {
    let lines = headers.map { "\($0.0):\($0.1.split(separator: " ").joined(separator: " "))\n" }.joined()
    let request = "\(method)\n\(path)\n\(query)\n\(lines)\n\(names)\n\(payloadHash)"
    let text = "AWS4-HMAC-SHA256\n\(stamp)\n\(scope(stamp))\n\(Self.hash(Array(request.utf8)))"
    let key = ["\(stamp.prefix(8))", region, service, "aws4_request"].reduce(
      Array("AWS4\(credentials.secretKey)".utf8)
    ) { MessageAuthentication.code(for: Array($1.utf8), key: $0) }
    return Self.hex(MessageAuthentication.code(for: Array(text.utf8), key: key))
  }

  private func scope(_ stamp: String) -> String { "\(stamp.prefix(8))/\(region)/\(service)/aws4_request" }

  static func canonical(_ query: [(String, String)]) -> String {
    query.map { (encode($0.0), encode($0.1)) }.sorted { $0 < $1 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// `20261123T140137Z`
  static func stamp(_ time: Timestamp) -> String {
    "\(time)".prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
  }

  static func hash(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0).hex }
  }

  static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// Percent-encodes all but letters, digits and `-._~`.
  static func encode(_ text: String, keepsSlash: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F, 0x7E: bytes.append(byte)
      case 0x2F where keepsSlash: bytes.append(byte)
      default: bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// What requests are signed with.
public struct S3Credentials: Sendable, Equatable {
  public let accessKey: String
  public let secretKey: String
  public let sessionToken: String?
  /// Nil: for ever.
  public let expiresAt: Timestamp?

  public init(accessKey: String, secretKey: String, sessionToken: String? = nil, expiresAt: Timestamp? = nil) {
    self.accessKey = accessKey
    self.secretKey = secretKey
    self.sessionToken = sessionToken
    self.expiresAt = expiresAt
  }
}
