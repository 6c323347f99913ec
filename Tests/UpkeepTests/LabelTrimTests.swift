import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing
import Upkeep

/// Labels outlive a tag as long as its history does, and no longer.
@Suite struct `Labels of what is gone` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let image = SampleManifest.image(config: config, layers: [], note: "one")
  private static let other = SampleManifest.image(config: config, layers: [], note: "two")
  private static let day: Duration = .seconds(86_400)

  private static func targets(_ database: any Database) async throws -> [String] {
    let all: [LabelTarget] = [.tag(.sample("v")), .tag(.sample("w")), .digest(image.digest), .digest(other.digest)]
    return try await database.read { transaction in
      guard let id = try transaction.repository(named: .sample("acme/api")) else { return [] }
      return try all.filter { target in
        let labels = try transaction.labels(of: [target], in: id)
        let events = try transaction.labelEvents(of: target, in: id, before: 0, limit: 10)
        #expect(labels.isEmpty || !events.isEmpty)
        return !events.isEmpty
      }.map(\.description)
    }
  }

  @Test func `are kept while a restore can bring it back, then go, as the plan says before`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      let client = try SimulatedClient(registry, "acme/api")
      let care = TagCare(registry: registry, logger: .silent)
      try await client.put(Self.config)
      try await client.push(Self.image, tags: [.sample("v"), .sample("w")])
      try await client.push(Self.other)
      for target in [
        .tag(.sample("v")), .tag(.sample("w")), .digest(Self.image.digest), .digest(Self.other.digest),
      ] as [LabelTarget] {
        _ = try await registry.setLabels(["team": "payments"], on: target, reason: nil, permit: client.push)
      }
      try await client.deleteTag(.sample("v"))
      try await registry.deleteManifest(Self.other.digest, forGood: true, permit: client.delete)
      machine.clock.advance(by: Self.day * 29)
      while try await care.step() {}
      #expect(try await Self.targets(registry.database).count == 4)
      _ = try await registry.restore(.sample("v"), to: .movesAgo(1), reason: nil, permit: client.restore)
      let labels = try await registry.labels(of: .tag(.sample("v")), permit: client.pull)
      #expect(labels.map(\.value) == ["payments"])
      try await client.deleteTag(.sample("v"))
      machine.clock.advance(by: Self.day * 31)
      let id = try #require(try await registry.database.read { try $0.repository(named: client.repository) })
      let row = RepositoryRow(id: id, name: client.repository)
      // While its history is there, it is not gone.
      #expect(try await registry.labelPlan(of: row, after: "").trims.map(\.target) == [Self.other.digest.description])
      _ = try await registry.trimHistory(of: [.sample("v")], in: row)
      let plan = try await registry.labelPlan(of: row, after: "")
      #expect(plan.trims.map(\.target) == [Self.other.digest.description, "v"])
      #expect(plan.trims.map(\.labels) == [0, 1])
      while try await care.step() {}
      #expect(try await Self.targets(registry.database) == ["w", Self.image.digest.description])
      let found = try await registry.database.read { try $0.inconsistencies(limit: 10) }
      #expect(found.isEmpty, "\(found)")
    }
  }

  @Test func `stay when the tag was made again after the plan`() throws {
    try SeededExecutor.run(seed: 1) {
      let machine = try SimulatedMachine()
      let registry = try await machine.start()
      let client = try SimulatedClient(registry, "acme/api")
      try await client.put(Self.config)
      try await client.push(Self.image, tags: [.sample("v"), .sample("w")])
      _ = try await registry.setLabels(["team": "a"], on: .tag(.sample("v")), reason: nil, permit: client.push)
      try await client.deleteTag(.sample("v"))
      machine.clock.advance(by: Self.day * 31)
      let id = try #require(try await registry.database.read { try $0.repository(named: client.repository) })
      let row = RepositoryRow(id: id, name: client.repository)
      _ = try await registry.trimHistory(of: [.sample("v")], in: row)
      let plan = try await registry.labelPlan(of: row, after: "")
      #expect(plan.trims.count == 1)
      try await client.push(Self.image, tags: [.sample("v")])
      #expect(try await registry.trimLabels(of: plan.trims.map(\.target), in: row) == 0)
      #expect(try await registry.labels(of: .tag(.sample("v")), permit: client.pull).count == 1)
    }
  }
}
