public import Ground

/// The operations on a file system that a crash test must see. Production uses ``LocalDisk``; tests bring a disk that
/// loses what was not synced, or fails the k-th operation.
public protocol Disk: Sendable {
  /// Opens a file. With `.create` it is made when absent; with `.read` and `.write` its absence is `ENOENT`.
  func open(_ path: String, _ mode: OpenMode) throws(DiskError) -> any DiskFile
  /// Makes names created in, renamed into or removed from the directory survive power loss.
  func syncDirectory(_ path: String) throws(DiskError)
  /// Replaces `target` when it exists.
  func rename(_ source: String, to target: String) throws(DiskError)
  /// Absence is `ENOENT`.
  func unlink(_ path: String) throws(DiskError)
  /// Names in the directory, sorted.
  func list(_ directory: String) throws(DiskError) -> [String]
  /// Makes one directory; its existence is no error. Answers whether it was made now.
  func makeDirectory(_ path: String) throws(DiskError) -> Bool
}

public enum OpenMode: Sendable { case read, write, create }

/// An open file. Closed when the last reference goes.
public protocol DiskFile: AnyObject, Sendable {
  func size() throws(DiskError) -> Int64
  /// When its bytes were changed last, by the clock of the machine; nil where that is not known.
  func changedAt() throws(DiskError) -> Timestamp?
  /// Reads up to `buffer.count` bytes; fewer only at the end of the file.
  func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int
  /// Writes all of `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError)
  func truncate(to size: Int64) throws(DiskError)
  /// Makes content and size survive power loss. The name is the directory's matter.
  func sync() throws(DiskError)
  /// A hint that `length` bytes will be written from the start on. Never fails.
  func preallocate(_ length: Int64)
  /// A hint to begin writing a range back. Never fails.
  func startWriteback(at offset: Int64, length: Int64)
  /// Something that appends from `offset` on, in the way that suits a long stream best.
  func appender(at offset: Int64) -> any Appender
  /// The descriptor, where there is one that the kernel can send from.
  var descriptor: Int32? { get }
}

/// Appends to a file. What was appended is in the file once ``finish()`` has returned; durable it is after the file's sync.
public protocol Appender: AnyObject {
  func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError)
  func finish() throws(DiskError)
}

extension DiskFile {
  public func changedAt() throws(DiskError) -> Timestamp? { nil }
  public func appender(at offset: Int64) -> any Appender { PlainAppender(self, at: offset) }
}

/// A file-system call that failed.
public struct DiskError: Error, Sendable, Equatable, CustomStringConvertible {
  public let operation: String
  public let path: String
  public let code: Int32

  public init(operation: String, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  public var description: String { "\(operation) \(path): \(errorText(code))" }
}

extension DiskError {
  /// There is no such file: often no fault at all.
  public var isMissingFile: Bool { code == 2 }
  /// This process may not do that.
  var isForbidden: Bool { code == 13 }
  /// The disk, or the quota on it, is full.
  public var isOutOfSpace: Bool { code == 28 || code == 122 }
}

/// The result of `body`, or nil when the file it names does not exist.
@discardableResult
func unlessMissing<Result>(_ body: () throws(DiskError) -> Result) throws(DiskError) -> Result? {
  do throws(DiskError) {
    return try body()
  } catch {
    if error.isMissingFile { return nil }
    throw error
  }
}
