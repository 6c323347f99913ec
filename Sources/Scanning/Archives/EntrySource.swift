/// The content of one entry of a layer, for who asks for the next bytes of it. What is read is hashed on the way.
struct EntrySource: ByteSource {
  /// What was read already, to find out whether somebody wants it.
  private let start: [UInt8]
  private var startPosition = 0
  private let archive: TarReader
  private let hash: ContentHash

  /// - Parameter start: the first piece of the content, which is hashed.
  init(_ start: UnsafeRawBufferPointer, _ archive: TarReader, _ hash: ContentHash) {
    self.start = Array(start)
    self.archive = archive
    self.hash = hash
  }

  mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    let left = start.count - startPosition
    if left > 0 {
      let count = min(left, space.count)
      start.withUnsafeBytes { bytes in
        space.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[startPosition..<startPosition + count]))
      }
      startPosition += count
      return count
    }
    let count = try archive.read(into: space)
    hash.add(UnsafeRawBufferPointer(rebasing: space[..<count]))
    return count
  }
}
