import CLibCrypto

/// A pair of keys of Ed25519 for signing files, as files of PEM have them.
///
/// Source: RFC 8032; RFC 8410, sections 4 and 7; RFC 7468.
public final class SigningPair: Sendable {
  /// Why a file has no key that can be used.
  public struct Unusable: Error, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Of a key.
  static let keyBytes = 32
  /// `PrivateKeyInfo` before the key itself.
  private static let prefix: [UInt8] = [
    0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  private let secret: [UInt8]
  private let point: [UInt8]
  // Set once, and libcrypto reads a key from any thread.
  private nonisolated(unsafe) let key: OpaquePointer

  deinit { EVP_PKEY_free(key) }

  /// Makes a new pair.
  public static func generate() throws(Unusable) -> SigningPair {
    var made: OpaquePointer?
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else { throw unavailable }
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_generate(context, &made) == 1, let made else {
      throw unavailable
    }
    return try SigningPair(taking: made)
  }

  /// - Parameter pem: a private key of Ed25519, without a password: `openssl genpkey -algorithm ed25519` makes one.
  public convenience init(pem: String) throws(Unusable) {
    guard !pem.contains("ENCRYPTED") else {
      throw Unusable(description: "the private key needs a password; none is taken")
    }
    guard let der = PEM.content(of: pem, "PRIVATE KEY") else {
      throw Unusable(description: "there is no private key in it (-----BEGIN PRIVATE KEY-----)")
    }
    let made = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var position = bytes.baseAddress
      return d2i_AutoPrivateKey(nil, &position, bytes.count)
    }
    guard let made else { throw Unusable(description: "the private key in it cannot be read") }
    try self.init(taking: made)
  }

  /// - Parameter made: becomes this value's.
  private init(taking made: OpaquePointer) throws(Unusable) {
    var secret = [UInt8](repeating: 0, count: Self.keyBytes)
    var point = secret
    var (secretCount, pointCount) = (secret.count, point.count)
    guard EVP_PKEY_get_id(made) == EVP_PKEY_ED25519, EVP_PKEY_get_raw_private_key(made, &secret, &secretCount) == 1,
      EVP_PKEY_get_raw_public_key(made, &point, &pointCount) == 1, secretCount == Self.keyBytes,
      pointCount == Self.keyBytes
    else {
      EVP_PKEY_free(made)
      throw Unusable(description: "the private key in it is not of Ed25519")
    }
    self.secret = secret
    self.point = point
    key = made
  }

  private static let unavailable = Unusable(description: "a key of Ed25519 cannot be made here")

  public var privatePEM: String { PEM.text(Self.prefix + secret, "PRIVATE KEY") }
  public var publicPEM: String { PEM.text(DER.ed25519Prefix + point, "PUBLIC KEY") }

  /// The signature over a message: 64 bytes, always the same.
  public func sign(_ message: [UInt8]) throws(Unusable) -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw Self.unavailable }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == signature.count
    else { throw Self.unavailable }
    return signature
  }
}

extension PublicKey {
  /// A key of Ed25519 from a file of PEM.
  public convenience init(ed25519PEM pem: String) throws(SigningPair.Unusable) {
    guard let der = PEM.content(of: pem, "PUBLIC KEY") else {
      throw SigningPair.Unusable(description: "there is no public key in it (-----BEGIN PUBLIC KEY-----)")
    }
    guard der.count == DER.ed25519Prefix.count + SigningPair.keyBytes, der.starts(with: DER.ed25519Prefix) else {
      throw SigningPair.Unusable(description: "the public key in it is not of Ed25519")
    }
    guard let key = Self.key(info: der) else {
      throw SigningPair.Unusable(description: "the public key in it cannot be read")
    }
    self.init(kind: .ed25519, key: key)
  }

  /// Whether `signature` is this key's over `message`, by Ed25519.
  public func signed(_ message: [UInt8], _ signature: [UInt8]) -> Bool {
    verifies(signature, over: message, .edDSA)
  }
}

/// Text around bytes.
///
/// Source: RFC 7468.
enum PEM {
  private static let lineLength = 64

  static func text(_ der: [UInt8], _ label: String) -> String {
    var rest = Base64.encode(der)[...]
    var lines = ["-----BEGIN \(label)-----"]
    while !rest.isEmpty {
      lines.append(String(rest.prefix(lineLength)))
      rest = rest.dropFirst(lineLength)
    }
    return (lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
  }

  /// What stands in the first part of a label; nil when there is none, or it is no Base64.
  static func content(of text: String, _ label: String) -> [UInt8]? {
    var body: String?
    for line in text.split(whereSeparator: \.isNewline) {
      let line = String(line.reversed().drop { $0 == " " }.reversed())
      if line == "-----BEGIN \(label)-----" {
        body = ""
      } else if line == "-----END \(label)-----" {
        return body.flatMap { Base64.decode($0) }
      } else {
        body?.append(line)
      }
    }
    return nil
  }
}
