import Glibc
import Synchronization

/// Bytes that wait on disk until all of them were seen: a file without a name, which ends with its holder, and with the process.
///
/// One writer at a time; what it has written may be read by several.
public final class Spool: Sendable {
  public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the system says.
    case system(String)
    /// A line has more bytes than this.
    case line(limitBytes: Int)

    public var description: String {
      switch self {
      case .system(let cause): "what was received cannot be kept: \(cause)"
      case .line(let limitBytes): "a record has more than \(limitBytes) bytes"
      }
    }
  }

  /// How much is read at once.
  private static let pieceBytes = 256 << 10

  private let descriptor: Int32
  private let written = Atomic<Int64>(0)

  /// - Parameter folder: on whose disk it lies; nil: the system's for temporary files (`TMPDIR`).
  public init(in folder: String? = nil) throws {
    let folder = folder ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let path = "\(folder)/berth-spool-\(SystemRandom().hexadecimal(byteCount: 8))"
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.system(folder) }
    unlink(path)
  }

  deinit { close(descriptor) }

  public var sizeBytes: Int64 { written.load(ordering: .acquiring) }

  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
        pwrite(descriptor, $0.baseAddress, $0.count, Int(written.load(ordering: .relaxed)))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.system("writing") }
      written.wrappingAdd(Int64(count), ordering: .releasing)
      rest = rest.dropFirst(count)
    }
  }

  /// Answers how many bytes came; 0 at the end.
  public func read(at position: Int64, into space: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = pread(descriptor, space.baseAddress, space.count, Int(position))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Self.system("reading") }
      return count
    }
  }

  /// Reads the next piece on to the end of a buffer. Answers false at the end.
  ///
  /// - Parameter position: where the piece begins; afterwards, where the next one does.
  public func read(from position: inout Int64, onTo buffer: inout [UInt8]) throws -> Bool {
    let before = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: Self.pieceBytes))
    let begin = position
    let count = try buffer.withUnsafeMutableBytes {
      try read(at: begin, into: UnsafeMutableRawBufferPointer(rebasing: $0[before...]))
    }
    buffer.removeLast(Self.pieceBytes - count)
    position += Int64(count)
    return count > 0
  }

  /// What was written, line by line, from the beginning on; empty lines are left out.
  public func lines(limitBytes: Int) -> SpooledLines { SpooledLines(self, limitBytes: limitBytes) }

  private static func system(_ what: String) -> Failure { .system("\(what): \(String(cString: strerror(errno)))") }
}

/// Lines of a ``Spool``.
public struct SpooledLines {
  private let spool: Spool
  private let limitBytes: Int
  /// What was read and not given yet begins at `position`.
  private var buffer: [UInt8] = []
  private var position = 0
  private var readBytes: Int64 = 0

  fileprivate init(_ spool: Spool, limitBytes: Int) {
    self.spool = spool
    self.limitBytes = limitBytes
  }

  /// What `body` makes of the next line, without its end; nil: there is none.
  ///
  /// - Throws: ``Spool/Failure``, or what `body` throws.
  public mutating func next<R>(_ body: (UnsafeRawBufferPointer) throws -> R) throws -> R? {
    var searched = position
    while true {
      if let end = end(from: searched) {
        let line = position..<end
        position = end + 1
        searched = position
        guard line.count <= limitBytes else { throw Spool.Failure.line(limitBytes: limitBytes) }
        guard line.isEmpty else {
          return try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[line])) }
        }
        continue
      }
      buffer.removeSubrange(..<position)
      position = 0
      searched = buffer.count
      guard searched <= limitBytes else { throw Spool.Failure.line(limitBytes: limitBytes) }
      guard try spool.read(from: &readBytes, onTo: &buffer) else { break }
    }
    position = buffer.count
    return buffer.isEmpty ? nil : try buffer.withUnsafeBytes { try body($0) }
  }

  private func end(from start: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard start < bytes.count, let base = bytes.baseAddress,
        let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }
}
