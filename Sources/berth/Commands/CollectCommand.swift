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
      if dryRun { try await show(settings, untaggedAfter) } else { try await collect(settings, untaggedAfter) }
    } catch {
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
  }

  private func show(_ settings: Settings, _ untaggedAfter: Duration?) async throws {
    let database = try await readOnlyDatabase(settings)
    let plan = try await database.read { transaction in
      var manifests: [IdleManifest] = []
      if let age = untaggedAfter {
        manifests = try transaction.idleManifests(before: transaction.now - age, limit: Self.planLimit)
      }
      return Upkeep.Collection.Plan(
        manifests: manifests, forgotten: try transaction.forgottenManifests(limit: Self.planLimit),
        links: try transaction.idleLinks(limit: Self.planLimit),
        blobs: try transaction.unlinkedBlobs(limit: Self.planLimit))
    }
    for line in Upkeep.Collection.describe(plan) { print(line) }
    let linkBytes = plan.links.reduce(Int64(0)) { $0 + $1.sizeBytes }
    let blobBytes = plan.blobs.reduce(Int64(0)) { $0 + $1.sizeBytes }
    let blobs = counted(Int64(plan.links.count + plan.blobs.count), "blob")
    let manifests = counted(Int64(plan.manifests.count + plan.forgotten.count), "manifest")
    print("\(manifests), \(blobs), up to \(sizeText(linkBytes + blobBytes))")
    if !plan.links.isEmpty { print("a blob that another repository has stays") }
  }

  private func readOnlyDatabase(_ settings: Settings) async throws -> any Database {
    guard settings.storage.database != nil else {
      return try SQLiteDatabase(readingPath: Storage.databasePath(settings.storage.data))
    }
    return try await PostgresDatabase(try PostgresSettings(settings), migrates: false)
  }

  private func collect(_ settings: Settings, _ untaggedAfter: Duration?) async throws {
    let storage = try await Storage(settings: settings, for: .examining)
    let logger = Logger(label: "gc") { _ in SwiftLogNoOpLogHandler() }
    let registry = try await storage.registry(settings, logger: logger)
    let before = try await storage.database.read { try $0.inventory() }
    let collection = Upkeep.Collection(
      registry: registry, settings: .init(untaggedAfter: untaggedAfter), logger: logger)
    var progress = Progress()
    var batches = 0
    while let plan = try await collection.plan() {
      try await collection.carryOut(plan)
      batches += 1
      progress.show("batch \(batches)")
    }
    progress.end()
    let after = try await storage.database.read { try $0.inventory() }
    let freed = sizeText(before.blobBytes - after.blobBytes)
    let blobs = counted(Int64(before.blobs - after.blobs), "blob")
    let manifests = counted(Int64(before.manifests - after.manifests), "manifest")
    print("freed \(blobs), \(freed), and \(manifests)")
  }
}
