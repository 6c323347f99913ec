import BlobStorage
import Ground
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// Time passes over uploads to a real object store, which keeps and bills their parts until somebody gives them up.
@Suite struct `An upload that nobody goes on with` {
  private static let megabyte = 1 << 20

  @Test func `leaves nothing in the bucket a day later; one that goes on stays`() async throws {
    let clock = ManualClock()
    let installation = try await TestInstallation(.sqliteAndObjects)
    let parts = try await installation.open(time: clock)
    let bucket = try #require(installation.bucket)
    let metrics = Metrics()
    let registry = try await Registry(
      database: parts.database, store: parts.store, uploadsAreRows: true, time: clock, logger: .silent)
    let abandoned = AbandonedUploads(
      registry: registry, figures: ScrubFigures(metrics, registry), logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    let blob = SampleBlob(seed: 31, size: 7 * Self.megabyte)
    func begin() async throws -> UploadToken {
      let token = registry.beginUpload(permit: client.push)
      _ = try await registry.append(Pieces(blob.bytes.prefix(6 * Self.megabyte)), to: token, at: 0, AppendExtent())
      return token
    }
    func look() async throws -> Int {
      try await abandoned.expire()
      try await abandoned.giveUpUnfinished()
      return try await bucket.backdoor.unfinishedUploads().count
    }

    let left = try await begin()
    // Its process died before it could record that it had begun.
    let time = String(UInt64(clock.now.microseconds), radix: 16)
    let key = "blobs/" + String(repeating: "0", count: 16 - time.utf8.count) + time + "0123456789abcdef"
    try await Self.beginParts(of: key, in: bucket)
    clock.advance(by: .seconds(23 * 3600))
    let live = try await begin()
    #expect(try await look() == 3)
    #expect(metrics.text().contains("\nberth_scrub_unfinished_total 0\n"))

    clock.advance(by: .seconds(2 * 3600))
    #expect(try await look() == 1)
    #expect(metrics.text().contains("\nberth_scrub_unfinished_total 1\n"))
    await #expect(throws: RegistryError.self) { try await registry.upload(left.text, permit: client.push) }

    let rest = Pieces(blob.bytes.dropFirst(6 * Self.megabyte))
    _ = try await registry.append(rest, to: live, at: Int64(6 * Self.megabyte), AppendExtent())
    try await registry.finishUpload(live, as: blob.digest, permit: client.push)
    #expect(try await client.blob(blob.digest) == blob.bytes)
    #expect(try await look() == 0)
    await parts.close()
    try installation.remove()
  }

  private static func beginParts(of key: String, in bucket: ObjectStoreServer.Bucket) async throws {
    let client = try S3Client(
      S3Settings(location: try S3Location(parsing: bucket.location)),
      credentials: S3Credentials(accessKey: bucket.accessKey, secretKey: bucket.secretKey))
    _ = try await client.beginParts(of: key)
    try await client.shutdown()
  }

  /// More than a page of a store's list, and the oldest of them are still gone on with.
  @Test func `is found behind any number of others`() async throws {
    let machine = try SimulatedMachine(keepsObjects: true)
    let registry = try await machine.start()
    let objects = try #require(machine.objects)
    for number in 0..<7 {
      let time = String(UInt64(machine.clock.now.microseconds), radix: 16)
      _ = try await objects.beginParts(
        of: "blobs/" + String(repeating: "0", count: 16 - time.utf8.count) + time + "\(number)")
      machine.clock.advance(by: .seconds(8 * 3600))
    }
    #expect(objects.unfinishedCount == 7)
    try await AbandonedUploads(registry: registry, logger: .silent).giveUpUnfinished(pageLimit: 2)
    // Those of the last day.
    #expect(objects.unfinishedCount == 3)
  }
}
