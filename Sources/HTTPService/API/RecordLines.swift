import Access
import NIOCore

/// Makes lines of pieces as they come.
struct RecordLines {
  private let limitBytes: Int
  private var waiting: [UInt8] = []

  init(limitBytes: Int) { self.limitBytes = limitBytes }

  mutating func take(_ chunk: ByteBuffer) throws -> [[UInt8]] {
    var lines: [[UInt8]] = []
    chunk.withUnsafeReadableBytes { bytes in
      var rest = bytes[...]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        waiting.append(contentsOf: rest[..<end])
        if !waiting.isEmpty { lines.append(waiting) }
        waiting = []
        rest = rest[(end + 1)...]
      }
      waiting.append(contentsOf: rest)
    }
    guard waiting.count <= limitBytes else {
      throw AdministrationError(.invalid, "a record has more than \(limitBytes) bytes")
    }
    return lines
  }

  /// What stands behind the last end of a line; nil: nothing.
  var rest: [UInt8]? { waiting.isEmpty ? nil : waiting }
}
