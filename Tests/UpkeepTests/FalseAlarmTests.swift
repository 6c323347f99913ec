import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// A store that is wrong about its objects for a while: out of order, or behind a network that spoils what it carries.
@Suite struct `A sound blob that is taken for damaged` {
  private struct Stage {
    let machine: SimulatedMachine
    let objects: SimulatedObjects
    let registry: Registry
    let client: SimulatedClient
    let blob = SampleBlob(seed: 31, size: 300_000)
    let stored: StoredBlob

    var scrub: Scrub { Scrub(store: registry.store, rateBytes: 0) }
    var background: BackgroundScrub { BackgroundScrub(registry: registry, scrub: scrub, logger: .silent) }

    init() async throws {
      machine = try SimulatedMachine(keepsObjects: true)
      objects = try #require(machine.objects)
      registry = try await machine.start()
      client = try SimulatedClient(registry, "acme/api")
      try await client.upload(blob)
      let digest = blob.digest
      stored = try #require(try await machine.database.read { try $0.blob(digest) }).stored
    }

    func state() async throws -> BlobRow.State? {
      let digest = blob.digest
      return try await machine.database.read { try $0.blob(digest) }?.state
    }
  }

  @Test(arguments: [true, false])
  func `is given back to its readers once the store finds it again`(bySecondLook: Bool) async throws {
    let stage = try await Stage()
    let place = try #require(stage.stored.place)
    stage.objects.tamper(place, nil)
    while try await stage.background.step() {}
    #expect(try await stage.state() == .corrupt)
    #expect(try await stage.client.blob(stage.blob.digest) == nil)
    let look = SecondLook(registry: stage.registry, scrub: stage.scrub)
    #expect(try await look.step() == 0)
    stage.objects.tamper(place, stage.blob.bytes)
    if bySecondLook {
      #expect(try await look.step() == 1)
    } else {
      while try await stage.background.step() {}
    }
    #expect(try await stage.state() == .present)
    #expect(try await stage.client.blob(stage.blob.digest) == stage.blob.bytes)
    #expect(try await stage.machine.contradictions().isEmpty)
  }

  @Test func `stays where it is, when it is found sound as it is copied to the quarantine`() async throws {
    let stage = try await Stage()
    // Whoever looked saw other bytes than lie there.
    let isAside = try await stage.registry.setAside(stage.stored, because: "a test says so") { true }
    #expect(!isAside)
    #expect(try await stage.state() == .present)
    #expect(stage.objects.keys == [stage.stored.place])
    #expect(try await stage.client.blob(stage.blob.digest) == stage.blob.bytes)
  }

  @Test func `has its object kept, whatever was seen, until a push has brought another`() async throws {
    let stage = try await Stage()
    let place = try #require(stage.stored.place)
    stage.machine.damage(stage.stored)
    while try await stage.background.step() {}
    #expect(try await stage.state() == .corrupt)
    #expect(stage.objects.keys.contains(place))
    #expect(stage.objects.keys.contains { $0.hasPrefix("quarantine/") })
    let sweep = OrphanSweep(registry: stage.registry, logger: .silent)
    stage.machine.clock.advance(by: .seconds(30 * 3600))
    while try await sweep.step() {}
    #expect(stage.objects.keys.contains(place))
    try await stage.client.upload(stage.blob)
    while try await sweep.step() {}
    #expect(!stage.objects.keys.contains(place))
    #expect(try await stage.client.blob(stage.blob.digest) == stage.blob.bytes)
    #expect(try await stage.machine.contradictions().isEmpty)
  }

  @Test func `is not given back while its bytes are wrong`() async throws {
    let stage = try await Stage()
    stage.machine.damage(stage.stored)
    #expect(try await stage.registry.setAside(stage.stored, because: "it is") { true })
    #expect(try await SecondLook(registry: stage.registry, scrub: stage.scrub).step() == 0)
    #expect(try await stage.state() == .corrupt)
  }
}
