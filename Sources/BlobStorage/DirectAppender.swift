import CLinux
import Glibc
import Synchronization

/// Appends past the page cache (`O_DIRECT`): a long stream costs a third of the processor time so, and does not push what is
/// being pulled out of memory. See docs/decisions/0010-direct-writes.md.
///
/// Gathers bytes in an aligned buffer; only the end of the stream, which fills no block, goes through the page cache.
final class DirectAppender: Appender {
  /// What a disk with a millisecond's latency needs to be kept busy by one writer.
  static let bufferBytes = 1 << 20
  /// Fits the logical block of every disk in use.
  static let blockBytes = 4096
  /// How many may exist at once, so that many slow uploads do not hold a buffer each; the others use the page cache.
  static let limit = 64
  private static let count = Atomic<Int>(0)

  private let file: LocalFile
  private let descriptor: Int32
  private let buffer: UnsafeMutableRawBufferPointer
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
    guard opened >= 0 else {
      Self.count.wrappingSubtract(1, ordering: .relaxed)
      return nil
    }
    self.file = file
    self.offset = offset
    descriptor = opened
    buffer = .allocate(byteCount: Self.bufferBytes, alignment: Self.blockBytes)
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
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
      if used == buffer.count { try writeBlocks() }
    }
  }

  func finish() throws(DiskError) {
    try writeBlocks()
    guard used > 0 else { return }
    try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<used]), at: offset)
    offset += Int64(used)
    used = 0
  }

  /// Writes the whole blocks of the buffer, and keeps what is left at its start.
  private func writeBlocks() throws(DiskError) {
    let whole = used / Self.blockBytes * Self.blockBytes
    guard whole > 0 else { return }
    var done = 0
    while done < whole {
      let count = pwrite(descriptor, buffer.baseAddress.map { $0 + done }, whole - done, Int(offset) + done)
      if count > 0 && count % Self.blockBytes == 0 {
        done += count
      } else if count < 0 && errno == EINTR {
        continue
      } else {
        // A file system that takes O_DIRECT at open and not at a write, or a part of a block: the page cache takes the rest.
        try file.write(UnsafeRawBufferPointer(rebasing: buffer[done..<whole]), at: offset + Int64(done))
        done = whole
      }
    }
    let left = used - whole
    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[whole..<used]))
    offset += Int64(whole)
    used = left
  }
}
