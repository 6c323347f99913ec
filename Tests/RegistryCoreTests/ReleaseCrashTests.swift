import Access
import BlobStorage
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

/// Three repositories are released as one, and the power goes before each change that disk or database make: the environment
/// runs the old release or the new one, never a mix.
@Suite struct `A release that a power cut stops` {
  private static let config = SampleBlob(seed: 2, size: 90)
  private static let repositories = ["acme/api", "acme/web", "acme/db"]
  private static let production = OCI.Tag.sample("production")

  private static func image(_ repository: String, _ version: Int) -> SampleManifest {
    SampleManifest.image(config: config, layers: [], note: "\(repository) \(version)")
  }

  private static func actor() async throws -> ReleaseActor {
    try await Policy.open.releaseActor(in: "acme", for: .everybody)
  }

  private static func prepare(_ registry: Registry) async throws {
    for repository in repositories {
      let client = try SimulatedClient(registry, repository)
      try await client.put(config)
      for version in 1...2 { try await client.push(image(repository, version), tags: [.sample("\(version).0.0")]) }
    }
    _ = try await registry.makeEnvironment(production, [:], adopts: false, by: actor())
    _ = try await promote(1, registry)
  }

  private static func promote(_ version: Int, _ registry: Registry) async throws -> ReleaseOutcome {
    let images = try repositories.map { try ImageReference(parsing: "\($0):\(version).0.0") }
    return try await registry.release(
      ReleaseWish(.images(images), reason: nil, key: "to \(version)", isDryRun: false), to: production, by: actor())
  }

  private static func rollBack(_ registry: Registry) async throws {
    _ = try await registry.release(
      ReleaseWish(.rollback(to: nil), reason: nil, key: nil, isDryRun: false), to: production, by: actor())
  }

  /// Which version runs, as the tags show it; nil: a mix.
  private static func version(_ registry: Registry) async throws -> Int? {
    var versions: Set<Int> = []
    for repository in repositories {
      let found = try await SimulatedClient(registry, repository).manifest(.tag(production))
      for version in 1...2 where image(repository, version).content.bytes == found { versions.insert(version) }
      if found == nil { versions.insert(0) }
    }
    return versions.count == 1 ? versions.first : nil
  }

  /// Releases, beside a client that pushes and the collector.
  private static func act(_ registry: Registry) async throws {
    try await withThrowingTaskGroup { group in
      group.addTask {
        _ = try await promote(2, registry)
        try await rollBack(registry)
        _ = try await promote(2, registry)
      }
      group.addTask {
        let client = try SimulatedClient(registry, "acme/api")
        try await client.put(SampleBlob(seed: 77, size: 300))
        try await client.push(image("acme/api", 3), tags: [.sample("3.0.0")])
      }
      group.addTask { try await registry.collectAll() }
      try await group.waitForAll()
    }
  }

  @Test(arguments: [nil, 0, 3, 7] as [UInt64?]) func `is whole or was not`(keptBySeed seed: UInt64?) throws {
    var cut = 0
    while try !SeededExecutor.run(seed: UInt64(cut), { [cut] in try await Self.run(cut, seed) }) { cut += 1 }
    #expect(cut > 3)
  }

  @Test func `is whole or was not, over PostgreSQL either`() async throws {
    let postgres = try await SimulatedPostgres()
    defer { postgres.close() }
    var cut = 0
    var isThrough = false
    while !isThrough {
      try await postgres.clear()
      isThrough = try await SeededExecutor.runApart(seed: UInt64(cut)) { [cut] in
        try await Self.run(cut, 3, over: postgres.database)
      }
      cut += 2
    }
    #expect(cut > 4)
  }

  /// - Returns: whether all was done before the cut.
  private static func run(_ cut: Int, _ seed: UInt64?, over database: (any Database)? = nil) async throws -> Bool {
    let machine = try SimulatedMachine(database: database)
    try await prepare(machine.start())
    machine.disk.endProcess(next: PowerSwitch(cutBefore: cut))
    do {
      try await act(machine.start())
    } catch let error as DiskError where error == .powerCut {}
    let isThrough = machine.disk.power.isOn
    machine.disk.power.cut()
    if let seed { machine.disk.losePower(seed: seed) } else { machine.disk.endProcess() }
    let registry = try await machine.start()
    let found = try await version(registry)
    #expect(found == 1 || found == 2, "cut before change \(cut): \(String(describing: found))")
    // The record says the same.
    let state = try await registry.environment(production, by: actor())
    let digests = Set(state.images.map(\.digest))
    #expect(digests == Set(repositories.map { image($0, found ?? 0).digest }), "cut before change \(cut)")
    #expect(try await machine.contradictions(damaged: []) == [], "cut before change \(cut)")
    return isThrough
  }

  @Test func `and whose answer is lost is one release`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    try await Self.prepare(registry)
    _ = try await Self.promote(2, registry)
    try await Self.rollBack(registry)
    #expect(try await Self.version(registry) == 1)
    let releases = try await registry.releases(of: Self.production, before: nil, limit: 10, by: Self.actor())
    #expect(releases.map(\.release.effective) == [1, 2, 1])
    // Going back counts though nothing differs, and a key means the same for ever.
    await #expect(throws: ReleaseRefusal.self) { try await Self.rollBack(registry) }
    guard case .released(let again) = try await Self.promote(2, registry) else {
      Issue.record("the same key is the same release")
      return
    }
    #expect(again.release.number == 2)
    #expect(try await Self.version(registry) == 1)
    try await registry.deleteEnvironment(Self.production, by: Self.actor())
    let found = try await base.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }

  @Test func `of an index stands for its platforms: none of them can be deleted, and a broken one is refused`() throws {
    try SeededExecutor.run(seed: 1) {
      let registry = try await SimulatedMachine().start()
      let client = try SimulatedClient(registry, "acme/api")
      try await client.put(Self.config)
      let children = (1...2).map { Self.image("acme/api", $0) }
      for child in children { try await client.push(child, tags: []) }
      let index = SampleManifest.index(children, note: "both")
      try await client.push(index, tags: [.sample("1.0.0")])
      _ = try await registry.makeEnvironment(Self.production, [:], adopts: false, by: Self.actor())
      let wish = ReleaseWish(
        .images([try ImageReference(parsing: "acme/api:1.0.0")]), reason: nil, key: nil, isDryRun: false)
      try await client.deleteManifest(children[0].digest)
      await #expect(throws: ReleaseRefusal.self) {
        try await registry.release(wish, to: Self.production, by: Self.actor())
      }
      try await client.push(children[0], tags: [])
      _ = try await registry.release(wish, to: Self.production, by: Self.actor())
      for manifest in children + [index] {
        await #expect(throws: RegistryError.self) { try await client.deleteManifest(manifest.digest) }
        await #expect(throws: RegistryError.self) {
          try await registry.deleteManifest(manifest.digest, forGood: true, permit: client.delete)
        }
      }
      #expect(try await registry.database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
    }
  }
}
