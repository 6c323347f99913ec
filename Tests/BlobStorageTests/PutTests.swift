import BlobStorage
import OCI
import TestSupport
import Testing

@Suite struct `Blobs that arrive whole` {
  static let sizes = [0, 1, 700, 65_535, 65_536]

  @Test(arguments: StoreKind.allCases, sizes)
  func `are readable once put`(kind: StoreKind, size: Int) async throws {
    try await kind.withStore { store in
      for algorithm in Digest.Algorithm.allCases {
        let blob = SampleBlob(seed: 5, size: size, algorithm)
        try await store.put(blob.buffer, as: blob.digest)
        #expect(try await store.content(of: blob.digest) == blob.bytes)
        #expect(try await store.size(of: blob.digest) == Int64(size))
      }
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `may be put again`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      for _ in 0..<3 { try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest) }
      #expect(try await store.content(of: SampleBlob.small.digest) == SampleBlob.small.bytes)
      #expect(try await store.list(after: nil, limit: 10).count == 1)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `do not count as uploads`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
      #expect(try await store.uploads().isEmpty)
    }
  }

  @Test(arguments: StoreKind.local)
  func `stay readable when the journal is settled, and free it`(kind: StoreKind) async throws {
    try await kind.withLocalStore { store in
      for _ in 0..<2 {
        try await store.put(SampleBlob.small.buffer, as: SampleBlob.small.digest)
        try await store.put(SampleBlob.small512.buffer, as: SampleBlob.small512.digest)
        #expect(store.journalSizeBytes > 0)
        try await store.settle()
        #expect(store.journalSizeBytes == 0)
      }
      #expect(try await store.content(of: SampleBlob.small.digest) == SampleBlob.small.bytes)
      #expect(try await store.content(of: SampleBlob.small512.digest) == SampleBlob.small512.bytes)
    }
  }

  @Test(arguments: StoreKind.allCases)
  func `may be put by many at the same time`(kind: StoreKind) async throws {
    try await kind.withStore { store in
      let blobs = (0..<150).map { SampleBlob(seed: UInt64($0 % 100), size: 40 + $0 % 100) }
      try await withThrowingTaskGroup { group in
        for blob in blobs { group.addTask { _ = try await store.put(blob.buffer, as: blob.digest) } }
        group.addTask { for _ in 0..<20 { try await store.settle() } }
        try await group.waitForAll()
      }
      for blob in blobs { #expect(try await store.content(of: blob.digest) == blob.bytes) }
      #expect(try await store.list(after: nil, limit: 1000).count == Set(blobs).count)
    }
  }
}
