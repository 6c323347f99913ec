import CLibCrypto
public import NIOCore
public import OCI

/// Computes a digest piece by piece. Its state is a plain value: a copy continues from the same place.
public struct ContentHasher: Sendable {
  // libcrypto's low-level contexts, and not its EVP interface, because their state can be copied and stored.
  private enum State {
    case sha256(SHA256_CTX)
    case sha512(SHA512_CTX)
  }
  private var state: State

  public init(_ algorithm: Digest.Algorithm) {
    switch algorithm {
    case .sha256:
      var context = SHA256_CTX()
      SHA256_Init(&context)
      state = .sha256(context)
    case .sha512:
      var context = SHA512_CTX()
      SHA512_Init(&context)
      state = .sha512(context)
    }
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    // The context is taken out and put back, so that it is changed in place and not copied for each piece.
    switch state {
    case .sha256(var context):
      SHA256_Update(&context, bytes.baseAddress, bytes.count)
      state = .sha256(context)
    case .sha512(var context):
      SHA512_Update(&context, bytes.baseAddress, bytes.count)
      state = .sha512(context)
    }
  }

  /// Takes in what is readable in `buffer`, and answers how many bytes that were.
  @discardableResult
  public mutating func update(_ buffer: ByteBuffer) -> Int {
    buffer.withUnsafeReadableBytes { update($0) }
    return buffer.readableBytes
  }

  /// The digest of everything up to here; the state can be updated further.
  public func digest() -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { output in
      let bytes = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      switch state {
      case .sha256(var context):
        SHA256_Final(bytes, &context)
        return Digest(.sha256, bytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<32]))
      case .sha512(var context):
        SHA512_Final(bytes, &context)
        return Digest(.sha512, bytes: UnsafeRawBufferPointer(output))
      }
    }
  }
}

extension Digest {
  /// The digest of bytes that are all there.
  public static func computing(_ algorithm: Algorithm, over bytes: UnsafeRawBufferPointer) -> Digest {
    var hasher = ContentHasher(algorithm)
    hasher.update(bytes)
    return hasher.digest()
  }
}

/// A keyed digest that shows that a text came from this installation.
public enum MessageAuthentication {
  /// HMAC-SHA-256 of `message` (RFC 2104).
  public static func code(for message: some Collection<UInt8>, key: [UInt8]) -> [UInt8] {
    precondition(key.count <= 64, "a key no longer than the block")
    let block = key + [UInt8](repeating: 0, count: 64 - key.count)
    func digest(_ bytes: [UInt8]) -> [UInt8] {
      bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }.withBytes { Array($0) }
    }
    let inner = digest(block.map { $0 ^ 0x36 } + message)
    return digest(block.map { $0 ^ 0x5C } + inner)
  }
}
