public import Access
public import BlobStorage
public import Ground
public import Logging
public import Metadata
import NIOCore
public import OCI
public import RegistryCore

/// A machine with a registry: its disk, its database, its clock. It can lose its power, and starts again.
public final class SimulatedMachine: Sendable {
  public static let directory = "/data"
  /// A disk whose directories are there and durable: made once, because there are 512 of them.
  private static let prepared: Result<SimulatedDisk, any Error> = Result {
    try SeededExecutor.run(seed: 1) {
      let disk = SimulatedDisk()
      try await LocalBlobStore(directory: directory, disk: disk).settle()
      return disk
    }
  }

  public let disk: SimulatedDisk
  /// What is committed here is durable.
  public let database: any Database
  public let clock = ManualClock()
  public let random: SeededRandom
  /// Where blobs are, instead of the disk. They outlive the machine's power.
  public let objects: SimulatedObjects?

  /// - Parameters:
  ///   - keepsObjects: blobs lie in an object store, and several registries may be started at once, as replicas are.
  ///   - base: an empty database whose commits are durable; nil is one of SQLite in memory. Its time is this machine's.
  public init(seed: UInt64 = 1, keepsObjects: Bool = false, database base: (any Database)? = nil) throws {
    objects = keepsObjects ? SimulatedObjects() : nil
    disk = try Self.prepared.get().copy()
    let time = clock
    database = try base.map { RetimedDatabase($0, time: time) } ?? SQLiteDatabase.inMemory(time: time)
    random = SeededRandom(seed: seed)
  }

  /// Starts the registry over what is there.
  ///
  /// - Parameters:
  ///   - witness: sees each of its transactions before it is committed.
  ///   - forgetting: of replicas, chooses the commits whose answer is lost; nil: none.
  public func start(
    _ settings: Registry.Settings = .init(), witness: (any DatabaseWitness)? = nil, forgetting: UInt64? = nil
  ) async throws -> Registry {
    if let objects { return try await start(settings, over: objects, witness, forgetting) }
    let store = try LocalBlobStore(directory: Self.directory, disk: disk)
    return try await Registry(
      database: SimulatedDatabase(database, power: disk.power, witness: witness), store: SimulatedStore(store),
      settings: settings,
      time: clock, random: random, logger: .silent)
  }

  private func start(
    _ settings: Registry.Settings, over objects: SimulatedObjects, _ witness: (any DatabaseWitness)?,
    _ forgetting: UInt64?
  ) async throws -> Registry {
    objects.setPower(disk.power)
    let database = SimulatedDatabase(
      database, power: disk.power, isShared: true, witness: witness,
      forgetting: forgetting.map { SeededRandom(seed: $0) })
    let ledger = DatabaseUploadLedger(database: database, random: random)
    let store = S3BlobStore(objects, ledger: ledger, bufferBytes: 64 << 20, random: random, time: clock)
    return try await Registry(
      database: database, store: SimulatedStore(store), uploadsAreRows: true, settings: settings, time: clock,
      random: random, logger: .silent)
  }

  /// The bytes of a blob, wherever they lie.
  private func content(of row: BlobRow) -> [UInt8]? {
    if let objects { return row.place.flatMap { objects.content($0) } }
    return disk.content(path(of: row.digest))
  }

  /// Makes some of a blob's bytes wrong where they lie.
  public func damage(_ blob: StoredBlob) {
    if let objects, let place = blob.place {
      objects.tamper(place, (objects.content(place) ?? []).map { $0 ^ 1 })
    } else {
      disk.damage(path(of: blob.digest), at: 5, with: [1, 2, 3, 4, 5])
    }
  }

  /// The path of a blob's file.
  public func path(of digest: Digest) -> String {
    "\(Self.directory)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
  }

  /// What contradicts the invariants in rows and bytes; empty when all is well. Nothing may be running.
  ///
  /// - Parameter damaged: blobs whose bytes a test has made wrong.
  public func contradictions(damaged: Set<Digest> = []) async throws -> [String] {
    var found = try await database.read { try $0.inconsistencies(limit: 20) }.map(\.description)
    for row in try await database.read({ try $0.blobs(after: nil, limit: 10_000) })
    where row.state == .present && !damaged.contains(row.digest) {
      guard let bytes = content(of: row) else {
        found.append("I1: the bytes of \(row.digest) are missing")
        continue
      }
      if SampleBlob(bytes, row.digest.algorithm).digest != row.digest || Int64(bytes.count) != row.sizeBytes {
        found.append("I1: the bytes of \(row.digest) are wrong")
      }
    }
    return found
  }
}

extension Logger {
  /// Drops everything.
  public static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// What a client may do in one repository, as short calls.
public struct SimulatedClient: Sendable {
  public let registry: Registry
  public let repository: RepositoryName
  public let pull: Permit<Pull>
  public let push: Permit<Push>
  public let delete: Permit<Delete>
  public let restore: Permit<Restore>

  public init(_ registry: Registry, _ name: String) throws {
    self.registry = registry
    repository = try RepositoryName(parsing: name)
    guard let pull = Policy.open.permitAtHand(Pull.self, on: repository, for: .everybody),
      let push = Policy.open.permitAtHand(Push.self, on: repository, for: .everybody),
      let delete = Policy.open.permitAtHand(Delete.self, on: repository, for: .everybody),
      let restore = Policy.open.permitAtHand(Restore.self, on: repository, for: .everybody)
    else { preconditionFailure("the open policy lets everybody do everything") }
    self.pull = pull
    self.push = push
    self.delete = delete
    self.restore = restore
  }

  /// Pushes a blob whole, as clients do with small ones.
  public func put(_ blob: SampleBlob) async throws {
    try await retrying { try await registry.putBlob(blob.buffer, as: blob.digest, permit: push) }
  }

  /// Begins again, as clients do, what was answered with 503, or took longer than an upload may: clocks leap here.
  private func retrying(_ body: () async throws -> Void) async throws {
    for _ in 0..<20 {
      do {
        return try await body()
      } catch let error as RegistryError where error.code == .unavailable || error.code == .blobUploadUnknown {
      } catch StorageError.uploadUnknown {}
    }
    try await body()
  }

  /// Pushes a blob in so many requests.
  public func upload(_ blob: SampleBlob, in requests: Int = 1) async throws {
    try await retrying { try await uploadOnce(blob, in: requests) }
  }

  private func uploadOnce(_ blob: SampleBlob, in requests: Int) async throws {
    let token = registry.beginUpload(permit: push)
    var offset = 0
    for request in 1...requests {
      let end = blob.bytes.count * request / requests
      _ = try await registry.append(
        Pieces(blob.bytes[offset..<end]), to: token, at: Int64(offset), AppendExtent(length: Int64(end - offset)),
        hashing: blob.digest.algorithm)
      offset = end
    }
    try await registry.finishUpload(token, as: blob.digest, permit: push)
  }

  public func mount(_ digest: Digest, from source: RepositoryName?) async throws -> Bool {
    try await registry.mount(digest, from: source, permit: push) { _ in true }
  }

  /// Whether the blob is here, as a client asks before it pushes. Leases it.
  public func has(_ digest: Digest) async throws -> Bool {
    do {
      _ = try await registry.blobSize(digest, permit: pull, push: push)
      return true
    } catch let error as RegistryError where error.code == .blobUnknown {
      return false
    }
  }

  /// A blob's bytes, or nil when it is unknown.
  public func blob(_ digest: Digest) async throws -> [UInt8]? {
    do {
      switch try await registry.blob(digest, permit: pull) {
      case .bytes(let buffer): return Array(buffer.readableBytesView)
      case .file(let file):
        var bytes = [UInt8](repeating: 0, count: Int(file.sizeBytes))
        let count = try bytes.withUnsafeMutableBytes { try file.file.read(at: 0, into: $0) }
        return Array(bytes.prefix(count))
      case .remote(let blob): return Array(try await BlobBody.remote(blob).collect().readableBytesView)
      }
    } catch let error as RegistryError where error.code == .blobUnknown {
      return nil
    }
  }

  public func push(_ manifest: SampleManifest, tags: [Tag] = []) async throws {
    _ = try await registry.pushManifest(
      manifest.content.buffer, as: .digest(manifest.digest), tags: tags, contentType: manifest.mediaType, permit: push)
  }

  /// A manifest's bytes, or nil when it is unknown.
  public func manifest(_ reference: Reference) async throws -> [UInt8]? {
    do {
      return Array((try await registry.manifest(reference, permit: pull)).body.readableBytesView)
    } catch let error as RegistryError where error.code == .manifestUnknown {
      return nil
    }
  }

  public func deleteManifest(_ digest: Digest) async throws {
    try await registry.deleteManifest(digest, permit: delete)
  }
  public func deleteTag(_ tag: Tag) async throws { try await registry.deleteTag(tag, permit: delete) }
  public func deleteBlob(_ digest: Digest) async throws { try await registry.deleteBlob(digest, permit: delete) }
}

extension Registry {
  /// One round of collection of everything that may go now.
  public func collectAll(untaggedAfter age: Duration? = nil) async throws {
    if let age {
      _ = try await collect(manifests: try await idleManifests(olderThan: age, limit: 100), olderThan: age)
    }
    _ = try await collect(links: try await idleLinks(limit: 100))
    _ = try await collect(blobs: try await unlinkedBlobs(limit: 100))
  }
}
