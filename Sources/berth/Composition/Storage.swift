import BlobStorage
import Ground
import Logging
import Metadata
import RegistryCore

/// The parts that hold everything, as the settings choose them: a database, and a store for the bytes.
struct Storage {
  enum DatabasePart {
    case sqlite(SQLiteDatabase)
    case postgres(PostgresDatabase)
  }
  enum BlobPart {
    case files(LocalBlobStore)
    case objects(S3BlobStore, S3Client)
  }

  /// Held while the data directory is in use; nil when nothing lies there.
  let lock: DirectoryLock?
  let databasePart: DatabasePart
  let blobPart: BlobPart
  /// In front of the object store, where the settings want one.
  let cache: CachingBlobStore?

  static func databasePath(_ directory: String) -> String { directory + "/metadata.db" }

  /// What the parts are opened for.
  enum Purpose: Sendable, Hashable {
    /// They are made where they are not there.
    case serving
    /// They are there, or it is a mistake.
    case examining
    /// Rows are made of the bytes that are there. A store that belongs to another registry becomes this one's only when that is
    /// said.
    case rebuilding(takesOver: Bool)
    /// A registry is being moved here; nobody else may use it before that has ended.
    case moveTarget
  }

  /// Opens what the settings name, for this process alone where the data directory is part of it.
  ///
  /// - Throws: ``DataDirectory/Unusable`` among others.
  init(settings: Settings, for purpose: Purpose = .serving) async throws {
    let directory = settings.storage.data
    if settings.storage.database == nil || settings.storage.blobs == nil {
      try DataDirectory(settings).check(for: purpose)
      try Self.makeDirectory(directory)
      lock = try DirectoryLock(directory: directory)
    } else {
      lock = nil
    }
    let (databasePart, database) = try await Self.openDatabase(settings)
    self.databasePart = databasePart
    if let location = settings.storage.blobs {
      let client = try S3Client(S3Settings(settings, location.location), credentials: try Self.credentials(settings))
      let objects = S3BlobStore(
        client, ledger: DatabaseUploadLedger(database: database), bufferBytes: settings.s3.bufferBytes,
        // What a move goes to is named at its end.
        witness: purpose == .moveTarget ? nil : StoreIdentity.name)
      blobPart = .objects(objects, client)
      do {
        cache = try settings.cache.diskDirectory.map {
          try Self.makeDirectory($0)
          return try CachingBlobStore(objects, directory: $0, limitBytes: settings.cache.diskBytes)
        }
      } catch {
        try? await client.shutdown()
        throw error
      }
    } else {
      blobPart = .files(try LocalBlobStore(directory: directory, openFileLimit: settings.cache.descriptors))
      cache = nil
    }
    do {
      if purpose != .moveTarget { try await refuseUnfinishedMove() }
      // Both in one directory, which is locked: there is nothing to confuse.
      if settings.storage.database != nil || settings.storage.blobs != nil {
        try await StoreIdentity(database, objects, directory: directory).verify(for: purpose)
      }
    } catch {
      await close()
      throw error
    }
  }

  struct UnfinishedMove: Error, CustomStringConvertible {
    let description =
      "a registry is being moved to this database, and not all of it is there: begin `berth move` again, which goes on"
  }

  private func refuseUnfinishedMove() async throws {
    if try await database.read({ try $0.keepsake(Keepsake.moveFrom) }) != nil { throw UnfinishedMove() }
  }

  var database: any Database {
    switch databasePart {
    case .sqlite(let database): database
    case .postgres(let database): database
    }
  }

  var store: any BlobStore {
    if let cache { return cache }
    switch blobPart {
    case .files(let store): return store
    case .objects(let store, _): return store
    }
  }

  private var objects: S3Client? {
    if case .objects(_, let client) = blobPart { client } else { nil }
  }

  var uploadsAreRows: Bool {
    if case .objects = blobPart { true } else { false }
  }

  /// Whether other processes may use the same parts.
  var isShared: Bool { lock == nil }

  private static func openDatabase(_ settings: Settings) async throws -> (DatabasePart, any Database) {
    guard settings.storage.database != nil else {
      let database = try SQLiteDatabase(path: databasePath(settings.storage.data))
      return (.sqlite(database), database)
    }
    let database = try await PostgresDatabase(try PostgresSettings(settings))
    return (.postgres(database), database)
  }

  static func credentials(
    _ settings: Settings, environment: [String: String] = processEnvironment()
  ) throws -> any S3CredentialsSource {
    guard let key = settings.s3.accessKeyID else { return S3CredentialsChain.standard(environment: environment) }
    let secret = try settings.s3.secretAccessKeyFile.map { try SecretFile.read($0) } ?? settings.s3.secretAccessKey
    return S3Credentials(accessKey: key, secretKey: secret ?? "")
  }

  /// Makes a directory and those above it.
  private static func makeDirectory(_ path: String) throws {
    var built = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      let parent = built.isEmpty ? "/" : built
      built += "/" + part
      if try LocalDisk().makeDirectory(built) { try LocalDisk().syncDirectory(parent) }
    }
  }

  func registry(_ settings: Settings, logger: Logger) async throws -> Registry {
    try await Registry(
      database: database, store: store, uploadsAreRows: uploadsAreRows, settings: Registry.Settings(settings),
      logger: logger)
  }

  /// Folds back what was written ahead.
  func settle() async throws {
    if case .sqlite(let database) = databasePart { try database.checkpoint() }
    try await store.settle()
  }

  /// Closes connections. Nothing may be asked of the parts afterwards.
  func close() async {
    if case .objects(_, let client) = blobPart { try? await client.shutdown() }
  }
}

extension Registry.Settings {
  init(_ settings: Settings) {
    self.init()
    lease = settings.collection.lease
    acceptsSparseManifests = settings.manifests.acceptSparseIndexes
    blobLimitBytes = settings.limits.blobBytes.map { Int64($0) }
    manifestLimitBytes = settings.limits.manifestBytes
    uploadsExpireAfter = settings.uploads.expireAfter
    uploadLimit = settings.limits.uploadSessions
    manifestCacheBytes = settings.cache.manifestBytes
    blobCacheBytes = settings.cache.blobBytes
  }
}

extension PostgresSettings {
  init(_ settings: Settings) throws {
    self.init(url: settings.storage.database?.text ?? "")
    password = try settings.database.passwordFile.map { try SecretFile.read($0) }
    connections = settings.database.connections
    connectTimeout = settings.database.connectTimeout
    statementTimeout = settings.database.statementTimeout
    waitTimeout = settings.database.waitTimeout
    patience = settings.database.patience
    preparesStatements = settings.database.preparedStatements
  }
}

extension S3Settings {
  init(_ settings: Settings, _ location: S3Location) {
    self.init(location: location)
    connections = settings.s3.connections
    requestTimeout = settings.s3.requestTimeout
    retryTimeout = settings.s3.retryTimeout
  }
}

/// A file that holds a secret and nothing else.
enum SecretFile {
  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  static func read(_ path: String) throws -> String {
    guard let text = LocalDisk.smallFile(path) else { throw Unreadable(description: "the file \(path) cannot be read") }
    let secret = text.split(whereSeparator: \.isNewline).first.map { String($0) } ?? ""
    guard !secret.isEmpty else { throw Unreadable(description: "the file \(path) holds no secret") }
    return secret
  }
}
