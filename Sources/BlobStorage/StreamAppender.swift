/// Appends the beginning of a stream through the page cache, where those who pull a small blob soon find it, and the rest of a
/// long one past it.
final class StreamAppender: Appender {
  /// So much of a stream goes through the page cache.
  static let cachedBytes: Int64 = 8 << 20

  private let file: LocalFile
  private let path: String
  private var current: any Appender
  private var offset: Int64
  /// Where the way of writing changes; a multiple of the block.
  private let boundary: Int64

  init(_ file: LocalFile, path: String, at offset: Int64) {
    self.file = file
    self.path = path
    self.offset = offset
    current = PlainAppender(file, at: offset)
    let block = Int64(DirectAppender.blockBytes)
    boundary = (offset + Self.cachedBytes + block - 1) / block * block
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
    guard offset < boundary, offset + Int64(bytes.count) >= boundary else {
      try current.append(bytes)
      offset += Int64(bytes.count)
      return
    }
    let split = Int(boundary - offset)
    try current.append(UnsafeRawBufferPointer(rebasing: bytes[..<split]))
    try current.finish()
    offset = boundary
    if let direct = DirectAppender(file, path: path, at: offset) { current = direct }
    if split < bytes.count { try append(UnsafeRawBufferPointer(rebasing: bytes[split...])) }
  }

  func finish() throws(DiskError) { try current.finish() }
}
