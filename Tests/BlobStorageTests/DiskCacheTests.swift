import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

@testable import BlobStorage

/// Blobs that are only to be had over a network, in pieces; counts how often.
private final class FarStore: Sendable {
  let blobs: [SampleBlob]
  let fetches = Atomic<Int>(0)

  init(_ blobs: [SampleBlob]) { self.blobs = blobs }

  func body(of blob: StoredBlob, isCutShort: Bool = false) throws -> BlobBody {
    guard let found = blobs.first(where: { $0.digest == blob.digest }) else {
      throw StorageError.blobUnknown(blob.digest)
    }
    return .remote(
      RemoteBlob(blob) { range in
        self.fetches.wrappingAdd(1, ordering: .relaxed)
        return BlobChunks(
          Pieces(found.bytes[Int(range.first)...Int(range.last)], by: 10_000, isCutShort: isCutShort))
      })
  }
}

@Suite struct `The disk cache` {
  private func stored(_ blob: SampleBlob) -> StoredBlob {
    StoredBlob(digest: blob.digest, sizeBytes: Int64(blob.bytes.count), place: "somewhere")
  }

  private func pull(_ blob: SampleBlob, through cache: DiskCache, from far: FarStore) async throws -> [UInt8] {
    let stored = stored(blob)
    if let file = cache.open(stored) { return try file.content() }
    guard case .remote(let remote) = try far.body(of: stored) else { return [] }
    let filling = try #require(cache.beginFilling(stored))
    var bytes: [UInt8] = []
    for try await chunk in try await remote.chunks(ByteRange(first: 0, last: stored.sizeBytes - 1)) {
      filling.append(chunk)
      bytes += Array(buffer: chunk)
    }
    filling.end()
    return bytes
  }

  @Test func `has what was pulled whole, also in a later life`() async throws {
    let directory = try temporaryDirectory() + "/cache"
    let far = FarStore([.large, .small512])
    let cache = try DiskCache(directory: directory, limitBytes: 1 << 20)
    for blob in far.blobs {
      for _ in 0..<3 { #expect(try await pull(blob, through: cache, from: far) == blob.bytes) }
    }
    #expect(far.fetches.load(ordering: .relaxed) == 2)
    #expect(cache.figures.hits == 4)
    let later = try DiskCache(directory: directory, limitBytes: 1 << 20)
    #expect(try await pull(.large, through: later, from: far) == SampleBlob.large.bytes)
    #expect(far.fetches.load(ordering: .relaxed) == 2)
  }

  @Test func `stays within its bound, and drops what was used least`() async throws {
    let directory = try temporaryDirectory() + "/cache"
    let blobs = (0..<10).map { SampleBlob(seed: $0, size: 40_000) }
    let far = FarStore(blobs)
    let cache = try DiskCache(directory: directory, limitBytes: 200_000)
    for blob in blobs {
      _ = try await pull(blob, through: cache, from: far)
      _ = try await pull(blobs[0], through: cache, from: far)
      #expect(cache.figures.sizeBytes <= 200_000)
    }
    #expect(cache.open(stored(blobs[0])) != nil)
    #expect(cache.open(stored(blobs[2])) == nil)
    #expect(try LocalDisk().list(directory).count == 5)
  }

  @Test func `keeps nothing that came in part or has another digest`() async throws {
    let directory = try temporaryDirectory() + "/cache"
    let cache = try DiskCache(directory: directory, limitBytes: 1 << 20)
    let part = try #require(cache.beginFilling(stored(.large)))
    part.append(ByteBuffer(bytes: SampleBlob.large.bytes.dropLast()))
    part.end()
    let other = try #require(cache.beginFilling(stored(.small)))
    other.append(ByteBuffer(repeating: 0, count: SampleBlob.small.bytes.count))
    other.end()
    #expect(cache.open(stored(.large)) == nil)
    #expect(cache.open(stored(.small)) == nil)
  }

  @Test func `is written by one reader at a time`() async throws {
    let directory = try temporaryDirectory() + "/cache"
    let cache = try DiskCache(directory: directory, limitBytes: 1 << 20)
    var first = cache.beginFilling(stored(.large))
    #expect(first != nil)
    #expect(cache.beginFilling(stored(.large)) == nil)
    first = nil
    #expect(cache.beginFilling(stored(.large)) != nil)
    #expect(try LocalDisk().list(directory) == [])
  }

  @Test func `forgets what was removed, and leaves those who read it`() async throws {
    let directory = try temporaryDirectory() + "/cache"
    let cache = try DiskCache(directory: directory, limitBytes: 1 << 20)
    _ = try await pull(.large, through: cache, from: FarStore([.large]))
    let open = try #require(cache.open(stored(.large)))
    cache.forget(SampleBlob.large.digest)
    #expect(cache.open(stored(.large)) == nil)
    #expect(try open.content() == SampleBlob.large.bytes)
    #expect(try LocalDisk().list(directory) == [])
  }
}
