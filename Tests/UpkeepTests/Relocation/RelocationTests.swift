import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// A registry goes to other parts, and nothing that was acknowledged is lost.
@Suite struct `A move` {
  private static let image = SampleManifest.image(
    config: SampleBlob(seed: 21, size: 400),
    layers: [SampleBlob(seed: 22, size: 300_000), SampleBlob(seed: 23, size: 9)])
  private static let one = tag("one")
  private static let two = tag("two")
  private static let blobs = [
    SampleBlob(seed: 21, size: 400), SampleBlob(seed: 22, size: 300_000), SampleBlob(seed: 23, size: 9),
    SampleBlob(seed: 24, size: 20_000, .sha512),
  ]

  private static func tag(_ text: String) -> OCI.Tag {
    do { return try OCI.Tag(parsing: text) } catch { preconditionFailure("\(error)") }
  }

  @Test(arguments: [
    (TestInstallation.Kind.sqliteAndFiles, TestInstallation.Kind.postgresAndObjects),
    (.postgresAndObjects, .sqliteAndFiles), (.sqliteAndFiles, .sqliteAndObjects),
    (.sqliteAndObjects, .postgresAndFiles),
  ])
  func `takes everything along`(from: TestInstallation.Kind, to: TestInstallation.Kind) async throws {
    let ends = try await MoveEnds.open(from, to)
    for blob in Self.blobs { try await ends.client.upload(blob) }
    try await ends.client.push(Self.image, tags: [Self.one, Self.two])
    try await ends.client.deleteTag(Self.two)
    let outcome = try await ends.relocation().run()
    #expect(outcome.blobs == Self.blobs.count)
    #expect(outcome.damaged.isEmpty)
    let moved = try await ends.moved()
    for blob in Self.blobs { #expect(try await moved.blob(blob.digest) == blob.bytes) }
    #expect(try await moved.manifest(.tag(Self.one)) == Self.image.content.bytes)
    #expect(try await moved.manifest(.tag(Self.two)) == nil)
    // Keys that count go on after those that came.
    let other = SampleManifest.image(config: Self.blobs[0], layers: [], note: "later")
    try await moved.push(other, tags: [Self.tag("three")])
    #expect(try await moved.manifest(.digest(other.digest)) == other.content.bytes)
    try await ends.close()
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndObjects])
  func `seals the old place, which answers pulls and takes no pushes, until it is given up`(
    kind: TestInstallation.Kind
  ) async throws {
    let ends = try await MoveEnds.open(kind, .sqliteAndFiles)
    for blob in Self.blobs { try await ends.client.upload(blob) }
    try await ends.client.push(Self.image, tags: [Self.one])
    _ = try await ends.relocation().run()
    #expect(try await ends.client.blob(Self.blobs[1].digest) == Self.blobs[1].bytes)
    do {
      try await ends.client.put(SampleBlob(seed: 30, size: 10))
      Issue.record("a sealed database took a push")
    } catch DatabaseError.moved {}
    let isSealed = try await ends.source.database.read { try $0.isSealed() }
    #expect(isSealed)
    // Two places would take pushes from then on, so it must be said twice.
    await #expect(throws: Relocation.Refusal.self) { try await Relocation.abort(at: ends.source.database) }
    // Nor is it moved a second time, to a third place: what the second has taken since would be missing there.
    let third = try await MoveEnds.open(.sqliteAndFiles, .sqliteAndFiles)
    let store = ends.source.store
    let again = Relocation(
      from: Relocation.End(database: ends.source.database) { try await store.open($0) }, to: third.target.database,
      third.target.store)
    await #expect(throws: Relocation.Refusal.self) { _ = try await again.run() }
    try await third.close()
    #expect(try await ends.source.database.read { try $0.isMoved() })
    try await Relocation.abort(at: ends.source.database, evenIfEnded: true)
    try await ends.client.put(SampleBlob(seed: 30, size: 10))
    try await ends.close()
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndObjects])
  func `that has not ended is given up, and the old place is as it was`(kind: TestInstallation.Kind) async throws {
    let ends = try await MoveEnds.open(kind, .sqliteAndFiles)
    try await ends.client.put(Self.blobs[0])
    try await ends.source.database.write { try $0.seal() }
    await #expect(throws: DatabaseError.self) { try await ends.client.put(Self.blobs[3]) }
    #expect(try await !ends.source.database.read { try $0.isMoved() })
    try await Relocation.abort(at: ends.source.database)
    try await ends.client.put(Self.blobs[3])
    try await ends.close()
  }

  @Test func `goes on where it was interrupted, and copies no blob twice`() async throws {
    let ends = try await MoveEnds.open(.sqliteAndFiles, .postgresAndObjects)
    let blobs = (0..<20).map { SampleBlob(seed: 100 + $0, size: 2000) }.sorted { $0.digest < $1.digest }
    for blob in blobs { try await ends.client.put(blob) }
    let store = ends.source.store
    let failing = Relocation(
      from: Relocation.End(database: ends.source.database) { blob in
        if blob.digest == blobs[19].digest { throw CancellationError() }
        return try await store.open(blob)
      }, to: ends.target.database, ends.target.store)
    await #expect(throws: CancellationError.self) { try await failing.run() }
    let mark = try await ends.target.database.read { try $0.keepsake(Keepsake.moveFrom) }
    #expect(mark != nil)
    let outcome = try await ends.relocation().run()
    #expect((1..<10).contains(outcome.blobs))
    let moved = try await ends.moved()
    for blob in blobs { #expect(try await moved.blob(blob.digest) == blob.bytes) }
    try await ends.close()
  }

  @Test func `says which blobs were damaged, and the next push heals them`() async throws {
    let ends = try await MoveEnds.open(.sqliteAndFiles, .postgresAndObjects)
    for blob in Self.blobs { try await ends.client.upload(blob) }
    let row = try await ends.source.database.read { try $0.blob(Self.blobs[1].digest) }
    try await ends.source.store.remove([try #require(row).stored])
    let outcome = try await ends.relocation().run()
    #expect(outcome.damaged.count == 1)
    #expect(outcome.damaged.first?.contains(Self.blobs[1].digest.description) ?? false)
    let moved = try await ends.moved()
    #expect(try await moved.blob(Self.blobs[1].digest) == nil)
    try await moved.put(Self.blobs[1])
    #expect(try await moved.blob(Self.blobs[1].digest) == Self.blobs[1].bytes)
    try await ends.close()
  }

  @Test func `refuses a target that holds a registry`() async throws {
    let ends = try await MoveEnds.open(.sqliteAndFiles, .sqliteAndObjects)
    try await ends.client.put(Self.blobs[0])
    try await ends.moved().put(Self.blobs[1])
    await #expect(throws: Relocation.Refusal.self) { try await ends.relocation().run() }
    let isSealed = try await ends.source.database.read { try $0.isSealed() }
    #expect(!isSealed)
    try await ends.close()
  }
}
