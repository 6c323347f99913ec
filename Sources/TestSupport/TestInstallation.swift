public import BlobStorage
public import Ground
public import Metadata
import RegistryCore
import Synchronization

/// Where registries of a test keep their things: a database and a store of one of the kinds that a user may choose, empty at
/// first. Several registries may be opened over one that is shared, as replicas are.
public final class TestInstallation: Sendable {
  /// The combinations that exist.
  public enum Kind: String, Sendable, CaseIterable, CustomStringConvertible {
    case sqliteAndFiles, sqliteAndObjects, postgresAndFiles, postgresAndObjects

    public var description: String { rawValue }
    public var isPostgres: Bool { self == .postgresAndFiles || self == .postgresAndObjects }
    public var hasObjects: Bool { self == .sqliteAndObjects || self == .postgresAndObjects }
    /// Any number of processes may work over it.
    public var isShared: Bool { self == .postgresAndObjects }
  }

  /// The parts of one registry.
  public struct Parts: Sendable {
    public let database: any Database
    public let store: any BlobStore
    public let uploadsAreRows: Bool
    let client: S3Client?

    /// Closes connections.
    public func close() async { try? await client?.shutdown() }
  }

  public let kind: Kind
  public let directory: String
  public let databaseURL: String?
  public let bucket: ObjectStoreServer.Bucket?
  private let recorder: S3Recorder?
  private let retryTimeout: Duration?

  /// - Parameters:
  ///   - recorder: stands between the registry and its bucket.
  ///   - retryTimeout: for how long what the object store refuses is tried again; nil: as the settings have it.
  public init(_ kind: Kind, through recorder: S3Recorder? = nil, retryTimeout: Duration? = nil) async throws {
    self.kind = kind
    self.recorder = recorder
    self.retryTimeout = retryTimeout
    directory = try temporaryDirectory()
    databaseURL = kind.isPostgres ? try await PostgresServer.shared().freshDatabase() : nil
    bucket = kind.hasObjects ? try await ObjectStoreServer.shared().freshBucket() : nil
  }

  /// Opens the parts for one registry.
  ///
  /// - Parameters:
  ///   - location: another way to the bucket, such as through a proxy.
  ///   - url: another way to the database.
  ///   - change: other settings of PostgreSQL.
  public func open(
    location: String? = nil, url: String? = nil, time: any TimeSource = SystemTime(),
    postgres change: (inout PostgresSettings) -> Void = { _ in }
  ) async throws -> Parts {
    let database: any Database
    if let known = url ?? databaseURL {
      var settings = PostgresSettings(url: known)
      settings.connections = 8
      change(&settings)
      database = try await PostgresDatabase(settings)
    } else {
      database = try SQLiteDatabase(path: directory + "/metadata.db", time: time)
    }
    guard let bucket else {
      return Parts(
        database: database, store: try LocalBlobStore(directory: directory), uploadsAreRows: false, client: nil)
    }
    let way = location ?? recorder.map { bucket.location(throughPort: $0.port) } ?? bucket.location
    var settings = S3Settings(location: try S3Location(parsing: way))
    if let retryTimeout { settings.retryTimeout = retryTimeout }
    let client = try S3Client(
      settings, credentials: S3Credentials(accessKey: bucket.accessKey, secretKey: bucket.secretKey), time: time)
    let store = S3BlobStore(client, ledger: DatabaseUploadLedger(database: database), bufferBytes: 64 << 20, time: time)
    return Parts(database: database, store: store, uploadsAreRows: true, client: client)
  }

  /// Removes the directory. Databases and buckets go with their servers.
  public func remove() throws { try removeTree(directory) }
}
