import BlobStorage
import Ground
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
    let problems = try database() + (await blobs())
    return problems
  }

  private func database() throws -> Int {
    guard let url = settings.storage.database else {
      print("database: SQLite in \(settings.storage.data)")
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
      var s3 = S3Settings(settings, url.location)
      s3.retryTimeout = Self.patience
      let client = try S3Client(s3, credentials: try Storage.credentials(settings))
      let problems = await client.examine()
      try? await client.shutdown()
      for problem in problems { print("  problem: \(problem)") }
      return problems.count
    } catch {
      print("  problem: \(error)")
      return 1
    }
  }
}
