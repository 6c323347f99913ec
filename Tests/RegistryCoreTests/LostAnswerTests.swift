import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// Runs every transaction twice, as when the answer to its commit was lost.
struct ForgetfulDatabase: Database {
  let base: any Database
  var now: Timestamp { base.now }
  var isShared: Bool { true }

  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try await base.read(body)
  }

  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    _ = try await base.write(body)
    return try await base.write(body)
  }
}

/// Every transaction is committed, its answer is lost, and it is run again.
@Suite struct `A commit whose answer was lost` {
  @Test func `changes nothing the second time, and a deletion is not told that it found nothing`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    for blob in [RegistryScenario.config, RegistryScenario.small, RegistryScenario.large] {
      try await client.upload(blob)
    }
    try await client.push(RegistryScenario.image, tags: [RegistryScenario.tag])
    try await client.deleteTag(RegistryScenario.tag)
    let restored = try await registry.restore(
      RegistryScenario.tag, to: .movesAgo(1), reason: nil, permit: client.restore)
    #expect(restored.hasChanged)
    let history = try await registry.history(
      of: RegistryScenario.tag, TagEventFilter(), before: nil, limit: 10, permit: client.pull)
    #expect(history.map(\.kind) == ["restore", "delete", "push"])
    try await client.deleteManifest(RegistryScenario.image.digest)
    await #expect(throws: RegistryError.self) { try await client.deleteManifest(RegistryScenario.image.digest) }
    await #expect(throws: RegistryError.self) { try await client.deleteTag(RegistryScenario.tag) }
    try await client.deleteBlob(RegistryScenario.small.digest)
    await #expect(throws: RegistryError.self) { try await client.deleteBlob(RegistryScenario.small.digest) }
    let found = try await base.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }
}
