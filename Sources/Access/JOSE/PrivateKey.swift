import CLibCrypto
import OCI

/// A P-256 key that signs what this registry gives out.
final class PrivateKey: Sendable {
  struct Unusable: Error, CustomStringConvertible {
    let description = "a signing key cannot be used"
  }

  /// Identifies it in tokens and in the published set.
  let id: String
  let publicKey: PublicKey
  /// What is published: RFC 7517.
  let jwk: JSONValue
  // Set once, and libcrypto reads a key from any thread.
  private nonisolated(unsafe) let key: OpaquePointer

  deinit { EVP_PKEY_free(key) }

  /// Makes a new key, as DER.
  static func generate() throws -> [UInt8] {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil) else { throw Unusable() }
    defer { EVP_PKEY_CTX_free(context) }
    var made: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1,
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1,
      EVP_PKEY_generate(context, &made) == 1, let made
    else { throw Unusable() }
    defer { EVP_PKEY_free(made) }
    var output: UnsafeMutablePointer<UInt8>?
    let count = i2d_PrivateKey(made, &output)
    guard count > 0, let output else { throw Unusable() }
    defer { CRYPTO_free(output, nil, 0) }
    return Array(UnsafeBufferPointer(start: output, count: Int(count)))
  }

  /// - Parameter der: from ``generate()``.
  init(id: String, der: [UInt8]) throws {
    let made = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var position = bytes.baseAddress
      return d2i_AutoPrivateKey(nil, &position, bytes.count)
    }
    guard let made else { throw Unusable() }
    var output: UnsafeMutablePointer<UInt8>?
    let count = EVP_PKEY_get1_encoded_public_key(made, &output)
    guard count == 65, let output else {
      EVP_PKEY_free(made)
      throw Unusable()
    }
    let point = Array(UnsafeBufferPointer(start: output, count: count))
    CRYPTO_free(output, nil, 0)
    jwk = [
      "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": .string(id),
      "x": .string(Base64URL.encode(point[1...32])), "y": .string(Base64URL.encode(point[33...64])),
    ]
    guard let publicKey = PublicKey(jwk: jwk) else {
      EVP_PKEY_free(made)
      throw Unusable()
    }
    self.publicKey = publicKey
    self.id = id
    key = made
  }

  /// ES256: the two numbers of the signature, 32 bytes each (RFC 7518, section 3.4).
  func sign(_ message: [UInt8]) throws -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw Unusable() }
    defer { EVP_MD_CTX_free(context) }
    var count = 0
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
      EVP_DigestSign(context, nil, &count, message, message.count) == 1
    else { throw Unusable() }
    var signature = [UInt8](repeating: 0, count: count)
    guard EVP_DigestSign(context, &signature, &count, message, message.count) == 1,
      let parts = DER.signatureParts(Array(signature[..<count]), partBytes: 32)
    else { throw Unusable() }
    return parts
  }
}
