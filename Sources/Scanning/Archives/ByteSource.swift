internal import Glibc

/// Bytes one after the other, for whoever asks for the next.
public protocol ByteSource {
  /// Fills as much of `space` as is at hand, at least a byte. 0: there are no more.
  mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int
}

/// The bytes of an open file or pipe. The descriptor stays its owner's.
public struct DescriptorSource: ByteSource {
  private let descriptor: Int32

  public init(_ descriptor: Int32) { self.descriptor = descriptor }

  public mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    while true {
      let count = Glibc.read(descriptor, space.baseAddress, space.count)
      if count >= 0 { return count }
      guard errno == EINTR else { throw .unreadable("reading failed: \(String(cString: strerror(errno)))") }
    }
  }
}

/// Bytes at hand.
public struct MemorySource: ByteSource {
  private let bytes: [UInt8]
  private var position = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public mutating func read(into space: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(space.count, bytes.count - position)
    guard count > 0 else { return 0 }
    bytes.withUnsafeBytes { all in
      space.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[position..<position + count]))
    }
    position += count
    return count
  }
}

/// A source with a window that can be looked into before it is consumed.
final class BufferedInput {
  private var source: any ByteSource
  private let space: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  /// How many bytes have come from the source.
  private(set) var consumedBytes: Int64 = 0

  /// One read of a pipe and more.
  static let sizeBytes = 256 << 10

  init(_ source: any ByteSource) {
    self.source = source
    space = .allocate(byteCount: Self.sizeBytes, alignment: 16)
  }

  deinit { space.deallocate() }

  /// What is at hand.
  var window: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: space[start..<end]) }

  func advance(_ count: Int) { start += count }

  /// Makes sure that at least so many bytes are at hand, if there are so many. Answers false when there is none at all.
  @discardableResult
  func fill(atLeast count: Int = 1) throws(LayerError) -> Bool {
    while end - start < count {
      if start > 0 {
        space.copyMemory(from: UnsafeRawBufferPointer(rebasing: space[start..<end]))
        end -= start
        start = 0
      }
      guard end < space.count else { break }
      let read = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: space[end...]))
      guard read > 0 else { break }
      end += read
      consumedBytes += Int64(read)
    }
    return end > start
  }
}
