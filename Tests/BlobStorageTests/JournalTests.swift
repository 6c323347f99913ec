import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

@Suite struct `The journal` {
  let blobs = (0..<6).map { SampleBlob(seed: UInt64($0 + 10), size: $0 * 500, $0 % 2 == 0 ? .sha256 : .sha512) }

  @Test func `is replayed when a process ends without settling it`() async throws {
    let disk = SimulatedDisk()
    let first = try LocalBlobStore(directory: "/data", disk: disk)
    for blob in blobs { try await first.put(blob.buffer, as: blob.digest) }
    // Every file is lost: only what the journal has synced is there.
    disk.losePower(seed: 0)
    #expect(try disk.list("/data/journal") == ["1"])
    try await LocalBlobStore(directory: "/data", disk: disk).settle()
    #expect(try disk.list("/data/journal").isEmpty)
    disk.losePower(seed: 0)
    let second = try LocalBlobStore(directory: "/data", disk: disk)
    for blob in blobs {
      #expect(try await second.content(of: blob.digest) == blob.bytes)
    }
  }

  @Test(arguments: [(0, 0), (7, 0), (8, 0), (44, 0), (45, 1), (613, 1), (614, 2), (1650, 2)])
  func `is read up to its torn end`(cut: Int, whole: Int) async throws {
    let disk = SimulatedDisk()
    let first = try LocalBlobStore(directory: "/data", disk: disk)
    for blob in blobs { try await first.put(blob.buffer, as: blob.digest) }
    disk.losePower(seed: 0)
    let journal = try disk.open("/data/journal/1", .write)
    try journal.truncate(to: Int64(cut))
    let second = try LocalBlobStore(directory: "/data", disk: disk)
    // After the 8 bytes of the magic: the empty blob's record of 5 + 32, then one of 5 + 64 + 500.
    #expect(try await second.list(after: nil, limit: 10).count == whole)
    try await second.put(blobs[5].buffer, as: blobs[5].digest)
    #expect(try await second.content(of: blobs[5].digest) == blobs[5].bytes)
  }

  @Test func `ignores what was damaged in it`() async throws {
    let disk = SimulatedDisk()
    let first = try LocalBlobStore(directory: "/data", disk: disk)
    for blob in blobs { try await first.put(blob.buffer, as: blob.digest) }
    disk.losePower(seed: 0)
    disk.damage("/data/journal/1", at: 200, with: [1, 2, 3, 4])
    let second = try LocalBlobStore(directory: "/data", disk: disk)
    for stat in try await second.list(after: nil, limit: 10) {
      let digest = try #require(stat.digest)
      let bytes = try await second.content(of: digest)
      #expect(SampleBlob(bytes, digest.algorithm).digest == digest)
    }
  }

  @Test(
    arguments: [[], [0], [5, 0, 0, 0], [0, 0, 0, 0, 9], [255, 255, 255, 255, 1], [1, 0, 0, 0, 2, 1, 1]] as [[UInt8]])
  func `knows a record from other bytes`(bytes: [UInt8]) {
    #expect(bytes.withUnsafeBytes { Journal.record(in: $0) == nil })
    let longer = bytes + [UInt8](repeating: 0, count: 200)
    #expect(longer.withUnsafeBytes { Journal.record(in: $0) == nil })
  }

  @Test func `leaves no file behind when it is settled`() async throws {
    let disk = SimulatedDisk()
    let store = try LocalBlobStore(directory: "/data", disk: disk)
    for blob in blobs {
      try await store.put(blob.buffer, as: blob.digest)
      try await store.settle()
      #expect(try disk.list("/data/journal").isEmpty)
    }
    #expect(try disk.list("/data/uploads").isEmpty)
  }

  @Test func `leaves no files behind when the disk is full for a long time`() async throws {
    let disk = SimulatedDisk()
    let store = try LocalBlobStore(directory: "/data", disk: disk)
    for operation in 0..<4 {
      for _ in 0..<5 {
        disk.setFault(DiskFault(operation: operation, code: DiskFault.noSpace, lasts: true))
        await #expect(throws: DiskError.self) { try await store.put(blobs[1].buffer, as: blobs[1].digest) }
      }
    }
    disk.setFault(nil)
    try await store.settle()
    #expect(try disk.list("/data/journal").isEmpty)
    #expect(try disk.list("/data/uploads").isEmpty)
  }
}
