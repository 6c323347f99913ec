import Glibc
import Synchronization

/// A real PostgreSQL that tests start by themselves: a folder of its own, a free port of 127.0.0.1, nobody else's data.
///
/// It ends with this process at the latest, and its folder goes with it. Roles: `berth` (owner of every database that
/// ``freshDatabase()`` makes, no superuser, no password), `berth_secret` (password `secret`, by SCRAM only), `postgres`
/// (superuser). The cluster sorts text as en-US does, by ICU, as many installations do: SQL that needs the order of bytes
/// has to ask for it.
public final class PostgresServer: Sendable {
  public struct Options: Sendable {
    /// Whether commits survive a crash of the machine (`fsync`). Tests that kill no machine do not need it.
    public var isDurable = false
    public var maxConnections = 100
    /// Further settings of `postgresql.conf`.
    public var settings: [String: String] = [:]
    /// The size of a file system of its own for the data, for tests of a full disk. Needs root.
    public var diskLimitMiB: Int?
    /// With one it takes encrypted connections, too.
    public var identity: Identity?

    /// Files of a certificate and its key, both PEM.
    public struct Identity: Sendable {
      public var certificatePath: String
      public var keyPath: String

      public init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
      }
    }

    public init(
      isDurable: Bool = false, maxConnections: Int = 100, settings: [String: String] = [:], diskLimitMiB: Int? = nil,
      identity: Identity? = nil
    ) {
      self.identity = identity
      self.isDurable = isDurable
      self.maxConnections = maxConnections
      self.settings = settings
      self.diskLimitMiB = diskLimitMiB
    }
  }

  /// How a server is told to end.
  public enum Ending: Sendable {
    /// Breaks all connections, finishes in order (SIGINT).
    case fast
    /// As after a power cut: recovery follows (SIGQUIT).
    case immediate
  }

  public let port: UInt16
  public let options: Options
  let programs: PostgresPrograms
  let folder: String
  private let program = Mutex<ServerProgram?>(nil)
  private let databases = Atomic<Int>(0)

  private static let sharedServer = Shared<PostgresServer>()

  /// The one server that all tests of this process share, started when it is first asked for. Not for tests that stop it.
  public static func shared() async throws -> PostgresServer {
    try await sharedServer.value { try await start(Options(maxConnections: 300)) }
  }

  /// Makes a cluster and starts its server.
  public static func start(_ options: Options = Options()) async throws -> PostgresServer {
    let server = try PostgresServer(options: options)
    if let limit = options.diskLimitMiB { try await server.mountDisk(limit) }
    if let identity = options.identity { try server.install(identity) }
    try await server.programs.run(
      "initdb",
      [
        "--pgdata=\(server.data)", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
        "--locale-provider=icu", "--icu-locale=en-US", "--no-sync",
      ])
    let rules = try readText("\(server.data)/pg_hba.conf")
    try writeText("host all berth_secret 127.0.0.1/32 scram-sha-256\n\(rules)", to: "\(server.data)/pg_hba.conf")
    try await server.launch()
    try await server.sql(
      "CREATE ROLE berth LOGIN CREATEDB; CREATE ROLE berth_secret LOGIN PASSWORD 'secret' IN ROLE berth")
    return server
  }

  init(options: Options) throws {
    self.options = options
    programs = try PostgresPrograms()
    port = try FreePort.next()
    folder = try temporaryDirectory()
    Watchdog.shared.guardFolder(folder)
    try programs.handOver(folder)
  }

  deinit { program.withLock { $0?.signal(SIGQUIT) } }

  /// Where the cluster lies.
  public var data: String { "\(folder)/disk" }

  // MARK: - Databases

  /// An empty database.
  ///
  /// - Returns: its `postgres://` URL for the role `berth`.
  public func freshDatabase() async throws -> String {
    let name = "t\(databases.add(1, ordering: .relaxed).newValue)"
    try await sql("CREATE DATABASE \(name) OWNER berth")
    return url(database: name)
  }

  /// The URL of a database.
  public func url(database: String, user: String = "berth", password: String? = nil) -> String {
    "postgres://\(user)\(password.map { ":\($0)" } ?? "")@127.0.0.1:\(port)/\(database)"
  }

  /// Runs SQL as the superuser, by `psql`.
  ///
  /// - Returns: the rows as lines, columns separated by `|`.
  @discardableResult
  public func sql(_ text: String, database: String = "postgres") async throws -> String {
    let statements = text.split(separator: ";").flatMap { ["-c", String($0)] }
    let printed = try await programs.run(
      "psql",
      [
        "-h", folder, "-p", "\(port)", "-U", "postgres", "-d", database, "-X", "-A", "-t", "-q", "-v",
        "ON_ERROR_STOP=1",
      ] + statements)
    return printed.hasSuffix("\n") ? String(printed.dropLast()) : printed
  }

  /// Breaks the connections of all clients but this one, as an administrator does.
  public func breakConnections() async throws {
    try await sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
  }

  // MARK: - The server

  /// Starts the server and waits until it takes connections.
  public func launch() async throws {
    var settings = options.settings
    settings["fsync"] = options.isDurable ? "on" : "off"
    settings["full_page_writes"] = options.isDurable ? "on" : "off"
    settings["max_connections"] = "\(options.maxConnections)"
    let fixed = [
      "listen_addresses": "127.0.0.1", "port": "\(port)", "unix_socket_directories": folder, "timezone": "UTC",
      "shared_buffers": "64MB", "max_wal_size": "256MB", "logging_collector": "off",
    ]
    settings.merge(fixed) { mine, _ in mine }
    settings.merge(encryption) { mine, _ in mine }
    let assignments = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    let started = try programs.start("postgres", ["-D", data] + assignments, logPath: "\(folder)/log")
    program.withLock { $0 = started }
    try await untilTrue(within: .seconds(60), "PostgreSQL takes connections\n\(started.log)") {
      guard started.isRunning else { return true }
      return (try? await sql("SELECT 1")) == "1"
    }
    guard started.isRunning else { throw LabError("PostgreSQL does not start\n\(started.log)") }
  }

  /// Stops the server; the data stay.
  public func shutDown(_ ending: Ending = .fast) async {
    guard let running = program.withLock({ $0 }) else { return }
    running.resume()
    running.signal(ending == .fast ? SIGINT : SIGQUIT)
    await running.ended()
  }

  /// Stops the server and starts it again on the same port.
  public func restart(_ ending: Ending = .fast) async throws {
    await shutDown(ending)
    try await launch()
  }

  /// Kills the server with all its processes (SIGKILL); ``launch()`` recovers.
  public func kill() async {
    guard let running = program.withLock({ $0 }) else { return }
    running.signalAll(SIGKILL)
    await running.ended()
  }

  /// Stops all its processes without ending them: connections stay open, and nothing answers (SIGSTOP).
  public func pause() { program.withLock { $0?.pause() } }

  /// Lets them go on.
  public func resume() { program.withLock { $0?.resume() } }

  /// Ends the server and removes its data.
  public func stop() async throws {
    await shutDown(.immediate)
    removeSharedMemory()
    if options.diskLimitMiB != nil {
      try await ServerProgram.run(try findProgram("umount", neededFor: "a small disk"), ["-l", data])
    }
    try removeTree(folder)
  }

  /// A killed server leaves its segment of shared memory to the next one; here no next one comes.
  private func removeSharedMemory() {
    guard let lines = try? readText("\(data)/postmaster.pid").split(separator: "\n", omittingEmptySubsequences: false),
      lines.count > 6, let id = lines[6].split(separator: " ").last.flatMap({ Int32($0) })
    else { return }
    shmctl(id, Int32(IPC_RMID), nil)
  }

  /// The end of what the server has printed.
  public var log: String { program.withLock { $0?.log } ?? "" }
}
