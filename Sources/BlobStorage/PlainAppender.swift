/// Appends through the page cache, and asks the kernel to write back as it goes, so that the closing sync has little to do.
final class PlainAppender: Appender {
  /// After so many bytes the kernel is asked to begin writing back.
  static let writebackBytes: Int64 = 8 << 20

  private let file: any DiskFile
  private var offset: Int64
  private var writtenBack: Int64

  init(_ file: any DiskFile, at offset: Int64) {
    self.file = file
    self.offset = offset
    writtenBack = offset
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
    try file.write(bytes, at: offset)
    offset += Int64(bytes.count)
    guard offset - writtenBack >= Self.writebackBytes else { return }
    file.startWriteback(at: writtenBack, length: offset - writtenBack)
    writtenBack = offset
  }

  func finish() {}
}
