import Access
import BlobStorage
import Glibc
public import Ground
public import HTTPService
import Logging
import Metadata
public import RegistryCore

/// A registry that serves on a free loopback port of this process, over a directory of its own.
public struct TestRegistry: Sendable {
  public let host = "127.0.0.1"
  public let port: Int
  public let registry: Registry
  public let metrics: Metrics
  private let server: HTTPServer
  private let workers: [WorkerPool]
  private let directory: String

  /// Starts with an empty registry.
  public static func start(
    registry settings: Registry.Settings = .init(), http: HTTPServiceSettings = .init()
  ) async throws -> TestRegistry {
    let directory = try temporaryDirectory()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let metrics = Metrics()
    let workers = [WorkerPool(name: "test-work", threads: 4), WorkerPool(name: "test-upload", threads: 4)]
    let registry = try await Registry(
      database: try SQLiteDatabase(path: directory + "/metadata.db"), store: try LocalBlobStore(directory: directory),
      settings: settings, logger: logger)
    let server = HTTPServer(
      addresses: [.tcp(host: "127.0.0.1", port: 0)], settings: http, tls: nil, registry: registry, policy: .open,
      health: Health(), metrics: metrics, log: nil, workers: workers[0], uploadWorkers: workers[1], eventLoops: 2,
      logger: logger)
    guard case .tcp(_, let port)? = try await server.listen().first else {
      preconditionFailure("a TCP address was asked for")
    }
    return TestRegistry(
      port: port, registry: registry, metrics: metrics, server: server, workers: workers, directory: directory)
  }

  /// Ends the server, its threads and its directory.
  public func stop() async throws {
    await server.stop()
    for pool in workers { pool.stop() }
    try removeTree(directory)
  }
}

/// A new directory below the system's temporary one.
public func temporaryDirectory() throws -> String {
  let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(base)/berth-test-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else {
    throw DiskError(operation: "make directory", path: base, code: errno)
  }
  return String(cString: made)
}

/// Removes a directory with everything in it.
public func removeTree(_ path: String) throws {
  let disk = LocalDisk()
  for name in try disk.list(path) {
    let entry = "\(path)/\(name)"
    var status = stat()
    guard lstat(entry, &status) == 0 else { throw DiskError(operation: "stat", path: entry, code: errno) }
    if status.st_mode & S_IFMT == S_IFDIR { try removeTree(entry) } else { try disk.unlink(entry) }
  }
  guard rmdir(path) == 0 else { throw DiskError(operation: "remove", path: path, code: errno) }
}
