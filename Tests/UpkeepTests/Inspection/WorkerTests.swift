import BlobStorage
import Foundation
import NIOCore
import OCI
import TestSupport
import Testing

@testable import Upkeep

/// The process that reads a layer may do what it likes: it is that layer's misfortune, and nobody else's.
@Suite struct `A worker that breaks` {
  private static func failure(_ script: String, _ bytes: Int = 300_000) async throws -> InspectionFailure? {
    let path = FileManager.default.temporaryDirectory.appending(path: "berth-worker-\(UUID().uuidString)").path()
    try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let content = [UInt8](repeating: 1, count: bytes)
    let layer = StoredBlob(digest: SampleBlob(content).digest, sizeBytes: Int64(bytes), place: nil)
    let body = BlobBody.remote(
      RemoteBlob(layer) { _ in
        BlobChunks(
          AsyncStream {
            $0.yield(ByteBuffer(bytes: content)); $0.finish()
          })
      })
    do {
      _ = try await WorkerInspector(executable: path).inspect(body)
      return nil
    } catch let failure as InspectionFailure {
      return failure
    }
  }

  @Test(arguments: [
    ("exit 3", "the worker ended with status 3 and no answer"),
    ("kill -9 $$", "the worker was ended by signal 9"),
    ("cat > /dev/null; kill -11 $$", "the worker was ended by signal 11"),
    // What looks like the head of a large frame, of which the rest never comes.
    ("exec cat", "the worker ended with status 0 and no answer"),
    ("cat > /dev/null; printf '\\377\\000\\000\\000\\000'", "the worker told what no worker tells"),
    // The head of a frame, and nothing behind it.
    ("cat > /dev/null; printf '\\002\\001\\000\\000\\000'", "the worker ended with status 0 and no answer"),
    ("cat > /dev/null; printf '\\002\\001\\000\\000\\000x'", "the worker told what no worker tells"),
  ])
  func `marks the layer with a reason, and may be tried again`(script: String, reason: String) async throws {
    let failure = try #require(try await Self.failure(script))
    #expect(failure.reason == reason)
    #expect(!failure.isLasting)
  }

  @Test func `that is not there is said`() async throws {
    let body = BlobBody.remote(
      RemoteBlob(StoredBlob(digest: SampleBlob([]).digest, sizeBytes: 0, place: nil)) { _ in
        BlobChunks(AsyncStream { $0.finish() })
      })
    await #expect(throws: ProcessError.self) {
      _ = try await WorkerInspector(executable: "/nowhere/berth").inspect(body)
    }
  }
}
