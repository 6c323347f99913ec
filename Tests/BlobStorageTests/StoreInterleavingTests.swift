import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

@testable import BlobStorage

/// Two threads in one store: what one does comes between any two operations of what the other does.
@Suite struct `Between two operations of the disk` {
  /// Runs `inner` before the operation `position` of what happens on the disk from now on.
  private func come(at position: Int, of disk: SimulatedDisk, _ inner: @escaping @Sendable () throws -> Void) -> Counted
  {
    let counted = Counted()
    disk.setBetween { _, _ in
      guard counted.next() == position else { return }
      do { try inner() } catch { counted.fail(error) }
    }
    return counted
  }

  private final class Counted: Sendable {
    private let state = Mutex<(count: Int, isInside: Bool, failure: (any Error)?)>((0, false, nil))
    func next() -> Int {
      state.withLock { state in
        state.count += 1
        return state.count - 1
      }
    }
    func fail(_ error: any Error) { state.withLock { $0.failure = error } }
    var count: Int { state.withLock { $0.count } }
    var failure: (any Error)? { state.withLock { $0.failure } }
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `of a put the journal may be settled, and a power cut loses nothing`(seed: UInt64) async throws {
    for position in 0..<40 {
      let disk = try `A power cut`.preparedDisk()
      let store = try LocalBlobStore(directory: "/data", disk: disk)
      try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
      let counted = come(at: position, of: disk) { try SeededExecutor.run(seed: 1) { try await store.settle() } }
      try await store.put(SampleBlob.small512.buffer, as: SampleBlob.small512.digest)
      disk.setBetween(nil)
      #expect(counted.failure == nil)
      try await store.settle()
      disk.losePower(seed: seed)
      let after = try LocalBlobStore(directory: "/data", disk: disk)
      #expect(try await after.content(of: SampleBlob.small.digest) == SampleBlob.small.bytes, "\(position)")
      #expect(try await after.content(of: SampleBlob.small512.digest) == SampleBlob.small512.bytes, "\(position)")
      if counted.count <= position { return }
    }
    Issue.record("a put has fewer operations than that")
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `of a settle a blob may be put or removed, and a power cut loses nothing`(seed: UInt64) async throws {
    for removes in [false, true] {
      var position = 0
      while true {
        let disk = try `A power cut`.preparedDisk()
        let store = try LocalBlobStore(directory: "/data", disk: disk)
        for blob in [SampleBlob.small, .small512] { try await store.put(blob.buffer, as: blob.digest) }
        let counted = come(at: position, of: disk) {
          try SeededExecutor.run(seed: 1) {
            if removes { try await store.remove([SampleBlob.small512.digest]) }
            try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
            try await store.put(SampleBlob.empty.buffer, as: SampleBlob.empty.digest)
          }
        }
        try await store.settle()
        let isThrough = counted.count <= position
        disk.setBetween(nil)
        #expect(counted.failure == nil)
        disk.losePower(seed: seed)
        let after = try LocalBlobStore(directory: "/data", disk: disk)
        let kept = [SampleBlob.small] + (removes ? [] : [.small512]) + (isThrough ? [] : [.empty])
        for blob in kept { #expect(try await after.content(of: blob.digest) == blob.bytes, "\(position)") }
        if isThrough { break }
        position += 1
      }
    }
  }

  @Test(arguments: ["remove", "quarantine"])
  func `of a removal a reader may open the blob, and does not keep it at hand`(how: String) async throws {
    for position in 0..<12 {
      let disk = try `A power cut`.preparedDisk()
      let store = try LocalBlobStore(directory: "/data", disk: disk)
      try await store.publishWhole(.large)
      let counted = come(at: position, of: disk) {
        try SeededExecutor.run(seed: 1) {
          do { _ = try await store.open(SampleBlob.large.digest) } catch is StorageError {}
        }
      }
      if how == "remove" {
        try await store.remove([SampleBlob.large.digest])
      } else {
        try await store.quarantine(SampleBlob.large.digest)
      }
      disk.setBetween(nil)
      #expect(counted.failure == nil)
      #expect(store.openIfAtHand(SampleBlob.large.digest) == nil, "before operation \(position)")
    }
  }
}
