import Metadata
import OCI
import TestSupport
import Testing
import Upkeep

/// A move ends in the middle, as by `kill -9`, and is begun again.
@Suite struct `A killed move` {
  private static let blobs = [
    SampleBlob(seed: 61, size: 400), SampleBlob(seed: 62, size: 90_000), SampleBlob(seed: 63, size: 20_000, .sha512),
  ]

  /// Each of its transactions is the last one once: the beginning, a blob, the sealing, the rows of each table, both ends.
  @Test(arguments: [
    (TestInstallation.Kind.sqliteAndFiles, TestInstallation.Kind.postgresAndObjects),
    (.postgresAndObjects, .sqliteAndFiles),
  ])
  func `goes on after whichever step it was, and nothing is lost`(
    from: TestInstallation.Kind, to: TestInstallation.Kind
  ) async throws {
    let ends = try await MoveEnds.open(from, to)
    let image = SampleManifest.image(config: Self.blobs[0], layers: [Self.blobs[1]])
    let (kept, deleted) = (try OCI.Tag(parsing: "kept"), try OCI.Tag(parsing: "deleted"))
    for blob in Self.blobs { try await ends.client.upload(blob) }
    try await ends.client.push(image, tags: [kept, deleted])
    try await ends.client.deleteTag(deleted)
    var pushed = Self.blobs
    var kills = 0
    var sawSealed = false
    var sawMoved = false
    while true {
      do {
        _ = try await ends.relocation(within: Lifetime(writes: kills)).run()
        break
      } catch is Lifetime.Ended { kills += 1 }
      try #require(kills < 500, "it never ends")
      // The old place answers pulls meanwhile, and takes pushes until it is sealed.
      #expect(try await ends.client.manifest(.tag(kept)) == image.content.bytes)
      let (isSealed, isMoved) = try await ends.source.database.read { (try $0.isSealed(), try $0.isMoved()) }
      (sawSealed, sawMoved) = (sawSealed || isSealed, sawMoved || isMoved)
      if isSealed {
        await #expect(throws: DatabaseError.self) { try await ends.client.put(SampleBlob(seed: 999, size: 10)) }
      } else {
        pushed.append(SampleBlob(seed: 100 + UInt64(kills), size: 300))
        try await ends.client.put(pushed[pushed.count - 1])
      }
    }
    #expect(kills > 10 && sawSealed && sawMoved, "\(kills)")
    let moved = try await ends.moved()
    for blob in pushed { #expect(try await moved.blob(blob.digest) == blob.bytes) }
    #expect(try await moved.manifest(.tag(kept)) == image.content.bytes)
    #expect(try await moved.manifest(.tag(deleted)) == nil)
    #expect(try await ends.target.database.read { try $0.inconsistencies(limit: 1) }.isEmpty)
    // It takes pushes, and keys that count go on after those that came.
    let later = SampleManifest.image(config: Self.blobs[0], layers: [], note: "later")
    try await moved.push(later, tags: [deleted])
    #expect(try await moved.manifest(.tag(deleted)) == later.content.bytes)
    try await ends.close()
  }
}
