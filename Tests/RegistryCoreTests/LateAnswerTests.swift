import BlobStorage
import Glibc
import Ground
import OCI
import Synchronization
import TestSupport
import Testing

@testable import Metadata
@testable import RegistryCore

/// Does something between a commit and its answer, once it is told to.
private final class LateDatabase: Database {
  private let base: any Database
  private let meanwhile: @Sendable () async throws -> Void
  private let isArmed = Atomic<Bool>(false)

  init(base: any Database, meanwhile: @escaping @Sendable () async throws -> Void) {
    self.base = base
    self.meanwhile = meanwhile
  }

  func arm() { isArmed.store(true, ordering: .relaxed) }

  var now: Timestamp { base.now }
  var isShared: Bool { true }

  func read<V: Sendable>(_ body: @escaping @Sendable (borrowing ReadTransaction) throws -> V) async throws -> V {
    try await base.read(body)
  }

  func write<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    let value = try await base.write(body)
    if isArmed.exchange(false, ordering: .relaxed) { try await meanwhile() }
    return value
  }
}

/// The database stood still for longer than the lease before it answered, and another replica's collector was quicker.
@Suite struct `A blob whose lease was over before it was answered` {
  private struct Stage {
    let clock = ManualClock()
    let objects = SimulatedObjects()
    let base: any Database
    let late: LateDatabase
    /// Whose commits are answered late.
    let client: SimulatedClient
    let other: Registry

    init() async throws {
      let (clock, objects) = (clock, objects)
      let base = try SQLiteDatabase.inMemory(time: clock)
      self.base = base
      let store = S3BlobStore(objects, ledger: DatabaseUploadLedger(database: base), bufferBytes: 64 << 20, time: clock)
      let other = try await Registry(database: base, store: store, uploadsAreRows: true, time: clock, logger: .silent)
      self.other = other
      late = LateDatabase(base: base) {
        clock.advance(by: .seconds(2 * 86_400))
        try await other.collectAll()
        try await other.collectAll()
        #expect(objects.keys.isEmpty)
      }
      let registry = try await Registry(
        database: late, store: store, uploadsAreRows: true, time: clock, logger: .silent)
      client = try SimulatedClient(registry, "acme/api")
    }
  }

  @Test func `is stored once more, when it came whole`() async throws {
    let stage = try await Stage()
    stage.late.arm()
    try await stage.client.put(RegistryScenario.small)
    #expect(try await stage.client.blob(RegistryScenario.small.digest) == RegistryScenario.small.bytes)
    #expect(stage.objects.keys.count == 1)
    #expect(try await stage.base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  @Test func `is not told to be here, when it came as an upload`() async throws {
    let stage = try await Stage()
    stage.late.arm()
    // The client begins again.
    try await stage.client.upload(RegistryScenario.large, in: 2)
    #expect(try await stage.client.blob(RegistryScenario.large.digest) == RegistryScenario.large.bytes)
    #expect(try await stage.base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  @Test func `is not told to be mounted`() async throws {
    let stage = try await Stage()
    let source = try SimulatedClient(stage.other, "acme/web")
    try await source.put(RegistryScenario.small)
    stage.late.arm()
    #expect(try await stage.client.mount(RegistryScenario.small.digest, from: source.repository) == false)
    #expect(try await stage.base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  @Test func `is not told to be here to who asks before a push`() async throws {
    let stage = try await Stage()
    try await stage.client.put(RegistryScenario.small)
    // So that the lease is renewed.
    stage.clock.advance(by: .seconds(13 * 3600))
    stage.late.arm()
    #expect(try await stage.client.has(RegistryScenario.small.digest) == false)
  }
}

/// Which transaction of another replica comes between two statements of one.
@Suite struct `An upload whose end is told again` {
  @Test func `names no bytes that are collected meanwhile`() async throws {
    let installation = try await TestInstallation(.postgresAndFiles)
    let parts = try await installation.open()
    // Threads of its own: all of them wait.
    let pool = WorkerPool(name: "test-collector", threads: 4)
    try await withTaskExecutorPreference(pool) { try await Self.run(parts.database, pool) }
    pool.stop()
    await parts.close()
    try installation.remove()
  }

  private static func run(_ base: any Database, _ pool: WorkerPool) async throws {
    let objects = SimulatedObjects()
    let blob = RegistryScenario.large
    let collection = Mutex<Task<Void, any Error>?>(nil)
    let database = ForgetfulDatabase(base: base) {
      guard let row = try await base.read({ try $0.blob(blob.digest) }), collection.withLock({ $0 == nil }) else {
        return
      }
      let (begun, begins) = AsyncStream<Void>.makeStream()
      collection.withLock { collection in
        collection = Task(executorPreference: pool) {
          try await base.write { try Self.collect(row, $0) { begins.finish() } }
          if let place = row.place { objects.tamper(place, nil) }
        }
      }
      for await _ in begun {}
    }
    let store = S3BlobStore(objects, ledger: DatabaseUploadLedger(database: base), bufferBytes: 64 << 20)
    let registry = try await Registry(database: database, store: store, uploadsAreRows: true, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    // It is told that the upload is over, and begins again.
    try await client.upload(blob)
    try await collection.withLock { $0 }?.value
    #expect(try await client.blob(blob.digest) == blob.bytes)
    #expect(try await base.read { try $0.blob(blob.digest) }?.state == .present)
    #expect(try await base.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  /// What the collector does to a blob whose lease is over, held until the other waits for its row.
  private static func collect(
    _ row: BlobRow, _ transaction: borrowing Transaction, _ begins: () -> Void
  ) throws {
    try transaction.execute("DELETE FROM repository_blob WHERE digest = \(row.digest)")
    try transaction.execute("UPDATE blob SET links = 0, leased_until = 0 WHERE digest = \(row.digest)")
    let isClaimed = try transaction.claimBlob(row)
    #expect(isClaimed)
    begins()
    let waiting: SQL =
      "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    var rounds = 0
    while try transaction.number(waiting) == 0, rounds < 200 {
      usleep(5000)
      rounds += 1
    }
    try transaction.deleteClaimedBlob(row)
  }
}

/// Which transaction of another replica comes while one waits to forget an upload.
@Suite struct `An upload that is given up too late` {
  @Test func `takes no bytes along that are a blob meanwhile`() async throws {
    let clock = ManualClock()
    let objects = SimulatedObjects()
    let base = try SQLiteDatabase.inMemory(time: clock)
    let registry = try await Registry(
      database: base,
      store: S3BlobStore(objects, ledger: DatabaseUploadLedger(database: base), bufferBytes: 64 << 20, time: clock),
      uploadsAreRows: true, time: clock, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    let blob = SampleBlob([1, 2, 3])
    let token = registry.beginUpload(permit: client.push)
    _ = try await registry.append(Pieces(blob.bytes), to: token, at: 0, AppendExtent())
    // Whole, at its place, and not recorded yet.
    _ = try await registry.store.publish(token.upload, as: blob.digest)
    let late = LateDatabase(base: base) {
      clock.advance(by: DatabaseUploadLedger.claimTerm + .seconds(1))
      try await registry.finishUpload(token, as: blob.digest, permit: client.push)
    }
    let other = S3BlobStore(
      objects, ledger: DatabaseUploadLedger(database: late), bufferBytes: 64 << 20, time: clock)
    late.arm()
    try await other.discard(token.upload)
    #expect(try await client.blob(blob.digest) == blob.bytes)
  }
}
