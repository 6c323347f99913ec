import Synchronization

/// A blob too large to hold: a shared block of random bytes, repeated, and sixteen bytes of its own at the end.
struct LargeBlob: Sendable {
  let count: Int
  let digest: String
  fileprivate let tail: [UInt8]

  /// Hands the content out in pieces of at most 64 MiB.
  func write(_ piece: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try LargeBlobFactory.eachPrefixPiece(of: count - tail.count, piece)
    try tail.withUnsafeBytes(piece)
  }
}

/// Makes distinct blobs of one size whose digests cost next to nothing: what they share is hashed once.
final class LargeBlobFactory: Sendable {
  private static let tailBytes = 16
  private static let block = RandomBlock(byteCount: 64 << 20)

  private struct State: ~Copyable {
    let prefix = SHA256State()
    var serial: UInt64 = 0
  }

  private let size: Int
  private let state = Mutex(State())

  init(size: Int) {
    self.size = size
    state.withLock { state in
      Self.eachPrefixPiece(of: size - Self.tailBytes) { state.prefix.update($0) }
    }
  }

  func make() -> LargeBlob {
    state.withLock { state in
      state.serial += 1
      var random = RandomBytes(seed: state.serial)
      let tail = random.bytes(Self.tailBytes)
      let hash = SHA256State(copying: state.prefix)
      tail.withUnsafeBytes { hash.update($0) }
      return LargeBlob(count: size, digest: hash.digest(), tail: tail)
    }
  }

  fileprivate static func eachPrefixPiece(
    of length: Int, _ piece: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    var remaining = length
    while remaining > 0 {
      let count = min(remaining, block.bytes.count)
      try piece(UnsafeRawBufferPointer(rebasing: block.bytes[..<count]))
      remaining -= count
    }
  }
}

/// Random bytes that live as long as the process and never change.
private struct RandomBlock: @unchecked Sendable {
  let bytes: UnsafeRawBufferPointer

  init(byteCount: Int) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    var random = RandomBytes(seed: 0xB1)
    random.fill(memory)
    bytes = UnsafeRawBufferPointer(memory)
  }
}
