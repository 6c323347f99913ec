public import Access
import BlobStorage
import Glibc
public import Ground
public import HTTPService
import Logging
public import Metadata
public import RegistryCore
import Synchronization

/// A registry that serves in this process, over a directory of its own; on a free loopback port unless told otherwise.
public struct TestRegistry: Sendable {
  /// A server's certificate, as files.
  public struct Certificate: Sendable {
    public var certificatePath: String
    public var keyPath: String
    public var offersHTTP2: Bool
    public var clientCAPath: String?

    public init(
      certificatePath: String, keyPath: String, offersHTTP2: Bool = true, clientCAPath: String? = nil
    ) {
      self.clientCAPath = clientCAPath
      self.certificatePath = certificatePath
      self.keyPath = keyPath
      self.offersHTTP2 = offersHTTP2
    }
  }

  /// Who may do what.
  public enum Access: Sendable {
    case open
    /// Accounts are checked; the account `admin` has the password ``adminPassword``.
    case closed(AccessSettings, any OutboundHTTP)

    /// Accounts are checked, with the settings that nobody changed.
    public static var closed: Access { .closed(AccessSettings(), NoNetwork()) }

    func control(_ database: any Database, _ time: any TimeSource) async throws -> AccessControl {
      switch self {
      case .open: return try await AccessControl(database: database, isOpen: true, http: NoNetwork())
      case .closed(let settings, let http):
        let control = try await AccessControl(
          database: database, settings: settings, http: http, hasher: PasswordHasher(cost: 1, refusalTime: .zero),
          time: time)
        _ = try await control.administration.makeFirstAdmin(password: TestRegistry.adminPassword)
        return control
      }
    }
  }

  public static let adminPassword = "test-admin-password"

  /// Where it listens, with the ports that the system chose.
  public let addresses: [HTTPServer.Address]
  public let registry: Registry
  public let access: AccessControl
  public let metrics: Metrics
  public let health: Health
  public let server: HTTPServer
  private let workers: [WorkerPool]
  private let stopping = Stopping()
  private let parts: TestInstallation.Parts
  /// Nil when it belongs to others too.
  private let ownInstallation: TestInstallation?

  /// The host of the first TCP address.
  public var host: String { tcp?.host ?? "127.0.0.1" }
  /// The port of the first TCP address; 0 without one.
  public var port: Int { tcp?.port ?? 0 }

  private var tcp: (host: String, port: Int)? {
    for address in addresses { if case .tcp(let host, let port) = address { return (host, port) } }
    return nil
  }

  /// Starts a registry.
  ///
  /// - Parameters:
  ///   - installation: what it works over; nil is an empty one of its own, on SQLite and files.
  ///   - url: another way to the installation's PostgreSQL, and `change` other settings of it.
  public static func start(
    over installation: TestInstallation? = nil, databaseURL url: String? = nil,
    postgres change: (inout PostgresSettings) -> Void = { _ in },
    registry settings: Registry.Settings = .init(), http: HTTPServiceSettings = .init(),
    addresses: [HTTPServer.Address] = [.tcp(host: "127.0.0.1", port: 0)], certificate: Certificate? = nil,
    log: RequestLog? = nil, time: any TimeSource = SystemTime(), access choice: Access = .open
  ) async throws -> TestRegistry {
    let own = installation == nil ? try await TestInstallation(.sqliteAndFiles) : nil
    guard let used = installation ?? own else { preconditionFailure("one of the two is there") }
    let parts = try await used.open(url: url, time: time, postgres: change)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let metrics = Metrics()
    let health = Health()
    let workers = [WorkerPool(name: "test-work", threads: 4), WorkerPool(name: "test-upload", threads: 4)]
    let registry = try await Registry(
      database: parts.database, store: parts.store, uploadsAreRows: parts.uploadsAreRows, settings: settings,
      time: time,
      logger: logger)
    let tls = try certificate.map { files in
      try TLSIdentity(
        certificatePath: files.certificatePath, keyPath: files.keyPath, clientCAPath: files.clientCAPath,
        minimumVersion: .tls12,
        offersHTTP2: files.offersHTTP2, logger: logger)
    }
    let access = try await choice.control(parts.database, time)
    let server = HTTPServer(
      addresses: addresses, settings: http, tls: tls, registry: registry, access: access, health: health,
      metrics: metrics, log: log, workers: workers[0], uploadWorkers: workers[1], eventLoops: 2, logger: logger)
    return TestRegistry(
      addresses: try await server.listen(), registry: registry, access: access, metrics: metrics, health: health,
      server: server,
      workers: workers, parts: parts, ownInstallation: own)
  }

  /// Ends serving as a signal would: what is in flight finishes within the limit. Once; a second call returns at once.
  public func stopServing() async {
    if stopping.begin() { await server.stop() }
  }

  /// Ends the server, its threads and its directory.
  public func stop() async throws {
    await stopServing()
    for pool in workers { pool.stop() }
    await parts.close()
    try ownInstallation?.remove()
  }

  private final class Stopping: Sendable {
    private let hasBegun = Atomic<Bool>(false)
    func begin() -> Bool { hasBegun.exchange(true, ordering: .acquiringAndReleasing) == false }
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

/// No provider can be asked.
public struct NoNetwork: OutboundHTTP {
  public init() {}
  struct Unreachable: Error {}
  public func get(_ url: String) async throws -> OutboundResponse { throw Unreachable() }
  public func post(
    _ url: String, form: [(String, String)], authorization: String?
  ) async throws -> OutboundResponse { throw Unreachable() }
}
