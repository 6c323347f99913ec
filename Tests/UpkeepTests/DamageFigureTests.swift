import BlobStorage
import Ground
import Metadata
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// The figure that operators are told to be alarmed by.
@Suite struct `A blob whose bytes went behind our back` {
  @Test(arguments: [true, false])
  func `is counted once, whether a reader or the scrub comes upon it`(isRead: Bool) async throws {
    let installation = try await TestInstallation(.sqliteAndFiles)
    let parts = try await installation.open()
    let registry = try await Registry(database: parts.database, store: parts.store, logger: .silent)
    let metrics = Metrics()
    let figures = ScrubFigures(metrics, registry)
    let scrub = BackgroundScrub(
      registry: registry, scrub: Scrub(store: parts.store, rateBytes: 0), figures: figures, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    let blob = SampleBlob(seed: 22, size: 300_000)
    try await client.upload(blob)
    while try await scrub.step() {}
    #expect(metrics.text().contains("\nberth_scrub_corrupt_total 0\n"))

    let row = try await parts.database.read { try $0.blob(blob.digest) }
    try await parts.store.remove([try #require(row).stored])
    if isRead { #expect(try await client.blob(blob.digest) == nil) }
    while try await scrub.step() {}
    #expect(metrics.text().contains("\nberth_scrub_corrupt_total 1\n"), "\(metrics.text())")
    await parts.close()
    try installation.remove()
  }
}
