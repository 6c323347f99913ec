import Access
import BlobStorage
import Ground
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

@testable import Metadata

/// Retention on PostgreSQL while clients push: what it decided before is not what it does.
@Suite(.serialized) struct `Retention beside pushes` {
  private static let config = SampleBlob(seed: 1, size: 10)
  private static let images = (0..<6).map { SampleManifest.image(config: config, layers: [], note: "\($0)") }
  private static let name = RepositoryName.sample("acme/api")

  /// A registry with the tags v0, v1 and v2, of which the rule keeps the last.
  private static func withRegistry(
    _ body: @escaping @Sendable (Registry, SimulatedClient, RepositoryRow) async throws -> Void
  ) async throws {
    var settings = PostgresSettings(url: try await PostgresServer.shared().freshDatabase())
    settings.connections = 8
    let database = try await PostgresDatabase(settings)
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: database, store: store, logger: .silent)
    let client = try SimulatedClient(registry, name.text)
    try await client.put(config)
    for image in images { try await client.push(image) }
    for number in 0..<3 { try await client.push(images[number], tags: [.sample("v\(number)")]) }
    let rule = try RuleValue.validated(.retention, ["keepLast": .integer(1)])
    try await database.write {
      try $0.setRule(.retention, on: .everything, of: "acme", to: rule, by: "test")
    }
    let id = try #require(try await database.read { try $0.repository(named: name) })
    try await body(registry, client, RepositoryRow(id: id, name: name))
  }

  private static func record(_ number: Int) throws -> ManifestRecord {
    let image = images[number]
    let manifest = try image.content.bytes.withUnsafeBytes { try Manifest(parsing: $0, contentType: image.mediaType) }
    return ManifestRecord(digest: image.digest, manifest: manifest, bytes: image.content.bytes)
  }

  /// Tags that a push points to another image, or deletes first, while retention waits to delete v0 and v1.
  @Test(arguments: [
    (pushed: ["v0"], isMadeAnew: false, left: ["v0", "v2"]), (pushed: ["v1"], isMadeAnew: true, left: ["v1", "v2"]),
    (pushed: ["v3"], isMadeAnew: false, left: ["v2", "v3"]),
  ])
  func `waits for a push that has begun, and decides by what that has done`(
    pushed: [String], isMadeAnew: Bool, left: [String]
  ) async throws {
    try await Self.withRegistry { registry, client, row in
      let plan = try #require(try await registry.retentionPlan(of: row))
      #expect(plan.decisions.filter { !$0.isKept }.map(\.tag.name.text).sorted() == ["v0", "v1"])
      let record = try Self.record(5)
      // The push waits inside its transaction, which must keep nobody else from a thread.
      let workers = WorkerPool(name: "test-push", threads: 1)
      defer { workers.stop() }
      let (locked, lock) = AsyncStream.makeStream(of: Void.self)
      try await withThrowingTaskGroup { group in
        group.addTask(executorPreference: workers) {
          try await registry.database.write { transaction in
            let tags = pushed.map { OCI.Tag.sample($0) }
            let cause = TagCause(.push, by: Origin(actor: "somebody"))
            try transaction.lockRepository(row.id)
            for tag in tags where isMadeAnew { try transaction.deleteTag(tag, from: row, cause) }
            _ = try transaction.push(record, to: row.name, tags: tags, allowsMissing: false, cause)
            lock.finish()
            // The commit comes when retention is known to wait for it.
            while try transaction.number(
              """
              SELECT COUNT(*) FROM pg_locks
              WHERE NOT granted AND locktype = 'transactionid' AND transactionid = pg_current_xact_id()::xid
              """) == 0
            {}
          }
        }
        group.addTask {
          for await _ in locked {}
          _ = try await registry.carryOut(plan)
        }
        try await group.waitForAll()
      }
      #expect(try await registry.tags(after: "", limit: 10, permit: client.pull).tags.elements.map(\.text) == left)
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }

  @Test func `keeps the tag of what was released after it had decided`() async throws {
    try await Self.withRegistry { registry, client, row in
      let plan = try #require(try await registry.retentionPlan(of: row))
      #expect(plan.decisions.filter { !$0.isKept }.map(\.tag.name.text).sorted() == ["v0", "v1"])
      let production = OCI.Tag.sample("production")
      let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
      _ = try await registry.makeEnvironment(production, [:], adopts: false, by: actor)
      let wish = ReleaseWish(
        .images([try ImageReference(parsing: "acme/api:v0")]), reason: nil, key: nil, isDryRun: false)
      _ = try await registry.release(wish, to: production, by: actor)
      _ = try await registry.carryOut(plan)
      let left = try await registry.tags(after: "", limit: 10, permit: client.pull).tags.elements.map(\.text)
      #expect(left == ["production", "v0", "v2"])
      let after = try #require(try await registry.retentionPlan(of: row))
      #expect(after.decisions.first { $0.tag.name.text == "v0" }?.reason == "production runs it")
    }
  }

  /// Three push all the time, two care: whatever was deleted was not the newest when it was.
  @Test func `never deletes the newest, however they come between each other`() async throws {
    let rest = Pushers()
    // A database that is far away keeps its thread waiting.
    let workers = WorkerPool(name: "test-push", threads: 5)
    defer { workers.stop() }
    try await Self.withRegistry { registry, client, row in
      try await withThrowingTaskGroup { group in
        for pusher in 0..<3 {
          group.addTask(executorPreference: workers) {
            for round in 0..<25 {
              let tag = OCI.Tag.sample("v\((pusher + round * 2) % 5)")
              try await client.push(Self.images[(pusher + round) % Self.images.count], tags: [tag])
            }
            rest.end()
          }
        }
        for _ in 0..<2 {
          group.addTask(executorPreference: workers) {
            while rest.arePushing {
              if let plan = try await registry.retentionPlan(of: row) { _ = try await registry.carryOut(plan) }
            }
          }
        }
        try await group.waitForAll()
      }
      let events = try await registry.database.read { try $0.tagEvents(.repository(Self.name), limit: 10_000) }
      var since: [OCI.Tag: Timestamp] = [:]
      var deleted = 0
      for event in events.reversed() {
        if event.kind == TagEventKind.retention.rawValue {
          deleted += 1
          let newest = since.min { ($0.value, $1.key) > ($1.value, $0.key) }?.key
          #expect(newest != event.tag, "event \(event.id)")
        }
        since[event.tag] = event.to == nil ? nil : event.at
      }
      #expect(deleted > 10)
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }

  private final class Pushers: Sendable {
    private let rest = Atomic<Int>(3)
    func end() { rest.subtract(1, ordering: .relaxed) }
    var arePushing: Bool { rest.load(ordering: .relaxed) > 0 }
  }
}
