internal import CLibCrypto

/// SHA-256 of bytes that come piece by piece.
final class ContentHash {
  private let context: OpaquePointer

  init() throws(LayerError) {
    guard let context = EVP_MD_CTX_new() else { throw .unreadable("no memory for hashing") }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  func begin() throws(LayerError) {
    guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw .unreadable("SHA-256 is not to be had") }
  }

  func add(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

  func end() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &digest, nil)
    return digest
  }
}
