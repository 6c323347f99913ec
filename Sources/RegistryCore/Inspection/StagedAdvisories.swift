internal import Ground
internal import Metadata
public import Scanning

/// Advisories that were read and wait on disk, as they will be stored: before the first of them counts, all could be read, and none
/// is read twice. In memory is one at a time.
public final class StagedAdvisories {
  private static let pieceBytes = 256 << 10

  private let spool: Spool
  /// Not written yet.
  private var writer = RecordWriter()
  private var record = RecordWriter()
  public private(set) var count = 0

  /// - Parameter folder: on whose disk they lie; nil: the system's for temporary files.
  /// - Throws: ``Spool/Failure``.
  public init(in folder: String? = nil) throws { spool = try Spool(in: folder) }

  /// - Throws: ``Spool/Failure``.
  public func add(_ advisory: Advisory) throws {
    record.clear()
    AdvisoryRecord(advisory).encode(into: &record)
    writer.add(record.bytes)
    count += 1
    if writer.bytes.count >= Self.pieceBytes { try flush() }
  }

  private func flush() throws {
    try writer.bytes.withUnsafeBytes { try spool.append($0) }
    writer.clear()
  }

  /// All of them, from the first on.
  func records() throws -> Records {
    try flush()
    return Records(spool)
  }

  struct Records {
    private let spool: Spool
    /// What was read and not given yet begins at `position`.
    private var buffer: [UInt8] = []
    private var position = 0
    private var readBytes: Int64 = 0

    fileprivate init(_ spool: Spool) { self.spool = spool }

    /// The next; nil: there is none.
    mutating func next() throws -> AdvisoryRecord? {
      guard let size = try length() else { return nil }
      guard try has(size) else { throw RecordError() }
      defer { position += size }
      return try AdvisoryRecord(decoding: Array(buffer[position..<position + size]))
    }

    /// Seven bits a byte, as it was written.
    private mutating func length() throws -> Int? {
      var (value, shift) = (0, 0)
      while try has(1), shift < Int.bitWidth - 7 {
        let byte = buffer[position]
        position += 1
        value |= Int(byte & 0x7F) << shift
        if byte & 0x80 == 0 { return value }
        shift += 7
      }
      guard shift == 0 else { throw RecordError() }
      return nil
    }

    /// Whether so many bytes can be given.
    private mutating func has(_ count: Int) throws -> Bool {
      while buffer.count - position < count {
        buffer.removeSubrange(..<position)
        position = 0
        guard try spool.read(from: &readBytes, onTo: &buffer) else { return false }
      }
      return true
    }
  }
}
