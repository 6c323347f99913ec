import CLibCrypto

/// The digest of bytes in the form of the specification, `sha256:…`.
func sha256(_ bytes: [UInt8]) -> String {
  var hash = [UInt8](repeating: 0, count: 32)
  SHA256(bytes, bytes.count, &hash)
  return "sha256:" + hash.map { hexPairs[Int($0)] }.joined()
}

private let hexPairs: [String] = (0..<256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
