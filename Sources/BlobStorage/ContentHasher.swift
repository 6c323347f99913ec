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

extension ContentHasher {
  public var algorithm: Digest.Algorithm {
    switch state {
    case .sha256: .sha256
    case .sha512: .sha512
    }
  }

  /// The state as bytes: a mark of its form, then libcrypto's context as it lies in memory.
  public func snapshot() -> [UInt8] {
    switch state {
    case .sha256(let context): withUnsafeBytes(of: context) { [Self.mark(.sha256)] + $0 }
    case .sha512(let context): withUnsafeBytes(of: context) { [Self.mark(.sha512)] + $0 }
    }
  }

  /// Goes on from a ``snapshot()``, also of another process of the same architecture.
  ///
  /// - Returns: nil for bytes of another form; what was hashed has to be read again then.
  public init?(restoring snapshot: [UInt8]) {
    if snapshot.first == Self.mark(.sha256), snapshot.count == 1 + MemoryLayout<SHA256_CTX>.size {
      state = .sha256(snapshot.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 1, as: SHA256_CTX.self) })
    } else if snapshot.first == Self.mark(.sha512), snapshot.count == 1 + MemoryLayout<SHA512_CTX>.size {
      state = .sha512(snapshot.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 1, as: SHA512_CTX.self) })
    } else {
      return nil
    }
  }

  /// Differs by algorithm, and by the order of bytes in a word.
  private static func mark(_ algorithm: Digest.Algorithm) -> UInt8 {
    (1.littleEndian == 1 ? 0x10 : 0x20) | (algorithm == .sha256 ? 1 : 2)
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
    func digest(_ bytes: [UInt8]) -> [UInt8] {
      bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }.withBytes { Array($0) }
    }
    let short = key.count <= 64 ? key : digest(key)
    let block = short + [UInt8](repeating: 0, count: 64 - short.count)
    let inner = digest(block.map { $0 ^ 0x36 } + message)
    return digest(block.map { $0 ^ 0x5C } + inner)
  }
}
