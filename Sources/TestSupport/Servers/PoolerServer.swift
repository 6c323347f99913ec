import Glibc

/// A real PgBouncer in transaction mode, before a PostgreSQL of the tests: each transaction gets whichever of few sessions is
/// free.
public final class PoolerServer: Sendable {
  /// So few that the connections of one process share them.
  public static let sessionLimit = 3

  public let port: UInt16
  private let postgresPort: UInt16
  private let folder: String
  private let program: ServerProgram

  private static let sharedServer = Shared<PoolerServer>()

  /// The one before ``PostgresServer/shared()``, started when it is first asked for.
  public static func shared() async throws -> PoolerServer {
    try await sharedServer.value { try await start(before: try await PostgresServer.shared()) }
  }

  /// Starts one before a server.
  public static func start(before postgres: PostgresServer) async throws -> PoolerServer {
    let pooler = try PoolerServer(before: postgres)
    try await untilTrue(within: .seconds(60), "PgBouncer takes connections\n\(pooler.program.log)") {
      guard pooler.program.isRunning else { return true }
      return (try? ProxySocket.connect(to: pooler.port)) != nil
    }
    guard pooler.program.isRunning else { throw LabError("PgBouncer does not start\n\(pooler.program.log)") }
    return pooler
  }

  private init(before postgres: PostgresServer) throws {
    port = try FreePort.next()
    postgresPort = postgres.port
    folder = try temporaryDirectory()
    Watchdog.shared.guardFolder(folder)
    try writeText(#""berth" """#, to: "\(folder)/users")
    try writeText(
      """
      [databases]
      * = host=127.0.0.1 port=\(postgres.port)
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = \(port)
      unix_socket_dir =
      auth_type = trust
      auth_file = \(folder)/users
      pool_mode = transaction
      default_pool_size = \(Self.sessionLimit)
      max_client_conn = 1000
      log_connections = 0
      log_disconnections = 0

      """, to: "\(folder)/pgbouncer.ini")
    for path in [folder, "\(folder)/users", "\(folder)/pgbouncer.ini"] { try postgres.programs.handOver(path) }
    program = try postgres.programs.start(
      findProgram("pgbouncer", neededFor: "the test of a pooler"), ["\(folder)/pgbouncer.ini"], logPath: "\(folder)/log"
    )
  }

  deinit { program.signal(SIGQUIT) }

  /// The way to a database of the server through here.
  public func url(_ direct: String) -> String { direct.replacing(":\(postgresPort)/", with: ":\(port)/") }

  /// Ends it.
  public func stop() async throws {
    program.signal(SIGQUIT)
    await program.ended()
    try removeTree(folder)
  }
}
