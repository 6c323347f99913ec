import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing
import Upkeep

@Suite struct `The background scrub` {
  private func scrub(_ registry: Registry, _ metrics: Metrics = Metrics()) -> BackgroundScrub {
    BackgroundScrub(
      registry: registry, scrub: Scrub(store: registry.store, rateBytes: 0), figures: ScrubFigures(metrics, registry),
      logger: .silent)
  }

  @Test(arguments: [false, true])
  func `sets rotten bytes aside, readers are refused, and the next push heals them`(_ keepsObjects: Bool) async throws {
    let machine = try SimulatedMachine(keepsObjects: keepsObjects)
    let registry = try await machine.start()
    let client = try SimulatedClient(registry, "acme/api")
    let (rotten, sound) = (SampleBlob(seed: 1, size: 300_000), SampleBlob(seed: 2, size: 300_000))
    for blob in [rotten, sound] { try await client.upload(blob) }
    func row(_ blob: SampleBlob) async throws -> BlobRow? {
      try await machine.database.read { try $0.blob(blob.digest) }
    }
    machine.damage(try #require(try await row(rotten)).stored)
    let scrub = scrub(registry)
    while try await scrub.step() {}
    #expect(try await row(rotten)?.state == .corrupt)
    #expect(try await row(sound)?.state == .present)
    #expect(try await client.blob(rotten.digest) == nil)
    #expect(try await client.blob(sound.digest) == sound.bytes)
    if !keepsObjects {
      let aside = machine.disk.content("\(SimulatedMachine.directory)/quarantine/sha256-\(rotten.digest.hex)")
      #expect(aside?.count == rotten.bytes.count)
    }
    try await client.upload(rotten)
    #expect(try await client.blob(rotten.digest) == rotten.bytes)
    while try await scrub.step() {}
    #expect(try await row(rotten)?.state == .present)
    #expect(try await machine.contradictions().isEmpty)
  }

  @Test func `goes on in a later life where it had got to`() async throws {
    let machine = try SimulatedMachine()
    let registry = try await machine.start()
    let client = try SimulatedClient(registry, "acme/api")
    for seed in 0..<(Scrub.pageLimit + 2) { try await client.upload(SampleBlob(seed: UInt64(seed), size: 100)) }
    #expect(try await scrub(registry).step())
    let metrics = Metrics()
    #expect(try await scrub(try await machine.start(), metrics).step() == false)
    #expect(metrics.text().contains("\nberth_scrub_blobs_total 2\n"), "\(metrics.text())")
  }
}
