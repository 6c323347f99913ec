import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// Migrations of a PostgreSQL that is in use: rows are there, replicas start at once, and some are killed.
@Suite struct `Migrations of PostgreSQL` {
  private static let then = Timestamp(microseconds: 1_700_000_000_000_000)
  private static let repository = "acme/api"
  private static let config = SampleBlob(seed: 1, size: 90)
  private static let image = SampleManifest.image(config: config, layers: [])

  private static func migrate(_ settings: PostgresSettings, upTo number: Int) throws -> PostgresConnection {
    let connection = try PostgresConnection(settings)
    try PostgresMigrator(connection: connection).migrate(now: then, upTo: number)
    return connection
  }

  private static func changing(_ connection: PostgresConnection, _ statements: [SQL]) throws {
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    for statement in statements { try connection.change(statement) }
    try connection.commit()
  }

  /// A tagged image as the first schema had it, which the later ones have to understand.
  private static func pushImage(_ connection: PostgresConnection, at schema: Int) throws {
    let (digest, size) = (config.digest, config.bytes.count)
    try changing(
      connection,
      [
        "INSERT INTO repository (name, manifests, created_at) VALUES (\(repository), 1, \(then))",
        """
        INSERT INTO blob (digest, size, state, links, created_at, checked_at, leased_until)
        VALUES (\(digest), \(size), 1, 1, \(then), \(then), \(then))
        """,
        """
        INSERT INTO repository_blob (repository_id, digest, refs, leased_until)
        SELECT id, \(digest), 1, \(then) FROM repository
        """,
        """
        INSERT INTO manifest (repository_id, digest, media_type, kind, size, tags, parents, idle_since, pushed_at)
        SELECT id, \(image.digest), \(image.mediaType.text), 0, \(image.content.bytes.count), 1, 0, \(then), \(then)
        FROM repository
        """,
        "INSERT INTO manifest_content (manifest_id, bytes) SELECT id, \(image.content.bytes) FROM manifest",
        "INSERT INTO manifest_blob (manifest_id, digest) SELECT id, \(digest) FROM manifest",
        """
        INSERT INTO tag (repository_id, name, digest, updated_at)
        SELECT id, 'v1', \(image.digest), \(then) FROM repository
        """,
        """
        INSERT INTO tag_event (repository_id, tag, to_digest, kind, actor, at)
        SELECT id, 'v1', \(image.digest), 'push', 'anonymous', \(then) FROM repository
        """,
      ])
    guard schema >= Migration.access.number else { return }
    try changing(connection, ["INSERT INTO namespace (name, is_public, created_at) VALUES ('acme', 0, \(then))"])
    // From then on history counts what it keeps.
    guard schema >= Migration.tagMemory.number else { return }
    try changing(connection, ["UPDATE manifest SET events = 1", "UPDATE tag_event SET namespace = 'acme'"])
  }

  @Test(arguments: 1...Migration.latest)
  func `from every earlier schema keep what was pushed, where two replicas start at once`(_ number: Int) async throws {
    let settings = try await PostgresSettings.fresh()
    try Self.pushImage(try Self.migrate(settings, upTo: number), at: number)
    async let first = PostgresDatabase(settings)
    async let second = PostgresDatabase(settings)
    let databases = try await [first, second]
    let name = try RepositoryName(parsing: Self.repository)
    for database in databases {
      let found = try await database.read { try $0.manifest(.tag(.sample("v1")), in: name, known: nil) }
      #expect(found?.bytes == Self.image.content.bytes)
    }
    let found = try await databases[0].read { try $0.inconsistencies(limit: 10) }.map(\.description)
    #expect(found.isEmpty, "\(found)")
    let applied = try PostgresConnection(settings).count("SELECT COUNT(*) FROM schema_migration")
    #expect(applied == Migration.latest)
  }

  @Test(arguments: 1...Migration.latest)
  func `lose no row of any table`(_ number: Int) async throws {
    let settings = try await PostgresSettings.fresh()
    _ = try Self.migrate(settings, upTo: number)
    // As the superuser, whom no reference to what is not there stops.
    let name = String(settings.url.split(separator: "/").last ?? "")
    let url = try await PostgresServer.shared().url(database: name, user: "postgres")
    let filler = try PostgresConnection(.init(url: "\(url)?options=-c%20session_replication_role%3Dreplica"))
    try Self.changing(filler, [Self.fillingAll])
    let before = try Self.filled(filler)
    #expect(before.count > 10)
    _ = try await PostgresDatabase(settings)
    let after = try Self.filled(filler)
    #expect(before.subtracting(after) == [])
  }

  /// A row in each table: 1 for each number, an empty object for each text.
  private static let fillingAll: SQL = """
    DO $$
    DECLARE found TEXT; names TEXT; filling TEXT;
    BEGIN
      FOR found IN
        SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'schema_migration'
      LOOP
        SELECT string_agg(quote_ident(column_name), ','),
          string_agg(
            CASE data_type WHEN 'bigint' THEN '1' WHEN 'bytea' THEN 'convert_to(''a'', ''UTF8'')' ELSE '''{}''' END, ',')
        INTO names, filling FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = found AND is_generated = 'NEVER';
        EXECUTE format('INSERT INTO %I (%s) VALUES (%s) ON CONFLICT DO NOTHING', found, names, filling);
      END LOOP;
    END $$
    """

  /// The tables that hold rows.
  private static func filled(_ connection: PostgresConnection) throws -> Set<String> {
    var tables: Set<String> = []
    _ = try connection.run(
      """
      SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
        AND CAST(query_to_xml(format('SELECT 1 FROM %I LIMIT 1', tablename), false, true, '') AS TEXT) <> ''
      """
    ) { row in
      tables.insert(row.text(0))
      return true
    }
    return tables
  }

  // MARK: Killed in the middle

  /// Columns and indexes of all tables but the record of migrations.
  private static func shape(_ connection: PostgresConnection) throws -> [String] {
    var lines: [String] = []
    _ = try connection.run(
      """
      SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '')
        AS line
      FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'schema_migration'
      UNION ALL
      SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'schema_migration'
      ORDER BY line
      """
    ) { row in
      lines.append(row.text(0))
      return true
    }
    return lines
  }

  private static func shapes() async throws -> [[String]] {
    let settings = try await PostgresSettings.fresh()
    return try (0...Migration.latest).map { try shape(try migrate(settings, upTo: $0)) }
  }

  @Test func `that are killed in the middle leave whole steps, and the next start does the rest`() async throws {
    let shapes = try await Self.shapes()
    let server = try await PostgresServer.shared()
    let relay = try PostgresRelay(to: server)
    defer { relay.stop() }
    _ = try await PostgresDatabase(PostgresSettings(url: relay.url(try await server.freshDatabase())))
    let count = relay.counts.statements
    let chance = SeededRandom(seed: 16)
    for round in 0..<12 {
      let direct = PostgresSettings(url: try await server.freshDatabase())
      let number = Int(chance.next() % UInt64(count - 5))
      let cut = PostgresRelay.Cut.allCases[round % 2]
      relay.follow { $0 == number ? cut : nil }
      var cutting = PostgresSettings(url: relay.url(direct.url))
      cutting.patience = .zero
      let isAlone = round % 3 < 2
      if isAlone {
        await #expect(throws: DatabaseError.self) { _ = try await PostgresDatabase(cutting) }
      } else {
        // Another starts beside it. Who comes second finds less to do, and may be through before the cut.
        async let other = PostgresDatabase(direct)
        _ = try? await PostgresDatabase(cutting)
        _ = try await other
      }
      let when = "\(cut) statement \(number) of \(count)"
      let connection = try PostgresConnection(direct)
      let isThere = try connection.count("SELECT CAST(to_regclass('schema_migration') IS NOT NULL AS INTEGER)") == 1
      let applied = isThere ? Int(try connection.count("SELECT COALESCE(MAX(number), 0) FROM schema_migration")) : 0
      #expect(isAlone || applied == Migration.latest, "\(when)")
      #expect(try Self.shape(connection) == shapes[applied], "\(when)")
      let database = try await PostgresDatabase(direct)
      try await database.write { try $0.setKeepsake("after", [1]) }
      #expect(try Self.shape(connection) == shapes[Migration.latest], "\(when)")
    }
  }
}
