import Ground
import OCI
import TestSupport
import Testing

@testable import Metadata

/// The databases that the contract is held against.
enum DatabaseKind: String, CaseIterable, CustomTestStringConvertible {
  case sqliteInMemory, sqliteInFile, postgreSQL, postgreSQLThroughPooler

  var testDescription: String { rawValue }

  /// Runs `body` with an empty database.
  func withDatabase(_ body: (any Database) async throws -> Void) async throws {
    switch self {
    case .sqliteInMemory: try await body(try SQLiteDatabase.inMemory())
    case .sqliteInFile:
      let directory = try temporaryDirectory()
      try await body(try SQLiteDatabase(path: directory + "/metadata.db"))
      try removeTree(directory)
    case .postgreSQL: try await body(try await PostgresDatabase(try await PostgresSettings.fresh()))
    case .postgreSQLThroughPooler:
      try await body(try await PostgresDatabase(try await PostgresSettings.pooled()))
    }
  }
}

extension PostgresSettings {
  /// A database of its own on the server that all tests share.
  static func fresh() async throws -> PostgresSettings {
    PostgresSettings(url: try await PostgresServer.shared().freshDatabase())
  }

  /// The same behind a pooler in transaction mode.
  static func pooled() async throws -> PostgresSettings {
    let direct = try await PostgresServer.shared().freshDatabase()
    var settings = PostgresSettings(url: try await PoolerServer.shared().url(direct))
    settings.preparesStatements = false
    return settings
  }
}

extension Database {
  /// Records a blob and links it to a repository.
  func publish(_ blob: SampleBlob, to name: RepositoryName, place: String? = nil) async throws {
    _ = try await write { transaction in
      try transaction.publish(
        PublishedBlob(digest: blob.digest, sizeBytes: Int64(blob.bytes.count), place: place), to: name,
        leasedUntil: transaction.now + .seconds(3600))
    }
  }

  func push(_ sample: SampleManifest, to name: RepositoryName, tags: [OCI.Tag] = []) async throws -> ManifestOutcome {
    let record = try sample.record()
    return try await write { transaction in
      try transaction.push(record, to: name, tags: tags, allowsMissing: false, .test(.push))
    }
  }

  func link(_ row: BlobRow, to name: RepositoryName) async throws -> Bool {
    try await write { transaction in
      try transaction.linkPresent(row, to: name, leasedUntil: transaction.now)
    }
  }
}

extension TagCause {
  static func test(_ kind: TagEventKind) -> TagCause { TagCause(kind, by: Origin(actor: "somebody")) }
}

extension PostgresConnection {
  convenience init(_ settings: PostgresSettings) throws {
    try self.init(settings, figures: PostgresFigures(), generation: 0)
  }

  /// Runs a statement that answers nothing.
  func change(_ sql: SQL) throws { _ = try run(sql) { _ in true } }

  /// The single number that a query answers.
  func count(_ sql: SQL) throws -> Int64 {
    var found: Int64 = 0
    _ = try run(sql) { row in
      found = row.integer(0)
      return false
    }
    return found
  }
}
