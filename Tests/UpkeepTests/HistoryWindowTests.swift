import Access
import Ground
import Metadata
import OCI
import TestSupport
import Testing
import Upkeep

@testable import RegistryCore

/// What is kept where nobody has said how long: 20 states, 30 days, and for a year what an environment ran.
@Suite struct `History without a rule` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let day: Duration = .seconds(86_400)

  private static func image(_ number: Int) -> SampleManifest {
    SampleManifest.image(config: config, layers: [], note: "\(number)")
  }

  private struct Stage {
    let machine: SimulatedMachine
    let registry: Registry
    let client: SimulatedClient

    /// Time passes, and upkeep does what is due; what is left of the tag's history, the newest first.
    func history(of tag: String, after days: Int64) async throws -> [Digest?] {
      machine.clock.advance(by: .seconds(days * 86_400))
      let care = TagCare(registry: registry, logger: .silent)
      while try await care.step() {}
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
      return try await registry.history(
        of: .sample(tag), TagEventFilter(), before: nil, limit: 100, permit: client.pull
      ).map(\.to)
    }
  }

  private static func onStage(_ body: @escaping @Sendable (Stage) async throws -> Void) throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      let client = try SimulatedClient(registry, "acme/api")
      try await client.put(config)
      try await body(Stage(machine: machine, registry: registry, client: client))
    }
  }

  @Test func `keeps everything of 30 days, then the last 20 states of a tag, and nothing of one that was deleted`()
    throws
  {
    #expect(HistoryRule().json == ["states": 20, "days": 30, "environmentDays": 365])
    try Self.onStage { stage in
      for number in 0..<25 {
        try await stage.client.put(Self.config)
        try await stage.client.push(Self.image(number), tags: [.sample("v")])
        stage.machine.clock.advance(by: .seconds(60))
      }
      #expect(try await stage.history(of: "v", after: 29).count == 25)
      let last: [Digest?] = (5..<25).reversed().map { Self.image($0).digest }
      #expect(try await stage.history(of: "v", after: 2) == last)
      let back = try await stage.registry.restore(
        .sample("v"), to: .movesAgo(19), reason: nil, permit: stage.client.restore)
      #expect(back.to == Self.image(5).digest)
      await #expect(throws: RegistryError.self) {
        try await stage.registry.restore(.sample("v"), to: .movesAgo(22), reason: nil, permit: stage.client.restore)
      }
      try await stage.client.deleteTag(.sample("v"))
      #expect(try await stage.history(of: "v", after: 29).first == .some(nil))
      #expect(try await stage.history(of: "v", after: 2).isEmpty)
    }
  }

  @Test func `keeps what an environment ran for 365 days after it ran`() throws {
    try Self.onStage { stage in
      let value = try RuleValue.validated(.history, try JSONValue.parse(#"{"states":1,"days":0}"#))
      try await stage.registry.database.write {
        try $0.setRule(.history, on: .everything, of: "acme", to: value, by: "test")
      }
      let production = OCI.Tag.sample("production")
      let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
      _ = try await stage.registry.makeEnvironment(production, [:], adopts: false, by: actor)
      for number in 0..<2 {
        try await stage.client.put(Self.config)
        try await stage.client.push(Self.image(number), tags: [.sample("v\(number)")])
        let wish = ReleaseWish(
          .images([try ImageReference(parsing: "acme/api:v\(number)")]), reason: nil, key: nil, isDryRun: false)
        _ = try await stage.registry.release(wish, to: production, by: actor)
        stage.machine.clock.advance(by: Self.day)
      }
      let both: [Digest?] = [1, 0].map { Self.image($0).digest }
      #expect(try await stage.history(of: "production", after: 362) == both)
      #expect(try await stage.history(of: "production", after: 3) == [both[0]])
    }
  }
}
