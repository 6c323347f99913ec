import BlobStorage
import OCI
import TestSupport
import Testing

@Suite struct `The limit of an upload` {
  let blob = SampleBlob.large

  @Test(arguments: StoreKind.allCases)
  func `refuses an announced length before a byte is stored`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      await #expect(throws: StorageError.tooLarge(limit: 199_999)) {
        try await store.append(
          Pieces(blob.bytes), to: .sample(), at: 0, AppendExtent(length: 200_000), limit: 199_999, hashing: .sha256)
      }
      let end = try await store.offset(of: .sample())
      #expect(end ?? 0 == 0)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `refuses what comes without being announced`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      await #expect(throws: StorageError.tooLarge(limit: 50_000)) {
        try await store.append(
          Pieces(blob.bytes), to: .sample(), at: 0, AppendExtent(), limit: 50_000, hashing: .sha256)
      }
      let end = try await store.offset(of: .sample())
      #expect(end ?? 0 <= 50_000)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `lets exactly as much in`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.append(blob.bytes.prefix(150_000), to: .sample())
      let end = try await store.append(
        Pieces(blob.bytes.dropFirst(150_000)), to: .sample(), at: 150_000, AppendExtent(length: 50_000), limit: 200_000,
        hashing: .sha256)
      #expect(end == 200_000)
      _ = try await store.publish(.sample(), as: blob.digest)
    }
  }

  @Test func `lets one request at a time work on an upload`() throws {
    try SeededExecutor.run(seed: 1) { [blob] in
      let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
      let gate = Pieces(blob.bytes, by: 1000)
      async let first = store.append(
        gate, to: .sample(), at: 0, AppendExtent(), limit: .max, hashing: .sha256)
      while try await store.offset(of: .sample()) ?? 0 == 0 { await Task.yield() }
      await #expect(throws: StorageError.uploadBusy) { try await store.append(blob.bytes, to: .sample()) }
      await #expect(throws: StorageError.uploadBusy) { try await store.publish(.sample(), as: blob.digest) }
      await #expect(throws: StorageError.uploadBusy) { try await store.discard(.sample()) }
      #expect(try await first == 200_000)
      _ = try await store.publish(.sample(), as: blob.digest)
      #expect(try await store.content(of: blob.digest) == blob.bytes)
    }
  }
}
