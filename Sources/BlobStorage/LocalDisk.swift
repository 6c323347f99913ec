import CLinux
import Glibc
internal import Ground

/// The file system of this machine.
public struct LocalDisk: Disk {
  public init() {}

  public func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile {
    let flags: Int32 =
      switch mode {
      case .read: O_RDONLY
      case .write: O_RDWR
      case .create: O_RDWR | O_CREAT
      }
    let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o640) }
    guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
    return LocalFile(descriptor: descriptor, path: path)
  }

  public func syncDirectory(_ path: String) throws(DiskError) {
    let descriptor = retrying { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
    defer { close(descriptor) }
    guard retrying({ fsync(descriptor) }) == 0 else {
      throw DiskError(operation: "sync directory", path: path, code: errno)
    }
  }

  public func rename(_ source: String, to target: String) throws(DiskError) {
    guard Glibc.rename(source, target) == 0 else { throw DiskError(operation: "rename", path: source, code: errno) }
  }

  public func unlink(_ path: String) throws(DiskError) {
    guard Glibc.unlink(path) == 0 else { throw DiskError(operation: "unlink", path: path, code: errno) }
  }

  public func list(_ directory: String) throws(DiskError) -> [String] {
    guard let stream = opendir(directory) else {
      throw DiskError(operation: "list", path: directory, code: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw DiskError(operation: "list", path: directory, code: errno) }
    return names.sorted()
  }

  public func makeDirectory(_ path: String) throws(DiskError) -> Bool {
    if mkdir(path, 0o750) == 0 { return true }
    guard errno == EEXIST else { throw DiskError(operation: "make directory", path: path, code: errno) }
    return false
  }
}

/// An open file of this machine.
final class LocalFile: DiskFile {
  private let handle: Int32
  private let path: String

  init(descriptor: Int32, path: String) {
    handle = descriptor
    self.path = path
  }

  deinit { close(handle) }

  var descriptor: Int32? { handle }

  func size() throws(DiskError) -> Int64 {
    var status = stat()
    guard fstat(handle, &status) == 0 else { throw failure("stat") }
    return Int64(status.st_size)
  }

  func changedAt() throws(DiskError) -> Timestamp? {
    var status = stat()
    guard fstat(handle, &status) == 0 else { throw failure("stat") }
    return Timestamp(microseconds: Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000)
  }

  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = retrying {
        pread(handle, buffer.baseAddress.map { $0 + done }, buffer.count - done, Int(offset) + done)
      }
      guard count >= 0 else { throw failure("read") }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
    var done = 0
    while done < bytes.count {
      let count = retrying {
        pwrite(handle, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int(offset) + done)
      }
      guard count >= 0 else { throw failure("write") }
      done += count
    }
  }

  func truncate(to size: Int64) throws(DiskError) {
    guard retrying({ ftruncate(handle, off_t(size)) }) == 0 else { throw failure("truncate") }
  }

  func sync() throws(DiskError) {
    guard retrying({ fdatasync(handle) }) == 0 else { throw failure("sync") }
  }

  func preallocate(_ length: Int64) { _ = berth_preallocate(handle, length) }

  func appender(at offset: Int64) -> any Appender {
    StreamAppender(self, path: path, at: offset)
  }

  func startWriteback(at offset: Int64, length: Int64) { berth_start_writeback(handle, offset, length) }

  private func failure(_ operation: String) -> DiskError { DiskError(operation: operation, path: path, code: errno) }
}

/// Calls again while a signal interrupts.
private func retrying<Result: SignedInteger>(_ body: () -> Result) -> Result {
  while true {
    let result = body()
    if result != -1 || errno != EINTR { return result }
  }
}

/// The system's words for an errno.
func errorText(_ code: Int32) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
    guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else { return "errno \(code)" }
    return String(cString: start)
  }
}

extension LocalDisk {
  /// The text of a file of at most 64 KiB, or nil when it cannot be read.
  public static func smallFile(_ path: String) -> String? {
    guard let file = try? LocalDisk().open(path, .read) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(at: 0, into: $0) }) else { return nil }
    return String(validating: bytes.prefix(count), as: UTF8.self)
  }
}
