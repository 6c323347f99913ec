/// One file of a layer as cataloguers see it.
public struct LayerFile {
  /// From the root of the image, without a slash before or behind.
  public let path: String
  /// Permission bits, with set-user-ID and the others above them.
  public let mode: UInt16
  /// The whole content. Valid for the duration of the call only.
  public let bytes: UnsafeRawBufferPointer

  public init(path: String, mode: UInt16 = 0o644, bytes: UnsafeRawBufferPointer) {
    self.path = path
    self.mode = mode
    self.bytes = bytes
  }

  /// Its bytes without the mark of UTF-8 that some editors begin a text with.
  var textBytes: UnsafeRawBufferPointer {
    bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? UnsafeRawBufferPointer(rebasing: bytes.dropFirst(3)) : bytes
  }
}
