import BlobStorage
import Ground
import Logging
import Metadata
import OCI
import RegistryCore

/// The data directory: its lock, the blobs and the database in it.
struct Storage {
  let lock: DirectoryLock
  let store: LocalBlobStore
  let database: SQLiteDatabase

  static func databasePath(_ directory: String) -> String { directory + "/metadata.db" }

  /// Opens the directory for this process alone, making it when it is not there.
  init(settings: Settings) throws {
    let directory = settings.storage.data
    try Self.makeDirectory(directory)
    lock = try DirectoryLock(directory: directory)
    database = try SQLiteDatabase(path: Self.databasePath(directory))
    store = try LocalBlobStore(directory: directory, openFileLimit: settings.cache.descriptors)
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
    try await Registry(database: database, store: store, settings: Registry.Settings(settings), logger: logger)
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
