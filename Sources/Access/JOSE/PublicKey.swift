import CLibCrypto
public import OCI

/// How a token is signed. `none` and the symmetric ones do not exist here, so nothing can be talked into them.
///
/// Source: RFC 7518, section 3.1; RFC 8037, section 3.1.
public enum SignatureAlgorithm: String, Sendable, CaseIterable {
  case es256 = "ES256"
  case es384 = "ES384"
  case rs256 = "RS256"
  case rs384 = "RS384"
  case rs512 = "RS512"
  case edDSA = "EdDSA"
}

/// A key that verifies. It knows which algorithms it is for: what a token says of itself cannot change that.
public final class PublicKey: Sendable {
  enum Kind: Sendable, Equatable { case rsa, p256, p384, ed25519 }

  /// Smaller keys can be broken, larger ones only cost time.
  static let rsaBits = 2048...8192

  let kind: Kind
  // Set once, and libcrypto reads a key from any thread.
  private nonisolated(unsafe) let key: OpaquePointer

  /// - Parameter key: becomes this value's.
  init(kind: Kind, key: OpaquePointer) {
    self.kind = kind
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  /// - Parameter info: `SubjectPublicKeyInfo` in DER.
  convenience init?(kind: Kind, info: [UInt8]) {
    guard let made = Self.key(info: info) else { return nil }
    if kind == .rsa, !Self.rsaBits.contains(Int(EVP_PKEY_get_bits(made))) {
      EVP_PKEY_free(made)
      return nil
    }
    self.init(kind: kind, key: made)
  }

  static func key(info: [UInt8]) -> OpaquePointer? {
    info.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var position = bytes.baseAddress
      return d2i_PUBKEY(nil, &position, bytes.count)
    }
  }

  /// A key of a JWK set. Nil when it is of a kind that is not known here, or is not for signatures.
  ///
  /// Source: RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2.
  public convenience init?(jwk: JSONValue) {
    if let use = jwk["use"]?.string, use != "sig" { return nil }
    func part(_ name: String) -> [UInt8]? { jwk[name]?.string.flatMap { Base64URL.decode($0) } }
    switch (jwk["kty"]?.string, jwk["crv"]?.string) {
    case ("RSA", _):
      guard let n = part("n"), let e = part("e"), n.count <= Self.rsaBits.upperBound / 8 + 1, e.count <= 8 else {
        return nil
      }
      self.init(kind: .rsa, info: DER.rsaKeyInfo(modulus: n, exponent: e))
    case ("EC", "P-256"):
      guard let x = part("x"), let y = part("y"), x.count == 32, y.count == 32 else { return nil }
      self.init(kind: .p256, info: DER.p256Prefix + [4] + x + y)
    case ("EC", "P-384"):
      guard let x = part("x"), let y = part("y"), x.count == 48, y.count == 48 else { return nil }
      self.init(kind: .p384, info: DER.p384Prefix + [4] + x + y)
    case ("OKP", "Ed25519"):
      guard let x = part("x"), x.count == 32 else { return nil }
      self.init(kind: .ed25519, info: DER.ed25519Prefix + x)
    default: return nil
    }
  }

  /// Whether `signature` is this key's over `message`.
  func verifies(_ signature: [UInt8], over message: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
    switch (algorithm, kind) {
    case (.es256, .p256): return verifiesECDSA(signature, message, EVP_sha256(), partBytes: 32)
    case (.es384, .p384): return verifiesECDSA(signature, message, EVP_sha384(), partBytes: 48)
    case (.rs256, .rsa): return verify(signature, message, EVP_sha256())
    case (.rs384, .rsa): return verify(signature, message, EVP_sha384())
    case (.rs512, .rsa): return verify(signature, message, EVP_sha512())
    case (.edDSA, .ed25519): return verify(signature, message, nil)
    case (.es256, _), (.es384, _), (.rs256, _), (.rs384, _), (.rs512, _), (.edDSA, _): return false
    }
  }

  private func verifiesECDSA(
    _ signature: [UInt8], _ message: [UInt8], _ hash: OpaquePointer?, partBytes: Int
  ) -> Bool {
    guard signature.count == 2 * partBytes else { return false }
    return verify(DER.signature(r: signature[..<partBytes], s: signature[partBytes...]), message, hash)
  }

  private func verify(_ signature: [UInt8], _ message: [UInt8], _ hash: OpaquePointer?) -> Bool {
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestVerifyInit(context, nil, hash, nil, key) == 1 else { return false }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}

/// The few shapes of DER that keys and signatures need.
///
/// Source: X.690; RFC 5480, RFC 8017, RFC 8410.
enum DER {
  static let p256Prefix: [UInt8] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE,
    0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
  ]
  static let p384Prefix: [UInt8] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
  ]
  static let ed25519Prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
  private static let rsaEncryption: [UInt8] = [
    0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
  ]

  static func rsaKeyInfo(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
    let key = element(0x30, integer(modulus) + integer(exponent))
    return element(0x30, rsaEncryption + element(0x03, [0] + key))
  }

  static func signature(r: some Sequence<UInt8>, s: some Sequence<UInt8>) -> [UInt8] {
    element(0x30, integer(Array(r)) + integer(Array(s)))
  }

  /// The two numbers of an ECDSA signature, each at a width; nil when it is no such thing.
  static func signatureParts(_ bytes: [UInt8], partBytes: Int) -> [UInt8]? {
    var position = 0
    func length() -> Int? {
      guard position < bytes.count else { return nil }
      defer { position += 1 }
      // No signature of ours needs the long form.
      return bytes[position] < 0x80 ? Int(bytes[position]) : nil
    }
    func number() -> [UInt8]? {
      guard position < bytes.count, bytes[position] == 0x02 else { return nil }
      position += 1
      guard let count = length(), position + count <= bytes.count else { return nil }
      defer { position += count }
      let digits = bytes[position..<position + count].drop { $0 == 0 }
      guard digits.count <= partBytes else { return nil }
      return Array(repeating: 0, count: partBytes - digits.count) + digits
    }
    guard bytes.first == 0x30 else { return nil }
    position = 1
    guard length() == bytes.count - 2, let r = number(), let s = number(), position == bytes.count else { return nil }
    return r + s
  }

  private static func integer(_ bytes: [UInt8]) -> [UInt8] {
    var digits = Array(bytes.drop { $0 == 0 })
    if digits.isEmpty { digits = [0] }
    if digits[0] >= 0x80 { digits.insert(0, at: 0) }
    return element(0x02, digits)
  }

  private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let count = content.count
    switch count {
    case ..<0x80: return [tag, UInt8(count)] + content
    case ..<0x100: return [tag, 0x81, UInt8(count)] + content
    default: return [tag, 0x82, UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)] + content
    }
  }
}
