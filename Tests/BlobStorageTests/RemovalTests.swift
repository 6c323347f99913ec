import BlobStorage
import NIOCore
import OCI
import TestSupport
import Testing

@Suite struct `Blobs that go` {
  @Test(arguments: StoreKind.allCases)
  func `are unknown once removed, and those that are not there are no error`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
      try await store.publishWhole(.large)
      _ = try await store.content(of: SampleBlob.large.digest)
      try await store.remove([SampleBlob.small.digest, SampleBlob.large.digest, SampleBlob.empty.digest])
      for blob in [SampleBlob.small, .large] {
        #expect(try await store.size(of: blob.digest) == nil)
        #expect(store.openIfAtHand(blob.digest) == nil)
        await #expect(throws: StorageError.blobUnknown(blob.digest)) { try await store.content(of: blob.digest) }
      }
      try await store.settle()
      #expect(try await store.list(after: nil, limit: 10).isEmpty)
    }
  }

  @Test(arguments: StoreKind.local)
  func `stay readable to who has opened them`(kind: StoreKind) async throws {
    try await kind.withLocalStore { store in
      try await store.publishWhole(.large)
      let open = try await store.open(SampleBlob.large.digest)
      try await store.remove([SampleBlob.large.digest])
      #expect(try open.content() == SampleBlob.large.bytes)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `can come again`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      for _ in 0..<3 {
        try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
        #expect(try await store.content(of: SampleBlob.small.digest) == SampleBlob.small.bytes)
        try await store.remove([SampleBlob.small.digest])
      }
    }
  }

  @Test(arguments: StoreKind.local, [SampleBlob.small, .large512])
  func `are out of readers' way in quarantine, until they are pushed again`(
    kind: StoreKind, blob: SampleBlob
  ) async throws {
    try await kind.withStore { store in
      try await store.publishWhole(blob)
      _ = try await store.open(blob.digest)
      try await store.quarantine(blob.digest)
      try await store.quarantine(blob.digest)
      #expect(try await store.size(of: blob.digest) == nil)
      #expect(try await store.list(after: nil, limit: 10).isEmpty)
      await #expect(throws: StorageError.blobUnknown(blob.digest)) { try await store.content(of: blob.digest) }
      try await store.publishWhole(blob)
      #expect(try await store.content(of: blob.digest) == blob.bytes)
    }
  }

  @Test func `keep their bytes in quarantine for a person to look at`() async throws {
    let disk = SimulatedDisk()
    let store = try LocalBlobStore(directory: "/data", disk: disk)
    try await store.publishWhole(.large)
    try await store.quarantine(SampleBlob.large.digest)
    #expect(disk.content("/data/quarantine/sha256-\(SampleBlob.large.digest.hex)") == SampleBlob.large.bytes)
  }
}
