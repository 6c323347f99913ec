import Glibc

extension PostgresServer {
  /// A second server that follows this one, ready to be promoted. It answers reads meanwhile.
  ///
  /// - Parameter isSynchronous: whether this server waits with every commit until the standby has it, so that a
  ///   fail-over loses nothing that was acknowledged.
  public func standby(isSynchronous: Bool = true) async throws -> PostgresServer {
    let copy = try PostgresServer(options: options)
    try await programs.run(
      "pg_basebackup",
      [
        "--host=\(folder)", "--port=\(port)", "--username=postgres", "--pgdata=\(copy.data)", "--write-recovery-conf",
        "--checkpoint=fast", "--wal-method=stream", "--no-sync",
      ])
    // The connection to this server must have a name to be waited for.
    let name = "standby"
    let address = "host=\(folder) port=\(port) user=postgres application_name=\(name)"
    try writeText("primary_conninfo = '\(address)'\n", to: "\(copy.data)/postgresql.auto.conf")
    try await copy.launch()
    if isSynchronous {
      try await sql("ALTER SYSTEM SET synchronous_standby_names = '\(name)'; SELECT pg_reload_conf()")
    }
    try await untilTrue(within: .seconds(30), "the standby follows\n\(copy.log)") {
      let state = try? await sql("SELECT state, sync_state FROM pg_stat_replication")
      return state == (isSynchronous ? "streaming|sync" : "streaming|async")
    }
    return copy
  }

  /// Makes a standby the server that takes writes.
  public func promote() async throws {
    try await sql("SELECT pg_promote(true, 60)")
  }

  /// URL of a database on whichever of two servers takes writes.
  public func url(database: String, orOn other: PostgresServer) -> String {
    "postgres://berth@127.0.0.1:\(port),127.0.0.1:\(other.port)/\(database)?target_session_attrs=read-write"
  }
}
