import BlobStorage
import Metadata
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// Others leave a layer alone while it is read, and not for longer: its reader may have died.
@Suite struct `A layer that is being read` {
  /// Begins to read when it is told to.
  private struct HeldInspector: LayerInspector {
    let release: AsyncStream<Void>

    func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
      for await _ in release { break }
      return try await DirectInspector().inspect(layer)
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `is kept by its reader from time to time, and due again soon after the last sign of life`(
    kind: TestInstallation.Kind
  ) async throws {
    #expect(Upkeep.Inspection.layerTerm <= .seconds(120))
    #expect(Upkeep.Inspection.layerRenewal < Upkeep.Inspection.layerTerm)
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      while try await stage.registry.readDueFacts() > 0 {}
      let clock = ManualClock()
      let (release, held) = AsyncStream<Void>.makeStream()
      let work = Upkeep.Inspection(
        registry: stage.registry, inspector: HeldInspector(release: release), logger: .silent, time: clock)
      let database = stage.registry.database
      async let reading = work.step()
      await clock.waitForSleepers(1)
      // As if its time had run out.
      try await database.write { try $0.setDue([InspectionStage.base.digest], at: $0.now) }
      #expect(try await database.read { try $0.hasDueLayers() })
      clock.advance(by: Upkeep.Inspection.layerRenewal)
      await clock.waitForSleepers(1)
      #expect(try await database.read { try $0.hasDueLayers() } == false)
      held.yield()
      let count = try await reading
      #expect(count > 0)
      try await stage.inspect()
      #expect(try await stage.inventory(image).state == .inventoried)
    }
  }
}
