import CLinux
import Glibc

/// Holds a data directory for one process. Let go when the process ends, however it ends.
public final class DirectoryLock: Sendable {
  private let descriptor: Int32

  /// - Throws: ``Held`` when another process has the directory.
  public init(directory: String) throws {
    let path = directory + "/lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
    let status = berth_try_lock(descriptor)
    guard status == 0 else {
      let holder = Self.holder(descriptor)
      close(descriptor)
      if status == EWOULDBLOCK { throw Held(directory: directory, processID: holder) }
      throw DiskError(operation: "lock", path: path, code: status)
    }
    let text = "\(getpid())\n"
    ftruncate(descriptor, 0)
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
  }

  deinit {
    // A child that is being started has a copy of the descriptor until it is another program, and with it the lock.
    berth_unlock(descriptor)
    close(descriptor)
  }

  /// Another process serves this directory.
  public struct Held: Error, CustomStringConvertible {
    public let directory: String
    public let processID: Int?
    public var description: String {
      let who = processID.map { " (process \($0))" } ?? ""
      return "the data directory \(directory) is in use by another berth\(who); stop it, or choose another --data"
    }
  }

  private static func holder(_ descriptor: Int32) -> Int? {
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return nil }
    return Int(String(decoding: buffer[..<count], as: UTF8.self).filter(\.isNumber))
  }
}
