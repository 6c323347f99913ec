import ArgumentParser
import BlobStorage
import Ground
import Logging
import Metadata
import OCI
import RegistryCore
import Synchronization
import Upkeep

struct MoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Take the registry to another database and another store, while it serves.",
    discussion: """
      The settings say where the registry is now, the --to options where it goes; the target must be empty. Blobs are copied
      while the old place serves. Then it is sealed: pulls go on, pushes are answered with 503 until the rows have followed,
      for as long as the command says at its end. Start berth with the new settings then, and stop the old one.
      A move that was interrupted goes on when it is begun again; --abort lets the old place take pushes again instead.
      After a move that has ended it refuses, because both places would take pushes: move back from the new place then.
      Uploads that are under way are begun anew by their clients.

        berth move --to-database postgres://berth@db.example/berth --to-blobs s3://bucket
        berth move --database postgres://… --blobs s3://… --to-data ./berth-data
      """)

  @OptionGroup var options: SettingsOptions

  @Option(help: ArgumentHelp("A PostgreSQL to move to.", valueName: "url"))
  var toDatabase: String?

  @Option(help: ArgumentHelp("An object store to move to.", valueName: "url"))
  var toBlobs: String?

  @Option(
    help: ArgumentHelp(
      "A data directory to move to: what neither --to-database nor --to-blobs names.", valueName: "dir"))
  var toData: String?

  @Flag(help: "Give a move up that has not ended: the old place takes pushes again.")
  var abort = false

  @Flag(help: "With --abort: also after a move that has ended. Only where the new place was never served.")
  var force = false

  func run() async throws {
    do {
      let settings = try options.load().settings
      if abort { return try await giveUp(settings) }
      let source = try await MoveSource(settings)
      let outcome = await Result(catching: { try await move(settings, from: source) })
      await source.close()
      try outcome.get()
    } catch let error as ExitCode {
      throw error
    } catch {
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
  }

  private func giveUp(_ settings: Settings) async throws {
    let database = try await MoveSource.database(settings)
    guard try await database.read({ try $0.isSealed() }) else {
      return print("nothing was given up: this place takes pushes")
    }
    try await Relocation.abort(at: database, evenIfEnded: force)
    print("given up: this place takes pushes again")
  }

  private func move(_ settings: Settings, from source: MoveSource) async throws {
    let target = try targetSettings(settings)
    let keepsBlobs = toBlobs == nil && toData == nil
    let progress = SharedProgress()
    let outcome: Relocation.Outcome
    if keepsBlobs {
      guard settings.storage.blobs != nil else {
        throw ValidationError(
          "the blobs are files of one data directory, which PostgreSQL does not need: name --to-blobs, or --to-data for "
            + "a directory that they go to")
      }
      let database = try await PostgresDatabase(try PostgresSettings(target))
      outcome = try await Relocation(from: source.end, to: database, nil) { progress.show($0) }.run()
    } else {
      let storage = try await Storage(settings: target, for: .moveTarget)
      let result = await Result(catching: {
        try await Relocation(from: source.end, to: storage.database, storage.store) { progress.show($0) }.run()
      })
      try? await storage.settle()
      await storage.close()
      outcome = try result.get()
    }
    progress.clear()
    tell(outcome)
  }

  private func targetSettings(_ settings: Settings) throws -> Settings {
    guard toDatabase != nil || toBlobs != nil || toData != nil else {
      throw ValidationError("say where to: --to-database, --to-blobs, --to-data")
    }
    guard toDatabase != nil || toData != nil else {
      throw ValidationError("the database has to go somewhere too: name --to-database, or --to-data for a directory")
    }
    var target = settings
    target.cache.diskDirectory = nil
    do throws(ValueProblem) {
      target.storage.database = try toDatabase.map { text throws(ValueProblem) in try DatabaseURL(parsing: text) }
      let isStaying = toBlobs == nil && toData == nil
      target.storage.blobs =
        isStaying
        ? settings.storage.blobs : try toBlobs.map { text throws(ValueProblem) in try BlobsURL(parsing: text) }
    } catch {
      throw ValidationError(error.message)
    }
    if let toData { target.storage.data = toData }
    return target
  }

  private func tell(_ outcome: Relocation.Outcome) {
    for line in outcome.damaged { print("damaged, not taken along: \(line)") }
    print("moved \(outcome.blobs) blobs, \(sizeText(outcome.bytes)), and \(outcome.rows) rows")
    let tenths = Int((outcome.sealed.inSeconds * 10).rounded())
    print("pushes were refused for \(tenths / 10).\(tenths % 10) s")
    print("start berth with the new settings now; the old place answers pulls until you stop it, and takes no pushes")
  }
}

/// Where a registry is moved from: a server may be using it.
struct MoveSource {
  let end: Relocation.End
  private let lock: DirectoryLock?
  private let client: S3Client?

  init(_ settings: Settings) async throws {
    let database = try await Self.database(settings)
    if let location = settings.storage.blobs {
      let client = try S3Client(S3Settings(settings, location.location), credentials: try Storage.credentials(settings))
      let ledger = DatabaseUploadLedger(database: database)
      let store = S3BlobStore(client, ledger: ledger, bufferBytes: settings.s3.bufferBytes)
      self.client = client
      lock = nil
      end = Relocation.End(database: database) { try await store.open($0) }
    } else {
      client = nil
      let directory = settings.storage.data
      // Without a server, what waits in the journal is folded back here; a server does so by itself, in a moment.
      lock = try? DirectoryLock(directory: directory)
      if lock != nil { try await LocalBlobStore(directory: directory).settle() }
      let files = LocalBlobFiles(directory: directory)
      end = Relocation.End(database: database) { try await files.open($0) }
    }
  }

  static func database(_ settings: Settings) async throws -> any Database {
    if settings.storage.database != nil { return try await PostgresDatabase(try PostgresSettings(settings)) }
    let path = Storage.databasePath(settings.storage.data)
    guard (try? LocalDisk().open(path, .read)) != nil else {
      throw Relocation.Refusal("there is no registry in \(settings.storage.data)")
    }
    return try SQLiteDatabase(path: path)
  }

  func close() async { try? await client?.shutdown() }
}

/// Progress that several tasks may tell of.
private final class SharedProgress: Sendable {
  private let progress = Mutex(Progress())
  func show(_ text: String) { progress.withLock { $0.show(text) } }
  func clear() { progress.withLock { $0.clear() } }
}
