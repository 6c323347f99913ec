import ArgumentParser
import BlobStorage
import Ground
import Logging
import Metadata
import RegistryCore
import Upkeep

struct CollectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Free what nobody needs; with --dry-run, show what that would be.",
    discussion: """
      A running server collects by itself. This is for a data directory that no server is using;
      --dry-run works beside a running server too, and both do on PostgreSQL with an object store.
      """)

  @OptionGroup var options: SettingsOptions

  @Flag(help: "Print the plan and change nothing.")
  var dryRun = false

  /// How many lines of each kind a dry run prints.
  static let planLimit = 100_000

  func run() async throws {
    let settings = try options.load().settings
    let untaggedAfter = settings.collection.deleteUntagged ? settings.collection.untaggedAfter : nil
    do {
      if dryRun {
        for line in try await Self.plan(settings, untaggedAfter) { print(line) }
      } else {
        print(try await Self.collect(settings, untaggedAfter))
      }
    } catch {
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
  }

  /// What would be freed, a line each, and how much it is. Changes nothing.
  static func plan(_ settings: Settings, _ untaggedAfter: Duration?) async throws -> [String] {
    let database = try await readOnlyDatabase(settings)
    let plan = try await database.read { transaction in
      var manifests: [IdleManifest] = []
      if let age = untaggedAfter {
        manifests = try transaction.idleManifests(before: transaction.now - age, limit: planLimit)
      }
      return Upkeep.Collection.Plan(
        manifests: manifests, forgotten: try transaction.forgottenManifests(limit: planLimit),
        links: try transaction.idleLinks(limit: planLimit), blobs: try transaction.unlinkedBlobs(limit: planLimit))
    }
    var lines = Upkeep.Collection.describe(plan)
    let linkBytes = plan.links.reduce(Int64(0)) { $0 + $1.sizeBytes }
    let blobBytes = plan.blobs.reduce(Int64(0)) { $0 + $1.sizeBytes }
    let blobs = counted(Int64(plan.links.count + plan.blobs.count), "blob")
    let manifests = counted(Int64(plan.manifests.count + plan.forgotten.count), "manifest")
    lines.append("\(manifests), \(blobs), up to \(sizeText(linkBytes + blobBytes))")
    if !plan.links.isEmpty { lines.append("a blob that another repository has stays") }
    return lines
  }

  private static func readOnlyDatabase(_ settings: Settings) async throws -> any Database {
    guard settings.storage.database != nil else {
      try DataDirectory(settings).check(for: .examining)
      return try SQLiteDatabase(readingPath: Storage.databasePath(settings.storage.data))
    }
    return try await PostgresDatabase(try PostgresSettings(settings), migrates: false)
  }

  /// Frees what can be freed. Answers in words what that was.
  static func collect(
    _ settings: Settings, _ untaggedAfter: Duration?, _ progress: Progress = Progress()
  ) async throws -> String {
    let storage = try await Storage(settings: settings, for: .examining)
    let outcome = await Result(catching: { try await collect(settings, untaggedAfter, in: storage, progress) })
    await storage.close()
    return try outcome.get()
  }

  private static func collect(
    _ settings: Settings, _ untaggedAfter: Duration?, in storage: Storage, _ progress: Progress
  ) async throws -> String {
    let logger = Logger(label: "gc") { _ in SwiftLogNoOpLogHandler() }
    let registry = try await storage.registry(settings, logger: logger)
    let before = try await storage.database.read { try $0.inventory() }
    let collection = Upkeep.Collection(
      registry: registry, settings: .init(untaggedAfter: untaggedAfter), logger: logger)
    let total = try await collection.plan(limit: planLimit)?.count ?? 0
    var progress = progress
    var done = 0
    while let plan = try await collection.plan() {
      try await collection.carryOut(plan)
      done += plan.count
      // What goes makes more idle: the total of the beginning may be too small.
      progress.show("\(done) of \(max(done, total)) manifests and blobs looked at")
    }
    progress.clear()
    let after = try await storage.database.read { try $0.inventory() }
    let freed = sizeText(before.blobBytes - after.blobBytes)
    let blobs = counted(Int64(before.blobs - after.blobs), "blob")
    let manifests = counted(Int64(before.manifests - after.manifests), "manifest")
    return "freed \(blobs), \(freed), and \(manifests)"
  }
}
