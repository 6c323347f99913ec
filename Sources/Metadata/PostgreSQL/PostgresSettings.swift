/// How PostgreSQL is used.
public struct PostgresSettings: Sendable {
  /// As libpq understands it: hosts, `sslmode`, `target_session_attrs` and all.
  public var url: String
  /// Wins over what the URL and the environment say.
  public var password: String?
  /// Connections at most.
  public var connections = 16
  public var connectTimeout: Duration = .seconds(5)
  /// What one statement may take; the server ends it then, and a little later we do.
  public var statementTimeout: Duration = .seconds(30)
  /// How long to wait for a free connection.
  public var waitTimeout: Duration = .seconds(10)
  /// How long to go on trying while the server is away: restarting, or failing over.
  public var patience: Duration = .seconds(10)
  /// Off behind a pooler in transaction mode: then nothing is kept in a session.
  public var preparesStatements = true

  public init(url: String) { self.url = url }
}
