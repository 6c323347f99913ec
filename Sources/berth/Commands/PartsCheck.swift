import BlobStorage
import Glibc
import Ground
import Logging
import Metadata

/// Connects to the parts that the settings name, and says of each whether it can be used.
struct PartsCheck {
  /// A check that fails is not repeated for as long as a server would.
  private static let patience: Duration = .seconds(3)
  /// Clocks may differ by so much before it is worth a word; nothing that decides depends on them.
  private static let clockTolerance: Duration = .seconds(30)

  private let settings: Settings

  init(_ settings: Settings) { self.settings = settings }

  /// Prints a line for each part, and for each problem. Answers how many problems there are.
  func run() async throws -> Int {
    let problems = directory() + (try database()) + (await blobs()) + tls()
    // Where each of them can be used, whether they can be used together.
    return problems > 0 ? problems : await together()
  }

  /// Whether the data directory is one, or can be made.
  private func directory() -> Int {
    guard settings.storage.database == nil || settings.storage.blobs == nil else { return 0 }
    do {
      try DataDirectory(settings).check(for: .serving)
      try DataDirectory(settings).checkWritable()
      return 0
    } catch {
      print("data: \(settings.storage.data)\n  problem: \(error)")
      return 1
    }
  }

  private func tls() -> Int {
    do {
      _ = try Server.tls(settings, Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
      return 0
    } catch {
      print("tls:\n  problem: \(error)")
      return 1
    }
  }

  private func together() async -> Int {
    guard settings.storage.database != nil || settings.storage.blobs != nil else { return 0 }
    do {
      let client = try settings.storage.blobs.map { try s3Client($0) }
      let outcome = await Result(catching: { try await mismatch(client) })
      try? await client?.shutdown()
      guard let problem = try outcome.get() else { return 0 }
      print("  problem: \(problem)")
      return 1
    } catch {
      print("  problem: \(error)")
      return 1
    }
  }

  private func mismatch(_ client: S3Client?) async throws -> StoreIdentity.Mismatch? {
    let database: any Database
    if settings.storage.database != nil {
      // Nothing is there yet, or an older schema that a server brings up to date.
      guard let found = try? await PostgresDatabase(try PostgresSettings(settings), migrates: false) else { return nil }
      database = found
    } else {
      let path = Storage.databasePath(settings.storage.data)
      guard access(path, F_OK) == 0 else { return nil }
      database = try SQLiteDatabase(readingPath: path)
    }
    return try await StoreIdentity(database, client, directory: settings.storage.data).problem()
  }

  private func database() throws -> Int {
    guard let url = settings.storage.database else {
      print("database: SQLite in \(settings.storage.data)")
      let path = Storage.databasePath(settings.storage.data)
      guard access(path, F_OK) == 0 else { return 0 }
      do { _ = try SQLiteDatabase(readingPath: path) } catch {
        print("  problem: \(error)")
        return 1
      }
      return 0
    }
    do {
      var postgres = try PostgresSettings(settings)
      postgres.patience = Self.patience
      let found = try PostgresExamination(postgres)
      let schema = found.schema.map { "schema \($0)" } ?? "no registry yet"
      print("database: PostgreSQL \(found.version), \(found.user)@\(found.database), \(schema)")
      for problem in found.problems { print("  problem: \(problem)") }
      if found.clockAhead > Self.clockTolerance || found.clockAhead < .zero - Self.clockTolerance {
        print(
          "  note: its clock is \(Int(found.clockAhead.inSeconds)) s ahead of this machine's; what is decided by "
            + "time is decided by the database")
      }
      return found.problems.count
    } catch {
      print("database: \(url.shown)")
      print("  problem: \(error)")
      return 1
    }
  }

  private func blobs() async -> Int {
    guard let url = settings.storage.blobs else {
      print("blobs: files in \(settings.storage.data)")
      return 0
    }
    print("blobs: \(url.text)")
    do {
      let client = try s3Client(url)
      let problems = await client.examine()
      try? await client.shutdown()
      for problem in problems { print("  problem: \(problem)") }
      return problems.count
    } catch {
      print("  problem: \(error)")
      return 1
    }
  }

  private func s3Client(_ url: BlobsURL) throws -> S3Client {
    var s3 = S3Settings(settings, url.location)
    s3.retryTimeout = Self.patience
    return try S3Client(s3, credentials: try Storage.credentials(settings))
  }
}
