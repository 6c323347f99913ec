public import Ground

/// What an operator should know of a PostgreSQL before it is used: what stands in the way, and what will.
public struct PostgresExamination: Sendable {
  public let version: String
  public let user: String
  public let database: String
  /// Nil: no registry was served from it yet.
  public let schema: Int?
  /// How far the server's clock is ahead of this machine's.
  public let clockAhead: Duration
  /// In words; empty when all is well.
  public let problems: [String]

  /// Connects and looks. Changes nothing.
  ///
  /// - Throws: ``DatabaseError`` when there is no connection.
  public init(_ settings: PostgresSettings, time: any TimeSource = SystemTime()) throws {
    do {
      let connection = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
      try self.init(connection, settings, time)
    } catch let error as PostgresError {
      throw error.translated
    }
  }

  private init(_ connection: PostgresConnection, _ settings: PostgresSettings, _ time: any TimeSource) throws {
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
    defer { connection.rollback() }
    var texts: [String] = []
    var numbers: [Int64] = []
    _ = try connection.run(
      """
      SELECT current_setting('server_version'), CAST(current_user AS TEXT), CAST(current_database() AS TEXT),
        current_setting('server_encoding'), COALESCE(CAST(current_schema() AS TEXT), ''),
        CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT),
        CAST(current_setting('max_connections') AS BIGINT),
        CAST(pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS INTEGER)::BIGINT,
        CAST(to_regclass('schema_migration') IS NOT NULL AS INTEGER)::BIGINT
      """
    ) { row in
      texts = (0..<5).map { row.text($0) }
      numbers = (5..<9).map { row.integer($0) }
      return false
    }
    version = texts[0]
    user = texts[1]
    database = texts[2]
    let now = time.now.microseconds
    clockAhead = .microseconds(numbers[0] - now)
    schema = numbers[3] == 1 ? try Self.schema(connection) : nil
    var problems: [String] = []
    if texts[3] != "UTF8" { problems.append("the database's encoding is \(texts[3]); create it with ENCODING 'UTF8'") }
    if texts[4].isEmpty {
      problems.append("no schema of the search path exists for \(texts[1])")
    } else if try !Self.mayCreate(connection, in: texts[4]) {
      problems.append(
        "\(texts[1]) may not create tables: GRANT CREATE ON SCHEMA \(texts[4]) TO \(texts[1]), or make it the owner")
    }
    if numbers[1] < Int64(settings.connections) {
      problems.append(
        "max_connections is \(numbers[1]), and each replica opens up to \(settings.connections) (database.connections)")
    }
    if numbers[2] == 1 {
      problems.append("the server takes no writes: add target_session_attrs=read-write to the URL, with all its hosts")
    }
    if let schema, schema > Migration.latest {
      problems.append("its schema \(schema) is of a newer berth; this one knows \(Migration.latest)")
    }
    self.problems = problems
  }

  private static func schema(_ connection: PostgresConnection) throws -> Int {
    var found = 0
    _ = try connection.run("SELECT COALESCE(MAX(number), 0) FROM schema_migration") { row in
      found = Int(row.integer(0))
      return false
    }
    return found
  }

  private static func mayCreate(_ connection: PostgresConnection, in schema: String) throws -> Bool {
    var may = false
    _ = try connection.run(
      "SELECT CAST(has_schema_privilege(current_user, CAST(\(schema) AS TEXT), 'CREATE') AS INTEGER)::BIGINT"
    ) { row in
      may = row.integer(0) == 1
      return false
    }
    return may
  }
}
