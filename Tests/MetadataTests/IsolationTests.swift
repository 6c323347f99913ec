import OCI
import TestSupport
import Testing

@testable import Metadata

/// Statements of one transaction see different states of the database at READ COMMITTED.
@Suite struct `A blob's first link` {
  @Test func `is counted where another makes the repository between two statements`() async throws {
    let settings = try await PostgresSettings.fresh()
    let database = try await PostgresDatabase(settings)
    let (repository, blob) = (try RepositoryName(parsing: "acme/api"), SampleBlob(seed: 1, size: 10))
    let other = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    try other.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    // The push has looked for the repository, found none, and waits to insert its link.
    try other.change("LOCK TABLE repository_blob IN SHARE ROW EXCLUSIVE MODE")
    async let published: Void = database.publish(blob, to: repository)
    while try other.count("SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'repository_blob'::regclass")
      == 0
    {
      try await Task.sleep(for: .milliseconds(5))
    }
    try other.change("INSERT INTO namespace (name, is_public, created_at) VALUES ('acme', 0, 0)")
    try other.change("INSERT INTO repository (name, manifests, created_at, is_indexed) VALUES ('acme/api', 0, 0, 1)")
    try other.commit()
    try await published
    #expect(try await database.read { try $0.number("SELECT links FROM blob") } == 1)
    #expect(try await database.read { try $0.unlinkedBlobs(limit: 10) }.isEmpty)
  }

  /// As an older version could leave it. `berth check` tells of it; what is linked is not collected.
  @Test func `keeps the blob from the collector also where it was not counted`() async throws {
    let settings = try await PostgresSettings.fresh()
    let database = try await PostgresDatabase(settings)
    let blob = SampleBlob(seed: 1, size: 10)
    try await database.publish(blob, to: try RepositoryName(parsing: "acme/api"))
    let other = try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    try other.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    try other.change("UPDATE blob SET links = 0, leased_until = 0")
    try other.commit()
    let row = try #require(try await database.read { try $0.blob(blob.digest) })
    #expect(try await database.read { try $0.unlinkedBlobs(limit: 10) }.isEmpty)
    #expect(try await database.write { try $0.claimBlob(row) } == false)
    #expect(try await database.read { try $0.inconsistencies(limit: 10) }.count == 1)
  }
}

@Suite struct `A statement behind one that failed` {
  @Test func `is prepared again when it is needed next`() async throws {
    let connection = try PostgresConnection(
      try await PostgresSettings.fresh(), figures: PostgresFigures(), generation: 0)
    let sum: SQL = "SELECT CAST(\(40) AS BIGINT) + \(2)"
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    try connection.submit("SELECT 1 / CAST(\(0) AS BIGINT)", to: Discarded.sink)
    #expect(throws: PostgresError.self) { try connection.count(sum) }
    connection.rollback()
    try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    #expect(try connection.count(sum) == 42)
    connection.rollback()
    #expect(!connection.isBroken)
  }
}

/// Which anomaly the lock of a repository's row prevents at READ COMMITTED: docs/decisions/0011.
@Suite struct `An artifact and its subject, pushed at once` {
  @Test func `miss each other where nobody locks the repository`() async throws {
    let settings = try await PostgresSettings.fresh()
    let database = try await PostgresDatabase(settings)
    try await database.publish(SampleBlob(seed: 1, size: 10), to: try RepositoryName(parsing: "acme/api"))
    let (one, other) = try Self.connections(settings)
    for connection in [one, other] { try connection.begin("BEGIN ISOLATION LEVEL READ COMMITTED") }
    // Each looks for the other before either is there.
    #expect(try one.count("SELECT COUNT(*) FROM manifest WHERE digest = 'subject'") == 0)
    #expect(try other.count("SELECT COUNT(*) FROM manifest WHERE subject = 'subject'") == 0)
    try Self.insert(one, digest: "artifact", subject: "subject")
    try Self.insert(other, digest: "subject", subject: nil)
    try one.commit()
    try other.commit()
    // The subject's artifact is there, and nothing counted it.
    try one.begin("BEGIN ISOLATION LEVEL READ COMMITTED")
    let lost = try one.count(
      """
      SELECT COUNT(*) FROM manifest a JOIN manifest s ON s.digest = a.subject AND s.repository_id = a.repository_id
      WHERE a.parents = 0
      """)
    one.rollback()
    #expect(lost == 1)
  }

  @Test func `find each other with the lock that pushes take`() async throws {
    let database = try await PostgresDatabase(try await PostgresSettings.fresh())
    let name = try RepositoryName(parsing: "acme/api")
    let config = SampleBlob(seed: 1, size: 10)
    try await database.publish(config, to: name)
    for round in 0..<15 {
      let subject = SampleManifest.image(config: config, layers: [], note: "subject \(round)")
      let artifact = SampleManifest.image(config: config, layers: [], subject: subject, note: "artifact \(round)")
      async let first = database.push(artifact, to: name)
      async let second = database.push(subject, to: name)
      _ = try await (first, second)
    }
    let found = try await database.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }

  private static func connections(_ settings: PostgresSettings) throws -> (PostgresConnection, PostgresConnection) {
    (
      try PostgresConnection(settings, figures: PostgresFigures(), generation: 0),
      try PostgresConnection(settings, figures: PostgresFigures(), generation: 0)
    )
  }

  private static func insert(_ connection: PostgresConnection, digest: String, subject: String?) throws {
    _ = try connection.run(
      """
      INSERT INTO manifest (repository_id, digest, media_type, kind, size, subject, tags, parents, idle_since, pushed_at)
      SELECT id, \(digest), 'type', 0, 1, \(subject), 0, 0, 0, 0 FROM repository
      """
    ) { _ in true }
  }
}
