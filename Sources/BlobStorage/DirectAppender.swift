import CLinux
import Glibc
import Synchronization

/// Appends past the page cache (`O_DIRECT`): a long stream costs a third of the processor time so, and does not push what is
/// being pulled out of memory. See docs/decisions/0010-direct-writes.md.
///
/// Gathers bytes in two aligned buffers: one is filled while a thread writes the other. Only the end of the stream, which fills no
/// block, goes through the page cache.
final class DirectAppender: Appender {
  /// What a disk with a millisecond's latency needs to be kept busy by one writer.
  static let bufferBytes = 1 << 20
  /// Fits the logical block of every disk in use.
  static let blockBytes = 4096
  /// How many may exist at once, so that many slow uploads do not hold two buffers each; the others use the page cache.
  static let limit = 32
  private static let count = Atomic<Int>(0)

  private let file: LocalFile
  private let writer: BlockWriter
  private var buffer: UnsafeMutableRawBufferPointer
  private var other: UnsafeMutableRawBufferPointer
  private var used = 0
  private var offset: Int64

  /// Nil where the file system cannot, the place is not aligned, or enough exist already.
  init?(_ file: LocalFile, path: String, at offset: Int64) {
    guard offset % Int64(Self.blockBytes) == 0 else { return nil }
    guard Self.count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.limit else {
      Self.count.wrappingSubtract(1, ordering: .relaxed)
      return nil
    }
    let opened = berth_open_direct(path)
    guard opened >= 0, let writer = BlockWriter(file, descriptor: opened) else {
      Self.count.wrappingSubtract(1, ordering: .relaxed)
      return nil
    }
    self.file = file
    self.offset = offset
    self.writer = writer
    buffer = .allocate(byteCount: Self.bufferBytes, alignment: Self.blockBytes)
    other = .allocate(byteCount: Self.bufferBytes, alignment: Self.blockBytes)
  }

  deinit {
    writer.end()
    buffer.deallocate()
    other.deallocate()
    Self.count.wrappingSubtract(1, ordering: .relaxed)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
    var rest = bytes
    while rest.count > 0 {
      let count = min(rest.count, buffer.count - used)
      UnsafeMutableRawBufferPointer(rebasing: buffer[used...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
      used += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if used == buffer.count { try startWriting() }
    }
  }

  func finish() throws(DiskError) {
    try startWriting()
    try writer.wait()
    guard used > 0 else { return }
    try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<used]), at: offset)
    offset += Int64(used)
    used = 0
  }

  /// Begins to write the whole blocks of the buffer, when those before them are written, and goes on with the other buffer.
  private func startWriting() throws(DiskError) {
    try writer.wait()
    let whole = used / Self.blockBytes * Self.blockBytes
    guard whole > 0 else { return }
    let left = used - whole
    other.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[whole..<used]))
    writer.start(UnsafeRawBufferPointer(rebasing: buffer[..<whole]), at: offset)
    swap(&buffer, &other)
    offset += Int64(whole)
    used = left
  }
}
