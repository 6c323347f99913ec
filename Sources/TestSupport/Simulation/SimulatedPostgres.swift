public import Metadata

/// A real PostgreSQL in the place of a simulated machine's database: one database that is emptied for each run, because to
/// make one takes longer than most runs.
///
/// A ``SeededExecutor`` waits for nothing outside: whoever works over this one at a time never waits for another.
public struct SimulatedPostgres: Sendable {
  public let database: PostgresDatabase
  /// Where its statements pass by.
  public let relay: PostgresRelay

  /// - Parameter isPatient: whether a transaction whose connection breaks is tried again.
  public init(isPatient: Bool = true) async throws {
    let server = try await PostgresServer.shared()
    relay = try PostgresRelay(to: server)
    var settings = PostgresSettings(url: relay.url(try await server.freshDatabase()))
    settings.connections = 2
    // A question by the clock on the wall would give each run other statements to count.
    settings.clockRefresh = .seconds(24 * 3600)
    settings.patience = isPatient ? .seconds(60) : .zero
    database = try await PostgresDatabase(settings)
  }

  /// Takes the rows of the run before away, and cuts no more.
  public func clear() async throws {
    relay.rest()
    // A connection that was cut while nobody used it is noticed now, by whoever has no patience.
    for _ in 0..<2 { _ = try? await database.read { try $0.keepsake("none") } }
    try await database.write { transaction in _ = try transaction.connection.run(Self.emptying) { _ in true } }
  }

  /// Tables that others refer to are tried again after those.
  private static let emptying: SQL = """
    DO $$
    DECLARE found TEXT; again BOOLEAN := true;
    BEGIN
      WHILE again LOOP
        again := false;
        FOR found IN
          SELECT tablename FROM pg_tables
          WHERE schemaname = current_schema() AND tablename NOT IN ('schema_migration', 'access_revision')
        LOOP
          BEGIN
            EXECUTE format('DELETE FROM %I', found);
          EXCEPTION WHEN foreign_key_violation THEN
            again := true;
          END;
        END LOOP;
      END LOOP;
    END $$
    """

  /// Ends the way to the server.
  public func close() { relay.stop() }
}
