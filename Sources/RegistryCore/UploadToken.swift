internal import BlobStorage
internal import Ground
internal import OCI

/// The name of an upload session as a client holds it: an identity with the time of its beginning, and a code that shows that
/// this installation made it for this repository.
///
/// So a session costs nothing before it holds bytes, can be continued on any replica, and cannot be guessed or carried to
/// another repository.
public struct UploadToken: Sendable, Hashable {
  /// What the client sends back: `<32 hexadecimal>-<32 hexadecimal>`.
  public let text: String
  let upload: UploadID
  let startedAt: Timestamp
  /// Whether a client knows it.
  let isTold: Bool

  private static let identityCount = 32
  private static let codeBytes = 16

  init(
    for repository: RepositoryName, key: [UInt8], now: Timestamp, random: any RandomSource, isTold: Bool = true
  ) {
    self.isTold = isTold
    let time = String(UInt64(max(0, now.microseconds)), radix: 16)
    let padded = String(repeating: "0", count: 16 - time.utf8.count) + time
    let identity = padded + random.hexadecimal(byteCount: 8)
    guard let upload = UploadID(identity) else { preconditionFailure("hexadecimal is a valid identity") }
    self.upload = upload
    startedAt = now
    text = identity + "-" + Self.code(identity, repository, key)
  }

  /// - Returns: nil when this installation did not make it for this repository.
  init?(_ text: String, for repository: RepositoryName, key: [UInt8]) {
    guard text.utf8.count == Self.identityCount + 1 + Self.codeBytes * 2 else { return nil }
    let identity = String(text.prefix(Self.identityCount))
    let expected = identity + "-" + Self.code(identity, repository, key)
    guard isEqualInConstantTime(text, expected), let upload = UploadID(identity) else { return nil }
    guard let startedAt = Self.startedAt(upload) else { return nil }
    self.text = text
    self.upload = upload
    self.startedAt = startedAt
    isTold = true
  }

  /// When an upload of this installation began; nil for an identity of another form.
  static func startedAt(_ upload: UploadID) -> Timestamp? {
    guard upload.text.utf8.count == identityCount else { return nil }
    return Int64(upload.text.prefix(16), radix: 16).map { Timestamp(microseconds: $0) }
  }

  private static func code(_ identity: String, _ repository: RepositoryName, _ key: [UInt8]) -> String {
    let code = MessageAuthentication.code(for: Array("\(identity) \(repository.text)".utf8), key: key)
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: code.prefix(codeBytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// Compares without telling by its duration where the difference is.
private func isEqualInConstantTime(_ a: String, _ b: String) -> Bool {
  let (a, b) = (Array(a.utf8), Array(b.utf8))
  guard a.count == b.count else { return false }
  return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
