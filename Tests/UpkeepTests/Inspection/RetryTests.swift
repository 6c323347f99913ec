import BlobStorage
import Ground
import Metadata
import Synchronization
import TestSupport
import Testing

@testable import RegistryCore
@testable import Upkeep

/// What could not be read is said with its reason, and tried again.
@Suite struct `A layer that could not be read` {
  /// Fails as a worker does that was ended, so many times.
  private final class FailingInspector: LayerInspector {
    let failures: Int
    private let count = Mutex(0)
    var tries: Int { count.withLock { $0 } }

    init(failures: Int) { self.failures = failures }

    func inspect(_ layer: BlobBody) async throws -> InspectedLayer {
      let number = count.withLock { count in
        count += 1
        return count
      }
      guard number > failures else { throw InspectionFailure("the worker was ended by signal 9", isLasting: false) }
      return try await DirectInspector().inspect(layer)
    }
  }

  private static let kinds: [TestInstallation.Kind] = [.sqliteAndFiles, .postgresAndFiles]

  /// As if its time had come, which is not yet.
  private static func passTime(_ stage: InspectionStage) async throws {
    let database = stage.registry.database
    #expect(try await database.read { try $0.hasDueLayers() } == false)
    try await database.write { try $0.setDue([InspectionStage.base.digest], at: $0.now) }
  }

  @Test(arguments: kinds) func `is read later, and its image is judged as if nothing had been`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      try await stage.bring([InspectionStage.advisory()])
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let inspector = FailingInspector(failures: 1)
      try await stage.inspect(by: inspector)
      #expect(try await stage.inventory(image).state == .failed)
      #expect(
        try await stage.inventory(image).reason
          == "its layer \(InspectionStage.base.digest): the worker was ended by signal 9")
      try await Self.passTime(stage)
      try await stage.inspect(by: inspector)
      #expect(inspector.tries == 2)
      #expect(try await stage.inventory(image).state == .inventoried)
      #expect(try await stage.inventory(image).reason == nil)
      #expect(try await stage.findings(image).map(\.vulnerability) == ["CVE-2026-1"])
    }
  }

  @Test(arguments: kinds) func `however often stays so, with its reason, until another version reads`(
    kind: TestInstallation.Kind
  ) async throws {
    try await InspectionStage.run(over: kind) { stage in
      let image = try await stage.push([InspectionStage.base], as: .sample("1"))
      let inspector = FailingInspector(failures: .max)
      try await stage.inspect(by: inspector)
      for _ in 0..<Upkeep.Inspection.tryLimit {
        try await Self.passTime(stage)
        try await stage.inspect(by: inspector)
        #expect(try await stage.inventory(image).state == .failed)
      }
      #expect(inspector.tries == 1 + Upkeep.Inspection.tryLimit)
      // What nobody waits for is not due at any time.
      try await Self.passTime(stage)
      try await stage.inspect(by: inspector)
      #expect(inspector.tries == 1 + Upkeep.Inspection.tryLimit)
      let row = try await stage.inventory(image)
      let state = try #require(try await stage.registry.database.read { try $0.layerStates(ofImage: row.key) }.first)
      #expect(state.state == "failed")
      #expect(state.reason == "the worker was ended by signal 9")
      #expect(try await stage.registry.database.read { try $0.inspectionCounts() }.layersFailed == 1)
      // Another set of cataloguers has it read again.
      try await stage.registry.database.write { _ = try $0.renewLayers(revisionBelow: .max, limit: 10) }
      try await stage.inspect()
      #expect(try await stage.inventory(image).state == .inventoried)
    }
  }
}
