import BlobStorage
import Ground
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// What operators see of collection.
@Suite struct `The figures of collection` {
  @Test func `tell what was freed`() async throws {
    let clock = ManualClock()
    let installation = try await TestInstallation(.sqliteAndFiles)
    let parts = try await installation.open(time: clock)
    var settings = Registry.Settings()
    settings.lease = .seconds(60)
    let registry = try await Registry(
      database: parts.database, store: parts.store, settings: settings, time: clock, logger: .silent)
    let metrics = Metrics()
    let collection = Upkeep.Collection(
      registry: registry, settings: .init(untaggedAfter: .seconds(60)), figures: CollectionFigures(metrics),
      logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    let config = SampleBlob(seed: 51, size: 90)
    let layer = SampleBlob(seed: 52, size: 120_000)
    let alone = SampleBlob(seed: 53, size: 700)
    for blob in [config, layer, alone] { try await client.upload(blob) }
    try await client.push(SampleManifest.image(config: config, layers: [layer]), tags: [])
    func collectAll() async throws -> String {
      clock.advance(by: .seconds(3600))
      while let plan = try await collection.plan() { try await collection.carryOut(plan) }
      return metrics.text()
    }
    let untouched = metrics.text()
    for name in ["manifests", "links", "blobs", "freed_bytes"] {
      #expect(untouched.contains("\nberth_collection_\(name)_total 0\n"))
    }
    _ = try await collectAll()
    let text = try await collectAll()
    #expect(text.contains("\nberth_collection_manifests_total 1\n"), "\(text)")
    #expect(text.contains("\nberth_collection_links_total 3\n"), "\(text)")
    #expect(text.contains("\nberth_collection_blobs_total 3\n"), "\(text)")
    #expect(text.contains("\nberth_collection_freed_bytes_total 120790\n"), "\(text)")
    // There is nothing more.
    let again = try await collectAll()
    #expect(again.contains("\nberth_collection_freed_bytes_total 120790\n"), "\(again)")
    await parts.close()
    try installation.remove()
  }
}
