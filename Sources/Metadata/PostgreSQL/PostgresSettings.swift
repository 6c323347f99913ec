/// How PostgreSQL is used.
public struct PostgresSettings: Sendable {
  /// As libpq understands it: hosts, `sslmode`, `target_session_attrs` and all.
  public var url: String
  /// Wins over what the URL and the environment say.
  public var password: String?
  /// Connections at most.
  public var connections = 16
  /// Making a connection may take so long for each host that the URL names; two seconds at the least.
  public var connectTimeout: Duration = .seconds(5)
  /// What one statement may take; the server ends it then, and a little later we do.
  public var statementTimeout: Duration = .seconds(30)
  /// How long to wait for a free connection.
  public var waitTimeout: Duration = .seconds(10)
  /// How long to go on trying while the server is away: restarting, or failing over.
  public var patience: Duration = .seconds(10)
  /// Off behind a pooler in transaction mode: then nothing is kept in a session, and what limits a session is said again in
  /// each transaction.
  public var preparesStatements = true
  /// How old the measured difference to the server's clock may become before a write takes a new one along.
  public var clockRefresh: Duration = .seconds(5)

  public init(url: String) { self.url = url }
}

extension PostgresSettings {
  /// What the server ends by itself, in milliseconds.
  var statementLimitMilliseconds: Int { Int(statementTimeout / .milliseconds(1)) }
  /// A transaction whose client is gone, or hangs, keeps others from its rows no longer than this, in milliseconds.
  var idleLimitMilliseconds: Int { 2 * statementLimitMilliseconds }

  /// The same limits as of a session, for one transaction. One statement, sent along with those that follow.
  var transactionLimits: SQL {
    let statement = "\(statementLimitMilliseconds)"
    let idle = "\(idleLimitMilliseconds)"
    return """
      SELECT set_config('statement_timeout', \(statement), true), set_config('lock_timeout', \(statement), true),
        set_config('idle_in_transaction_session_timeout', \(idle), true), set_config('jit', 'off', true)
      """
  }
}
