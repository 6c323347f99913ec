import BlobStorage
import Ground
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

@testable import Access
@testable import Metadata

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

  private static func audits(_ kind: String, _ database: any Database) async throws -> Int {
    try await database.read { try $0.all("SELECT 1 FROM audit_record WHERE kind = \(kind)") { _ in true } }.count
  }

  @Test func `is one record of a push, and of each tag that it moved`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.put(RegistryScenario.config)
    for number in 0..<3 {
      let image = SampleManifest.image(config: RegistryScenario.config, layers: [], note: "\(number)")
      let caller = Caller.everybody(address: "192.0.2.1", requestID: "r-\(number)")
      let permit = try #require(Policy.open.permitAtHand(Push.self, on: client.repository, for: caller))
      _ = try await registry.pushManifest(
        image.content.buffer, as: .tag(RegistryScenario.tag), tags: [], contentType: image.mediaType, permit: permit)
    }
    #expect(try await Self.audits("push", base) == 3)
    #expect(try await Self.audits("tag.move", base) == 2)
  }

  @Test func `makes the last environment that fits, and no further`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
    func make(_ number: Int) async throws {
      _ = try await registry.makeEnvironment(.sample("e\(number)"), [:], adopts: false, by: actor)
    }
    for number in 0..<Registry.environmentLimit { try await make(number) }
    let full = await #expect(throws: AdministrationError.self) { try await make(Registry.environmentLimit) }
    #expect(full?.message.contains("no more fit") ?? false)
    let known = await #expect(throws: AdministrationError.self) { try await make(7) }
    #expect(known?.message.contains("already") ?? false)
    #expect(try await registry.environments(by: actor).count == Registry.environmentLimit)
  }

  @Test func `sets labels once, and changes an environment once, with one record each`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    for blob in [RegistryScenario.config, RegistryScenario.small, RegistryScenario.large] {
      try await client.upload(blob)
    }
    try await client.push(RegistryScenario.image, tags: [RegistryScenario.tag])
    let target = LabelTarget.tag(RegistryScenario.tag)
    let set = try await registry.setLabels(["team": "a", "tier": "1"], on: target, reason: "new", permit: client.push)
    #expect(set.map(\.key) == ["team", "tier"])
    let left = try await registry.setLabels(["team": nil, "tier": "2"], on: target, reason: nil, permit: client.push)
    #expect(left.map(\.value) == ["2"])
    let history = try await registry.labelHistory(of: target, before: 0, limit: 10, permit: client.pull)
    #expect(history.map(\.to) == ["2", nil, "1", "a"])
    #expect(try await Self.audits("label.set", base) == 2)

    let actor = try await Policy.open.releaseActor(in: "acme", for: .everybody)
    let production = OCI.Tag.sample("production")
    _ = try await registry.makeEnvironment(production, [:], adopts: false, by: actor)
    for approvals in [1, 1, 2] as [Int64] {
      let state = try await registry.changeEnvironment(
        production, ["approvals": .integer(approvals)], by: actor)
      #expect(state.settings.approvals == Int(approvals))
    }
    // What changed nothing is no record.
    #expect(try await Self.audits("environment.change", base) == 2)
    #expect(try await base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  @Test func `agrees to a release and takes that back once, with one record each`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.put(RegistryScenario.config)
    try await client.push(
      SampleManifest.image(config: RegistryScenario.config, layers: []), tags: [RegistryScenario.tag])
    func actor(_ name: String) -> ReleaseActor {
      ReleaseActor(
        namespace: "acme", origin: Origin(actor: name), role: .owner, isSiteAdmin: false, isPerson: true, rules: [],
        makers: [], isLimited: false, names: [name], settings: AccessSettings(), maySee: { _ in true },
        mayRelease: { _ in true })
    }
    let production = OCI.Tag.sample("production")
    _ = try await registry.makeEnvironment(production, ["approvals": 1], adopts: false, by: actor("olga"))
    let image = try ImageReference(parsing: "acme/api:\(RegistryScenario.tag)")
    let wish = ReleaseWish(.images([image]), reason: nil, key: nil, isDryRun: false)
    _ = try await registry.release(wish, to: production, by: actor("olga"))
    _ = try await registry.changeEnvironment(production, ["approvals": 2], by: actor("olga"))
    let agreed = try await registry.approve(1, of: production, comment: nil, by: actor("mia"))
    #expect(agreed.approvals.map(\.actor) == ["mia"])
    for _ in 0..<2 {
      let left = try await registry.withdrawApproval(1, of: production, by: actor("mia"))
      #expect(left.approvals.isEmpty && left.release.state == .pending)
    }
    #expect(try await Self.audits("release.approve", base) == 1)
    #expect(try await Self.audits("release.withdraw", base) == 1)
  }

  /// The number may be too high (decision 18); the time, by which retention decides, may not be wrong.
  @Test func `leaves it right when an image was last pulled`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let store = try LocalBlobStore(directory: "/data", disk: SimulatedDisk())
    let registry = try await Registry(database: ForgetfulDatabase(base: base), store: store, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.put(RegistryScenario.config)
    let image = SampleManifest.image(config: RegistryScenario.config, layers: [])
    try await client.push(image, tags: [RegistryScenario.tag])
    let before = base.now
    registry.notePull(of: image.digest, in: client.repository)
    let after = base.now
    try await registry.flushPulls()
    let pulls = try await base.read { transaction in
      try transaction.repository(named: client.repository).flatMap { try transaction.pulls(of: image.digest, in: $0) }
    }
    #expect(pulls.map { before <= $0.lastAt && $0.lastAt <= after } ?? false)
    #expect(pulls?.count == 2)
  }

  /// Where uploads are rows: each step finds what it has done, and the client hears of none of it.
  @Test func `ends no upload, also where the blob is here already`() async throws {
    // A claim runs out, and a machine that is busy is slow.
    let clock = ManualClock()
    let base = try SQLiteDatabase.inMemory(time: clock)
    let database = ForgetfulDatabase(base: base)
    let objects = SimulatedObjects()
    let store = S3BlobStore(
      objects, ledger: DatabaseUploadLedger(database: database), bufferBytes: 64 << 20, time: clock)
    let registry = try await Registry(
      database: database, store: store, uploadsAreRows: true, time: clock, logger: .silent)
    for repository in ["acme/api", "acme/web"] {
      let client = try SimulatedClient(registry, repository)
      let token = registry.beginUpload(permit: client.push)
      let bytes = RegistryScenario.large.bytes
      var offset = 0
      for end in [bytes.count / 2, bytes.count] {
        let extent = AppendExtent(length: Int64(end - offset))
        _ = try await registry.append(Pieces(bytes[offset..<end]), to: token, at: Int64(offset), extent)
        offset = end
      }
      try await registry.finishUpload(token, as: RegistryScenario.large.digest, permit: client.push)
      #expect(try await client.blob(RegistryScenario.large.digest) == bytes)
    }
    let found = try await base.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }

  @Test func `sets a damaged blob aside, and counts it`() async throws {
    let base = try SQLiteDatabase.inMemory()
    let objects = SimulatedObjects()
    let store = S3BlobStore(objects, ledger: DatabaseUploadLedger(database: base), bufferBytes: 64 << 20)
    let registry = try await Registry(
      database: ForgetfulDatabase(base: base), store: store, uploadsAreRows: true, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.put(RegistryScenario.small)
    for key in objects.keys { objects.tamper(key, RegistryScenario.small.bytes.reversed()) }
    #expect(try await client.blob(RegistryScenario.small.digest) == nil)
    #expect(try await base.read { try $0.blob(RegistryScenario.small.digest) }?.state == .corrupt)
    #expect(registry.blobsSetAside == 1)
    #expect(objects.keys.contains { $0.hasPrefix("quarantine/") })
  }

  /// PostgreSQL stood still for longer than the lease, and another replica's collector was quicker than the repetition.
  @Test(arguments: [false, true])
  func `names no bytes that were collected since`(isPushedByOthers: Bool) async throws {
    let clock = ManualClock()
    let base = try SQLiteDatabase.inMemory(time: clock)
    let objects = SimulatedObjects()
    let store = S3BlobStore(objects, ledger: DatabaseUploadLedger(database: base), bufferBytes: 64 << 20, time: clock)
    let other = try await Registry(database: base, store: store, uploadsAreRows: true, time: clock, logger: .silent)
    let othersClient = try SimulatedClient(other, "acme/web")
    let isDone = Atomic<Bool>(false)
    let database = ForgetfulDatabase(base: base) {
      guard try await base.read({ try $0.blob(RegistryScenario.small.digest) }) != nil,
        !isDone.exchange(true, ordering: .relaxed)
      else { return }
      clock.advance(by: .seconds(2 * 86_400))
      try await other.collectAll()
      try await other.collectAll()
      #expect(objects.keys.isEmpty)
      if isPushedByOthers { try await othersClient.put(RegistryScenario.small) }
    }
    let registry = try await Registry(
      database: database, store: store, uploadsAreRows: true, time: clock, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.put(RegistryScenario.small)
    let wasCollected = isDone.load(ordering: .relaxed)
    #expect(wasCollected)
    #expect(try await client.blob(RegistryScenario.small.digest) == RegistryScenario.small.bytes)
    #expect(objects.keys.count == 1)
    #expect(try await base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }
}
