import BlobStorage
import OCI
import TestSupport
import Testing

@Suite struct `An upload` {
  let blob = SampleBlob.large

  @Test(arguments: StoreKind.allCases, [SampleBlob.empty, .small, .large, .small512, .large512])
  func `becomes a blob when it is published`(kind: StoreKind, blob: SampleBlob) async throws {
    try await kind.withStore { store in
      let end = try await store.append(
        Pieces(blob.bytes), to: .sample(), at: 0, AppendExtent(length: Int64(blob.bytes.count)), limit: .max,
        hashing: blob.digest.algorithm)
      #expect(end == Int64(blob.bytes.count))
      #expect(try await store.publish(.sample(), as: blob.digest).sizeBytes == end)
      #expect(try await store.content(of: blob.digest) == blob.bytes)
      #expect(try await store.offset(of: .sample()) == nil)
      #expect(try await store.uploads().isEmpty)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `is hashed again when another algorithm is asked for than was announced`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.publishWhole(.large512)
      #expect(try await store.content(of: SampleBlob.large512.digest) == SampleBlob.large512.bytes)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `goes on where it ended`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      var offset: Int64 = 0
      for end in [1, 5000, 120_000, 200_000] {
        offset = try await store.append(blob.bytes[Int(offset)..<end], to: .sample(), at: offset)
        #expect(offset == Int64(end))
        #expect(try await store.offset(of: .sample()) == offset)
      }
      _ = try await store.publish(.sample(), as: blob.digest)
      #expect(try await store.content(of: blob.digest) == blob.bytes)
    }
  }

  @Test func `goes on in a later life of the process`() async throws {
    let disk = SimulatedDisk()
    let first = try LocalBlobStore(directory: "/data", disk: disk)
    try await first.append(blob.bytes.prefix(70_000), to: .sample())
    disk.endProcess()
    let second = try LocalBlobStore(directory: "/data", disk: disk)
    #expect(try await second.uploads() == [.sample()])
    #expect(try await second.offset(of: .sample()) == 70_000)
    try await second.append(blob.bytes.dropFirst(70_000), to: .sample(), at: 70_000)
    _ = try await second.publish(.sample(), as: blob.digest)
    #expect(try await second.content(of: blob.digest) == blob.bytes)
  }

  @Test(arguments: StoreKind.allCases, [0, 10, 5001, 9000] as [Int64])
  func `refuses bytes that do not begin at its end`(kind: StoreKind, offset: Int64) async throws {
    try await kind.withStore { store in
      try await store.append(blob.bytes.prefix(5000), to: .sample())
      await #expect(throws: StorageError.offsetMismatch(current: 5000)) {
        try await store.append(blob.bytes.dropFirst(5000), to: .sample(), at: offset)
      }
      try await store.append(blob.bytes.dropFirst(5000), to: .sample(), at: 5000)
      _ = try await store.publish(.sample(), as: blob.digest)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `keeps what came before its client went away`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      let cut = Pieces(blob.bytes.prefix(40_000), by: 10_000, isCutShort: true)
      await #expect(throws: Pieces.Interrupted.self) {
        try await store.append(cut, to: .sample(), at: 0, AppendExtent(length: 200_000), limit: .max, hashing: .sha256)
      }
      #expect(try await store.offset(of: .sample()) == 40_000)
      try await store.append(blob.bytes.dropFirst(40_000), to: .sample(), at: 40_000)
      _ = try await store.publish(.sample(), as: blob.digest)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `is discarded when it does not have the digest`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.append(blob.bytes, to: .sample())
      let claimed = SampleBlob.small.digest
      await #expect(throws: StorageError.digestMismatch(expected: claimed, actual: blob.digest)) {
        try await store.publish(.sample(), as: claimed)
      }
      #expect(try await store.size(of: claimed) == nil)
      #expect(try await store.size(of: blob.digest) == nil)
      #expect(try await store.offset(of: .sample()) == nil)
      await #expect(throws: StorageError.uploadUnknown) { try await store.publish(.sample(), as: blob.digest) }
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `is unknown before its first byte`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      #expect(try await store.offset(of: .sample()) == nil)
      await #expect(throws: StorageError.uploadUnknown) { try await store.publish(.sample(), as: blob.digest) }
      try await store.discard(.sample())
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `is forgotten when it is discarded`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.append(blob.bytes.prefix(100), to: .sample())
      try await store.append(blob.bytes.prefix(100), to: .sample("upload2"))
      try await store.discard(.sample())
      #expect(try await store.uploads() == [.sample("upload2")])
      try await store.publishWhole(blob)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `may replace a blob that is there`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.publishWhole(blob, through: .sample("one"))
      try await store.publishWhole(blob, through: .sample("two"))
      #expect(try await store.content(of: blob.digest) == blob.bytes)
      #expect(try await store.list(after: nil, limit: 10).count == 1)
    }
  }
}
