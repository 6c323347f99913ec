internal import CLibCrypto
internal import OCI

/// A digest of bytes that come piece by piece.
final class ContentHash {
  private let context: OpaquePointer
  private let algorithm: Digest.Algorithm

  init(_ algorithm: Digest.Algorithm = .sha256) throws(LayerError) {
    self.algorithm = algorithm
    guard let context = EVP_MD_CTX_new() else { throw .unreadable("no memory for hashing") }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  func begin() throws(LayerError) {
    let function = algorithm == .sha256 ? EVP_sha256() : EVP_sha512()
    guard EVP_DigestInit_ex(context, function, nil) == 1 else {
      throw .unreadable("\(algorithm.rawValue) is not to be had")
    }
  }

  func add(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

  func end() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: algorithm == .sha256 ? 32 : 64)
    EVP_DigestFinal_ex(context, &digest, nil)
    return digest
  }
}
