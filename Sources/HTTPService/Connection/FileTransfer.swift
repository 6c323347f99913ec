import BlobStorage
import CLinux
import NIOCore
import OCI

/// Sends a range of a file on an event loop, a piece at a time, so that others get their turn between two pieces.
///
/// Where the kernel can send from the file (plain HTTP/1.1) the bytes never enter this process. The one place that uses
/// NIO's `FileRegion` on a raw descriptor.
final class FileTransfer {
  /// With whole files as pieces the others' 99th percentile doubles; a socket seldom takes more than this at once.
  static let regionBytes: Int64 = 4 << 20
  static let chunkBytes: Int64 = 256 << 10
  /// A stream of HTTP/2 shares its connection, and its clock sees whole pieces only.
  static let streamChunkBytes: Int64 = 64 << 10

  private let blob: BlobFile
  private var next: Int64
  private let end: Int64
  /// What the kernel sends from; nil: the bytes pass through this process.
  private let descriptor: CInt?
  /// The same for NIO; not made where the kernel takes everything at once.
  private var handle: NIOFileHandle?
  private let chunkBytes: Int64
  /// The connection is corked until the last piece is gone.
  var isCorked = false

  init(_ blob: BlobFile, _ range: ByteRange, fromKernel: Bool, isStream: Bool = false) {
    chunkBytes = isStream ? Self.streamChunkBytes : Self.chunkBytes
    self.blob = blob
    next = range.first
    end = range.last + 1
    descriptor = fromKernel ? blob.file.descriptor : nil
  }

  var isDone: Bool { next >= end }

  /// Hands the head of the answer, and as much of the first piece as the kernel takes without waiting, to a socket on which
  /// nothing else waits to be sent. One small answer after the other goes out so without NIO's queue of writes, its promise, and
  /// two changes of what epoll(7) watches.
  ///
  /// - Parameter head: loses the bytes that the kernel took.
  /// - Returns: the bytes of the file that it took. What is left, after an error too, is to be written to the channel.
  func sendAtOnce(_ head: inout ByteBuffer, to socket: CInt) -> Int64 {
    guard let descriptor else { return 0 }
    let length = min(Self.regionBytes, end - next)
    let taken = head.withUnsafeReadableBytes {
      berth_send_file(socket, $0.baseAddress, $0.count, descriptor, next, Int(length))
    }
    let ofHead = min(Int(taken), head.readableBytes)
    head.moveReaderIndex(forwardBy: ofHead)
    let ofFile = taken - Int64(ofHead)
    next += ofFile
    return ofFile
  }

  /// The next piece.
  ///
  /// - Throws: ``DiskError``, and ``Truncated`` when the file ends early.
  func piece(allocator: ByteBufferAllocator) throws -> IOData {
    if let descriptor {
      let handle = self.handle ?? NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
      self.handle = handle
      // A file that was cut short meanwhile would make the kernel send nothing, again and again.
      guard try blob.file.size() >= end else { throw Truncated() }
      let length = min(Self.regionBytes, end - next)
      defer { next += length }
      return .fileRegion(FileRegion(fileHandle: handle, readerIndex: Int(next), endIndex: Int(next + length)))
    }
    let length = Int(min(chunkBytes, end - next))
    var buffer = allocator.buffer(capacity: length)
    let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) {
      try blob.file.read(at: next, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<length]))
    }
    guard count == length else { throw Truncated() }
    next += Int64(length)
    return .byteBuffer(buffer)
  }

  struct Truncated: Error {}

  /// Must be called when the last piece has been written or failed: the descriptor stays the blob's.
  func finish() {
    // The only error is that it was taken back already.
    _ = try? handle?.takeDescriptorOwnership()
  }
}
