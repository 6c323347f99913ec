import COpenSSL

/// A running SHA-256.
struct SHA256State: ~Copyable {
  private let context: OpaquePointer?

  init() {
    context = EVP_MD_CTX_new()
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  /// A state that continues from where another one is.
  init(copying other: borrowing SHA256State) {
    context = EVP_MD_CTX_new()
    EVP_MD_CTX_copy_ex(context, other.context)
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  borrowing func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The digest of all bytes, as the specification writes it.
  consuming func digest() -> String {
    let hash = [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
      count = 32
    }
    var text = "sha256:"
    for byte in hash { text += hexadecimal[Int(byte)] }
    return text
  }
}

private let hexadecimal: [String] = (0..<256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }

func sha256Digest(of bytes: [UInt8]) -> String {
  let state = SHA256State()
  bytes.withUnsafeBytes { state.update($0) }
  return state.digest()
}
