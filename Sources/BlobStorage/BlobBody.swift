public import NIOCore
public import OCI

/// A blob's bytes, ready to be read: a file that the kernel can send from, or bytes that come over the network.
public enum BlobBody: Sendable {
  case file(BlobFile)
  case remote(RemoteBlob)

  public var sizeBytes: Int64 {
    switch self {
    case .file(let file): file.sizeBytes
    case .remote(let blob): blob.sizeBytes
    }
  }
}

/// A blob in an object store. Making the value asks the store for nothing.
public struct RemoteBlob: Sendable {
  public let blob: StoredBlob
  /// Fetching the bytes may block the thread for a moment, so it must not happen on an event loop.
  public let mayBlock: Bool
  private let fetch: @Sendable (ByteRange) async throws -> BlobChunks

  /// - Parameter fetch: asks for a range. It answers once the store has promised the bytes: an object that is gone is an
  ///   error here and not in the middle of an answer.
  public init(
    _ blob: StoredBlob, mayBlock: Bool = false, fetch: @escaping @Sendable (ByteRange) async throws -> BlobChunks
  ) {
    self.blob = blob
    self.mayBlock = mayBlock
    self.fetch = fetch
  }

  public var digest: Digest { blob.digest }
  public var sizeBytes: Int64 { blob.sizeBytes }

  /// The bytes of `range`, which must lie inside the blob; `range.count` bytes come, or the sequence throws.
  ///
  /// - Throws: ``StorageError/blobUnknown(_:)`` when the object is gone.
  public func chunks(_ range: ByteRange) async throws -> BlobChunks { try await fetch(range) }
}

/// Bytes as they arrive, once, for one reader. Nothing is fetched ahead of who reads beyond the connection's buffers.
public struct BlobChunks: AsyncSequence, Sendable {
  public typealias Element = ByteBuffer

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let pull: () async throws -> ByteBuffer?
    public mutating func next() async throws -> ByteBuffer? { try await pull() }
  }

  private let make: @Sendable () -> AsyncIterator

  public init<Source: AsyncSequence & Sendable>(_ source: Source) where Source.Element == ByteBuffer {
    make = {
      let iterator = Iterator(source.makeAsyncIterator())
      return AsyncIterator { try await iterator.next() }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { make() }

  /// Keeps the source's iterator in one place, so that a copy of ours continues where the other stopped.
  private final class Iterator<Base: AsyncIteratorProtocol> where Base.Element == ByteBuffer {
    private var base: Base
    init(_ base: Base) { self.base = base }
    func next() async throws -> ByteBuffer? { try await base.next() }
  }
}

extension BlobBody {
  /// All bytes of a blob that is known to be small.
  public func collect() async throws -> ByteBuffer {
    let size = Int(sizeBytes)
    var buffer = ByteBufferAllocator().buffer(capacity: size)
    switch self {
    case .file(let file):
      try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) {
        try file.file.read(at: 0, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]))
      }
    case .remote(let blob):
      guard size > 0 else { break }
      for try await chunk in try await blob.chunks(ByteRange(first: 0, last: sizeBytes - 1)) {
        buffer.writeImmutableBuffer(chunk)
      }
    }
    return buffer
  }
}

extension BlobBody {
  /// All bytes, piece by piece.
  public func chunks() async throws -> BlobChunks {
    switch self {
    case .file(let file): return BlobChunks(FilePieces(file: file))
    case .remote(let blob):
      guard blob.sizeBytes > 0 else { return BlobChunks(FilePieces(file: nil)) }
      return try await blob.chunks(ByteRange(first: 0, last: blob.sizeBytes - 1))
    }
  }
}

/// A file's bytes in its order. Reading blocks.
private struct FilePieces: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  static let pieceBytes = 1 << 20

  /// Nil is no bytes.
  let file: BlobFile?

  struct AsyncIterator: AsyncIteratorProtocol {
    let file: BlobFile?
    var offset: Int64 = 0

    mutating func next() async throws -> ByteBuffer? {
      guard let file, offset < file.sizeBytes else { return nil }
      let length = Int(Swift.min(Int64(FilePieces.pieceBytes), file.sizeBytes - offset))
      var buffer = ByteBufferAllocator().buffer(capacity: length)
      let position = offset
      let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) {
        try file.file.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<length]))
      }
      guard count > 0 else { return nil }
      offset += Int64(count)
      return buffer
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(file: file) }
}
