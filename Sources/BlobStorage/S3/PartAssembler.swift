internal import NIOCore

/// Makes parts of equal size of a stream, and keeps so much back that what is left at the end is never too little for a part:
/// an object store takes a small part only as the last one, and a stream does not tell which that will be.
struct PartAssembler {
  var partBytes: Int
  private var ready: ByteBuffer?
  private var filling = ByteBuffer()

  init(partBytes: Int) { self.partBytes = partBytes }

  /// Bytes that are held.
  var heldBytes: Int { (ready?.readableBytes ?? 0) + filling.readableBytes }

  /// Takes bytes in. ``nextPart()`` must be asked until it answers nil before more are added.
  mutating func add(_ chunk: ByteBuffer) {
    var chunk = chunk
    while chunk.readableBytes > 0 {
      let room = partBytes - filling.readableBytes
      if room == 0, ready == nil {
        ready = filling
        filling = ByteBuffer()
        continue
      }
      if filling.readableBytes + chunk.readableBytes > S3BlobStore.freeBufferBytes, filling.capacity < partBytes {
        filling.reserveCapacity(partBytes)
      }
      if var piece = chunk.readSlice(length: room > 0 ? min(room, chunk.readableBytes) : chunk.readableBytes) {
        filling.writeBuffer(&piece)
      }
    }
  }

  /// A part that can be sent, since enough for another came after it.
  mutating func nextPart() -> ByteBuffer? {
    guard let part = ready, filling.readableBytes >= UploadRecord.pendingLimitBytes else { return nil }
    ready = nil
    return part
  }

  /// All that is left.
  mutating func rest() -> ByteBuffer {
    defer {
      ready = nil
      filling = ByteBuffer()
    }
    guard var whole = ready else { return filling }
    whole.writeImmutableBuffer(filling)
    return whole
  }
}
