import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// What a real object store gets of one blob, counted on the way there.
@Suite struct `The bytes sent for one blob` {
  struct Upload: Sendable, CustomTestStringConvertible {
    let size: Int
    /// What each request brings, but the last.
    let piece: Int
    let stores: Int
    var testDescription: String { "\(size) bytes in pieces of \(piece), through \(stores)" }
  }

  static let uploads: [Upload] = [
    Upload(size: 300_000, piece: .max, stores: 1), Upload(size: 4 << 20, piece: .max, stores: 1),
    Upload(size: 14 << 20, piece: .max, stores: 1), Upload(size: 300_000, piece: 40_000, stores: 1),
    Upload(size: 3 << 20, piece: 150_000, stores: 2), Upload(size: 4 << 20, piece: 2 << 20, stores: 2),
    Upload(size: 11 << 20, piece: 3 << 20, stores: 2), Upload(size: 11 << 20, piece: 5 << 20, stores: 2),
    Upload(size: 15 << 20, piece: 7 << 20, stores: 2),
  ]

  @Test(arguments: uploads)
  func `are at most 1.02 times its size, however it is cut and whoever takes the pieces`(upload: Upload) async throws {
    let recorder = try S3Recorder(to: try await ObjectStoreServer.shared())
    defer { recorder.stop() }
    try await withS3Client(through: recorder) { client, _ in
      let ledger = SimulatedLedger()
      let stores = (0..<upload.stores).map { _ in S3BlobStore(client, ledger: ledger, bufferBytes: 64 << 20) }
      let blob = SampleBlob(seed: 21, size: upload.size)
      var offset = 0
      var turn = 0
      while offset < blob.bytes.count {
        let piece = blob.bytes[offset...].prefix(upload.piece)
        offset += piece.count
        let end = try await stores[turn % stores.count].append(piece, to: .sample(), at: Int64(offset - piece.count))
        #expect(end == Int64(offset))
        turn += 1
      }
      let stored = try await stores[turn % stores.count].publish(.sample(), as: blob.digest)
      #expect(Array(buffer: try await stores[0].open(stored).collect()) == blob.bytes)
      try await eventually("all that was sent is counted") { recorder.bytesUp >= upload.size }
      #expect(recorder.bytesUp <= upload.size * 102 / 100)
      #expect(recorder.exchanges.allSatisfy { !$0.operation.isCopy })
    }
  }
}

/// Waits for what happens on another thread.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while try await !condition() {
    guard ContinuousClock.now < deadline else { throw NotSeen(description: what) }
    try await Task.sleep(for: .milliseconds(10))
  }
}

struct NotSeen: Error, CustomStringConvertible {
  let description: String
}
