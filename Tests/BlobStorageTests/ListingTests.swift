import BlobStorage
import OCI
import TestSupport
import Testing

@Suite struct `The list of blobs` {
  static let blobs = (0..<40).map { SampleBlob(seed: UInt64($0), size: $0 * 3, $0 % 4 == 0 ? .sha512 : .sha256) }

  @Test(arguments: StoreKind.local, [1, 7, 39, 40, 100])
  func `comes in pages, in the order of the digests' text`(kind: StoreKind, limit: Int) async throws {
    try await kind.withLocalStore { store in
      for blob in Self.blobs { try await store.put(blob.buffer, as: blob.digest) }
      var seen: [ListedBlob] = []
      while true {
        let page = try await store.list(after: seen.last?.name, limit: limit)
        #expect(page.count <= limit)
        if page.isEmpty { break }
        seen += page
      }
      let expected = Self.blobs.map {
        ListedBlob(name: $0.digest.description, digest: $0.digest, place: nil, sizeBytes: Int64($0.bytes.count))
      }
      // When they were written is the disk's matter.
      let found = seen.map { ListedBlob(name: $0.name, digest: $0.digest, place: $0.place, sizeBytes: $0.sizeBytes) }
      #expect(found == expected.sorted { $0.name < $1.name })
    }
  }

  @Test(arguments: StoreKind.local)
  func `begins after a digest that is not there`(kind: StoreKind) async throws {
    try await kind.withLocalStore { store in
      let sorted = Self.blobs.sorted { $0.digest < $1.digest }
      for blob in sorted where blob != sorted[5] { try await store.put(blob.buffer, as: blob.digest) }
      #expect(try await store.list(after: sorted[5].digest, limit: 1).map(\.digest) == [sorted[6].digest])
    }
  }

  @Test(arguments: StoreKind.local)
  func `is empty in an empty store`(kind: StoreKind) async throws {
    try await kind.withLocalStore { store in
      let found = try await store.list(after: nil, limit: 5)
      #expect(found.isEmpty)
    }
  }

  @Test func `leaves out files that no store made`() async throws {
    let disk = SimulatedDisk()
    let store = try LocalBlobStore(directory: "/data", disk: disk)
    try await store.settle()
    for name in ["notes", "aa.tmp", String(repeating: "g", count: 64)] {
      _ = try disk.open("/data/blobs/sha256/aa/\(name)", .create)
    }
    #expect(try await store.list(after: nil, limit: 5).isEmpty)
  }
}
