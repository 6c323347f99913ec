internal import Glibc

/// An open file that is read at any place.
final class InputFile: Sendable {
  private let path: String
  private let descriptor: Int32
  let sizeBytes: Int64

  init(_ path: String) throws(BundleError) {
    self.path = path
    descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw BundleError("\(path): \(String(cString: strerror(errno)))") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw BundleError("\(path) is no file")
    }
    sizeBytes = Int64(status.st_size)
  }

  deinit { close(descriptor) }

  /// 0: the end.
  func read(into space: UnsafeMutableRawBufferPointer, at position: Int64) throws(BundleError) -> Int {
    while true {
      let count = pread(descriptor, space.baseAddress, space.count, off_t(position))
      if count >= 0 { return count }
      guard errno == EINTR else { throw BundleError("\(path): \(String(cString: strerror(errno)))") }
    }
  }
}

/// A part of a file.
struct FileSection: ByteSource {
  private let file: InputFile
  private var rest: Range<Int64>

  init(_ file: InputFile, _ range: Range<Int64>) {
    self.file = file
    rest = range
  }

  mutating func read(into space: UnsafeMutableRawBufferPointer) throws(LayerError) -> Int {
    let wanted = min(space.count, Int(clamping: rest.upperBound - rest.lowerBound))
    guard wanted > 0 else { return 0 }
    let place = UnsafeMutableRawBufferPointer(rebasing: space[..<wanted])
    let count: Int
    do throws(BundleError) { count = try file.read(into: place, at: rest.lowerBound) } catch {
      throw .unreadable(error.description)
    }
    rest = rest.lowerBound + Int64(count)..<rest.upperBound
    return count
  }
}

/// A file that is written from its beginning to its end.
final class OutputFile {
  private let path: String
  private var descriptor: Int32
  private(set) var sizeBytes: Int64 = 0

  init(_ path: String) throws(BundleError) {
    self.path = path
    descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path) }
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  private static func failure(_ path: String) -> BundleError {
    BundleError("\(path): \(String(cString: strerror(errno)))")
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(BundleError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(path) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    sizeBytes += Int64(bytes.count)
  }

  func write(_ bytes: [UInt8]) throws(BundleError) {
    try bytes.withUnsafeBytes { bytes -> Result<Void, BundleError> in
      do throws(BundleError) { return .success(try write(bytes)) } catch { return .failure(error) }
    }.get()
  }

  /// Fills the block up behind a file of so many bytes.
  func pad(_ size: Int64) throws(BundleError) {
    try write([UInt8](repeating: 0, count: BundleLayout.paddingBytes(size)))
  }

  /// On return all of it is on the disk.
  func close() throws(BundleError) {
    let open = descriptor
    descriptor = -1
    let isSynced = fsync(open) == 0 || errno == EINVAL
    guard Glibc.close(open) == 0, isSynced else { throw Self.failure(path) }
  }
}
