import NIOCore
import OCI
import TestSupport
import Testing

@testable import BlobStorage

/// What only a store of objects promises: one write for a blob, uploads that any process goes on with, keys used once.
@Suite struct `A store of objects` {
  static let megabyte = 1 << 20

  /// Two replicas over the same objects and the same ledger.
  private struct Pair {
    let objects = SimulatedObjects()
    let clock = ManualClock()
    let ledger: SimulatedLedger
    let first, second: S3BlobStore

    init() {
      ledger = SimulatedLedger(clock: clock)
      first = S3BlobStore(objects, ledger: ledger, bufferBytes: 64 << 20)
      second = S3BlobStore(objects, ledger: ledger, bufferBytes: 64 << 20)
    }

    func content(_ blob: StoredBlob) async throws -> [UInt8] { Array(buffer: try await first.open(blob).collect()) }
  }

  @Test(
    arguments: [
      0, 1, 300_000, (5 << 20) - 1, 5 << 20, (8 << 20) - 1, 8 << 20, (13 << 20) - 1, 13 << 20, (13 << 20) + 1, 40 << 20,
    ], [false, true])
  func `sends a stream of any size once`(size: Int, isLast: Bool) async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 7, size: size)
    let end = try await pair.first.append(
      Pieces(blob.bytes, by: 60_000), to: .sample(), at: 0, AppendExtent(isLast: isLast), limit: .max, hashing: .sha256)
    #expect(end == Int64(size))
    let stored = try await pair.second.publish(.sample(), as: blob.digest)
    #expect(try await pair.content(stored) == blob.bytes)
    #expect(pair.objects.bytesReceived == size)
    #expect(pair.objects.keys == [stored.place])
    #expect(pair.objects.unfinishedCount == 0)
    if size < (isLast ? 13 : 5) << 20 { #expect(pair.objects.calls.filter { $0 != "get" } == ["put"]) }
  }

  @Test(arguments: [100_000, 3 << 20, 6 << 20])
  func `takes chunks by turns through two replicas`(chunk: Int) async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 8, size: 20 << 20)
    var offset = 0
    var turn = 0
    while offset < blob.bytes.count {
      let piece = blob.bytes[offset..<min(offset + chunk, blob.bytes.count)]
      let store = turn % 2 == 0 ? pair.first : pair.second
      let end = try await store.append(
        Pieces(piece), to: .sample(), at: Int64(offset), AppendExtent(length: Int64(piece.count)), limit: .max,
        hashing: .sha256)
      offset += piece.count
      #expect(end == Int64(offset))
      turn += 1
    }
    let stored = try await pair.first.publish(.sample(), as: blob.digest)
    #expect(try await pair.content(stored) == blob.bytes)
    #expect(pair.objects.bytesReceived == blob.bytes.count)
  }

  /// Whoever sends what is to be all and hears of a failure may send more.
  @Test func `goes on after a stream that was to be all`() async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 9, size: 9 << 20)
    let bounds = [0, 1000, 2_000_000, 9 << 20]
    for (start, end) in zip(bounds, bounds.dropFirst()) {
      _ = try await pair.first.append(
        Pieces(blob.bytes[start..<end]), to: .sample(), at: Int64(start), AppendExtent(isLast: true), limit: .max,
        hashing: .sha256)
    }
    let stored = try await pair.second.publish(.sample(), as: blob.digest)
    #expect(try await pair.content(stored) == blob.bytes)
    #expect(pair.objects.keys == [stored.place])
  }

  @Test func `computes the digest again when another algorithm was announced`() async throws {
    let pair = Pair()
    for size in [10, 30 << 20] {
      let blob = SampleBlob(seed: 10, size: size, .sha512)
      let upload = UploadID.sample("size\(size)")
      try await pair.first.append(blob.bytes, to: upload)
      #expect(try await pair.content(pair.second.publish(upload, as: blob.digest)) == blob.bytes)
    }
  }

  @Test func `keeps what came of a stream that broke off, and publishes nothing else`() async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 11, size: 30 << 20)
    let cut = Pieces(blob.bytes.prefix(17 << 20), isCutShort: true)
    await #expect(throws: Pieces.Interrupted.self) {
      try await pair.first.append(cut, to: .sample(), at: 0, AppendExtent(), limit: .max, hashing: .sha256)
    }
    #expect(try await pair.second.offset(of: .sample()) == 17 << 20)
    try await pair.second.append(blob.bytes.dropFirst(17 << 20), to: .sample(), at: 17 << 20)
    #expect(try await pair.content(pair.first.publish(.sample(), as: blob.digest)) == blob.bytes)
  }

  @Test func `gives an upload to another replica when the claim of one that died has run out`() async throws {
    let pair = Pair()
    let (_, nothing) = try await pair.ledger.claim(.sample())
    #expect(nothing == nil)
    await #expect(throws: StorageError.uploadBusy) { try await pair.first.append([1, 2], to: .sample()) }
    pair.clock.advance(by: SimulatedLedger.claimTerm)
    try await pair.first.append([1, 2], to: .sample())
    let blob = SampleBlob([1, 2])
    #expect(try await pair.content(pair.first.publish(.sample(), as: blob.digest)) == [1, 2])
  }

  @Test func `publishes again what was published before the answer came`() async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 12, size: 20 << 20)
    try await pair.first.append(blob.bytes, to: .sample())
    let once = try await pair.first.publish(.sample(), as: blob.digest)
    let again = try await pair.second.publish(.sample(), as: blob.digest)
    #expect(once == again)
    #expect(try await pair.content(again) == blob.bytes)
  }

  /// Each call to the object store fails in turn, before or after it was done; the client asks where it stands and goes on.
  @Test(arguments: [false, true])
  func `loses nothing when any call fails once`(isAfter: Bool) async throws {
    let blob = SampleBlob(seed: 13, size: 15 << 20)
    for position in 0..<12 {
      let pair = Pair()
      pair.objects.setFault { number, _ in number == position ? (isAfter ? .after : .before) : nil }
      var stored: StoredBlob?
      for _ in 0..<4 where stored == nil {
        let start = try await pair.second.offset(of: .sample()) ?? 0
        do {
          if start < Int64(blob.bytes.count) {
            try await pair.first.append(blob.bytes.dropFirst(Int(start)), to: .sample(), at: start)
          }
          stored = try await pair.first.publish(.sample(), as: blob.digest)
        } catch is ObjectStoreError {}
      }
      let found = try #require(stored)
      pair.objects.setFault(nil)
      #expect(try await pair.content(found) == blob.bytes, "call \(position)")
      #expect(pair.ledger.forget(.sample()))
    }
  }

  @Test func `forgets an upload of which the store has lost a part, so that its client begins anew`() async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 15, size: 20 << 20)
    try await pair.first.append(blob.bytes, to: .sample())
    pair.objects.losePart(1)
    await #expect(throws: StorageError.uploadUnknown) { try await pair.second.publish(.sample(), as: blob.digest) }
    #expect(try await pair.second.uploads().isEmpty)
    #expect(pair.objects.unfinishedCount == 0)
    try await pair.first.append(blob.bytes, to: .sample("anew"))
    #expect(try await pair.content(pair.second.publish(.sample("anew"), as: blob.digest)) == blob.bytes)
  }

  /// A rule of the bucket gives them up, say. With bytes that wait for the last part, which is refused then, and without.
  @Test(arguments: [16 << 20, 20 << 20])
  func `forgets an upload that the store has given up, at its end and when more of it comes`(size: Int) async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 17, size: size)
    func giveUp() async throws {
      let known = try #require(try await pair.objects.listUploads(prefix: "", after: nil, limit: 10).objects.first)
      try await pair.objects.abortParts(of: known.place, upload: known.upload)
    }
    try await pair.first.append(blob.bytes, to: .sample())
    try await giveUp()
    await #expect(throws: StorageError.uploadUnknown) { try await pair.second.publish(.sample(), as: blob.digest) }
    #expect(try await pair.second.uploads().isEmpty)

    try await pair.first.append(blob.bytes, to: .sample("other"))
    try await giveUp()
    await #expect(throws: StorageError.uploadUnknown) {
      _ = try await pair.second.append(
        Pieces(blob.bytes), to: .sample("other"), at: Int64(size), AppendExtent(length: Int64(size)), limit: .max,
        hashing: .sha256)
    }
    #expect(try await pair.second.uploads().isEmpty)
    #expect(pair.objects.keys.isEmpty && pair.objects.unfinishedCount == 0)
  }

  @Test func `leaves no object and no row of an upload that is discarded, or has another digest`() async throws {
    for size in [1000, 20 << 20] {
      let pair = Pair()
      let blob = SampleBlob(seed: 14, size: size)
      try await pair.first.append(blob.bytes, to: .sample())
      try await pair.second.discard(.sample())
      try await pair.first.append(blob.bytes, to: .sample("other"))
      let claimed = SampleBlob.small.digest
      await #expect(throws: StorageError.digestMismatch(expected: claimed, actual: blob.digest)) {
        try await pair.second.publish(.sample("other"), as: claimed)
      }
      #expect(pair.objects.keys.isEmpty)
      #expect(pair.objects.unfinishedCount == 0)
      #expect(try await pair.first.uploads().isEmpty)
    }
  }

  @Test(arguments: [0, 1000, 20 << 20])
  func `keeps the bytes of a damaged blob aside, and its object until it is healed`(size: Int) async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 15, size: size + 1)
    let stored = try await pair.first.put(blob.buffer, as: blob.digest)
    let place = try #require(stored.place)
    let damaged = Array(blob.bytes.dropLast())
    pair.objects.tamper(place, damaged)
    for _ in 0..<2 { #expect(try await pair.first.quarantine(stored)) }
    let aside = try #require(pair.objects.keys.first { $0.contains(blob.digest.hex) })
    #expect(aside.hasPrefix("quarantine/sha256-"))
    #expect(pair.objects.content(aside) == damaged)
    #expect(pair.objects.content(place) == damaged)
    pair.objects.tamper(place, nil)
    #expect(try await pair.first.quarantine(stored))
  }

  @Test(arguments: [0, 1000, 20 << 20])
  func `leaves a blob where it is that turns out to be sound`(size: Int) async throws {
    let pair = Pair()
    let blob = SampleBlob(seed: 15, size: size)
    let stored = try await pair.first.put(blob.buffer, as: blob.digest)
    #expect(try await !pair.first.quarantine(stored))
    #expect(pair.objects.keys == [stored.place])
    #expect(pair.objects.unfinishedCount == 0)
  }

  @Test func `takes nothing for lost while an object misses that is always there`() async throws {
    let objects = SimulatedObjects()
    let store = S3BlobStore(objects, ledger: SimulatedLedger(), bufferBytes: 1, witness: "name")
    let blob = SampleBlob(seed: 15, size: 1000)
    let stored = try await store.put(blob.buffer, as: blob.digest)
    objects.tamper(try #require(stored.place), nil)
    func isTold(_ body: () async throws -> Void) async throws -> Bool {
      do { try await body() } catch ObjectStoreError.unavailable(let reason) { return reason.contains("another one") }
      return false
    }
    #expect(try await isTold { _ = try await store.size(of: stored) })
    #expect(try await isTold { _ = try await store.openForExamination(stored) })
    #expect(try await isTold { _ = try await store.open(stored).collect() })
    objects.tamper("name", [1])
    #expect(try await store.size(of: stored) == nil)
    await #expect(throws: StorageError.blobUnknown(blob.digest)) { _ = try await store.open(stored).collect() }
    await #expect(throws: StorageError.blobUnknown(blob.digest)) { _ = try await store.openForExamination(stored) }
  }

  @Test func `holds no more than its buffers however many push`() async throws {
    let objects = SimulatedObjects()
    let store = S3BlobStore(objects, ledger: SimulatedLedger(), bufferBytes: 1)
    let blob = SampleBlob(seed: 16, size: 14 << 20)
    try await withThrowingTaskGroup { group in
      for number in 0..<6 {
        group.addTask {
          let upload = UploadID.sample("many\(number)")
          try await store.append(blob.bytes, to: upload)
          _ = try await store.publish(upload, as: blob.digest)
        }
      }
      try await group.waitForAll()
    }
    #expect(store.bufferedBytes == 0)
    #expect(objects.keys.count == 6)
  }
}
