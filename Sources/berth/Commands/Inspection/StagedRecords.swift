import Ground
import NIOCore

/// Records of a feed, a line each, that wait on disk until all of them could be read.
final class StagedRecords {
  private(set) var count = 0
  private let spool: Spool
  /// Not written yet.
  private var waiting: [UInt8] = []

  private static let pieceBytes = 256 << 10

  init() throws { spool = try Spool() }

  /// - Parameter record: without a line end in it; one at its end may be there.
  func add(_ record: some Collection<UInt8>) throws {
    count += 1
    waiting += record
    if waiting.last != UInt8(ascii: "\n") { waiting.append(UInt8(ascii: "\n")) }
    if waiting.count >= Self.pieceBytes { try flush() }
  }

  private func flush() throws {
    try waiting.withUnsafeBytes { try spool.append($0) }
    waiting.removeAll(keepingCapacity: true)
  }

  /// As a body.
  var pieces: Pieces {
    get throws {
      try flush()
      return Pieces(spool: spool)
    }
  }

  struct Pieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    fileprivate let spool: Spool

    struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let spool: Spool
      private var position: Int64 = 0

      fileprivate init(spool: Spool) { self.spool = spool }

      mutating func next() async throws -> ByteBuffer? {
        var piece = ByteBuffer()
        let (spool, at) = (spool, position)
        let count = try piece.writeWithUnsafeMutableBytes(minimumWritableBytes: StagedRecords.pieceBytes) {
          try spool.read(at: at, into: $0)
        }
        position += Int64(count)
        return count > 0 ? piece : nil
      }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(spool: spool) }
  }
}
