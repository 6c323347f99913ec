import ArgumentParser
import BlobStorage
import Logging
import Metadata
import OCI
import RegistryCore
import Upkeep

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Verify every blob against its digest, and every row against the others.",
    discussion: """
      Works on a data directory that no server is using. A damaged blob is set aside: readers are refused, and the next
      push of it heals it.
      Ends with 0 when all is well, and with 1 when something is wrong.
      """)

  @OptionGroup var options: SettingsOptions

  @Flag(help: "Compare sizes only, and do not read the bytes.")
  var fast = false

  @Flag(help: "Only report, and set nothing aside.")
  var reportOnly = false

  /// How many contradictions of each kind between rows are printed.
  static let inconsistencyLimit = 100

  func run() async throws {
    let settings = try options.load().settings
    do {
      let storage = try Storage(settings: settings)
      let registry = try await storage.registry(
        settings, logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
      let problems =
        try await checkRows(storage) + (try await checkBlobs(storage, registry)) + (try await countOrphans(storage))
      if problems > 0 {
        print("\(problems) problems found")
        throw ExitCode.failure
      }
      print("all is well")
    } catch let error as ExitCode {
      throw error
    } catch {
      standardError("berth: \(error)")
      throw ExitCode.failure
    }
  }

  private func checkRows(_ storage: Storage) async throws -> Int {
    let damage = try await storage.database.integrityProblems()
    for line in damage { print("database: \(line)") }
    let inconsistencies = try await storage.database.read { try $0.inconsistencies(limit: Self.inconsistencyLimit) }
    for inconsistency in inconsistencies { print("rows: \(inconsistency)") }
    return damage.count + inconsistencies.count
  }

  private func checkBlobs(_ storage: Storage, _ registry: Registry) async throws -> Int {
    let inventory = try await storage.database.read { try $0.inventory() }
    let scrub = Scrub(store: storage.store, rateBytes: 0)
    var progress = Progress()
    var problems = 0
    var seen = 0
    var seenBytes: Int64 = 0
    var last: Digest?
    while true {
      let after = last
      let page = try await storage.database.read { try $0.blobs(after: after, limit: Scrub.pageLimit) }
      for row in page {
        progress.show(
          "\(seen) of \(inventory.blobs) blobs, \(sizeText(seenBytes)) of \(sizeText(inventory.blobBytes)), \(problems) problems"
        )
        if let problem = try await problem(row, scrub, storage) {
          problems += 1
          print(problem)
          // Nobody else uses the directory, so what was seen still holds.
          if !reportOnly, row.state == .present { try await registry.setAside(row.stored, because: problem) { true } }
        }
        seen += 1
        seenBytes += row.sizeBytes
      }
      guard page.count == Scrub.pageLimit else { break }
      last = page.last?.digest
    }
    progress.end()
    print(
      "\(seen) blobs, \(sizeText(seenBytes)); \(inventory.manifests) manifests, \(inventory.tags) tags in \(inventory.repositories) repositories"
    )
    return problems
  }

  private func problem(_ row: BlobRow, _ scrub: Scrub, _ storage: Storage) async throws -> String? {
    switch row.state {
    case .corrupt: return "blob \(row.digest): was set aside as damaged; push it again to heal it"
    case .claimed: return nil
    case .present: break
    }
    guard fast else { return try await scrub.examine(row.stored)?.description }
    guard let size = try await storage.store.size(of: row.stored) else {
      return "blob \(row.digest): its bytes are missing"
    }
    return size == row.sizeBytes ? nil : "blob \(row.digest): it has \(size) bytes, not \(row.sizeBytes)"
  }

  /// Bytes without a row are no problem (the scrub removes them), but worth a line.
  private func countOrphans(_ storage: Storage) async throws -> Int {
    var last: String?
    var orphans = 0
    var bytes: Int64 = 0
    while true {
      let page = try await storage.store.list(after: last, limit: 1024)
      for blob in page {
        guard let digest = blob.digest, try await storage.database.read({ try $0.blob(digest) }) == nil else {
          continue
        }
        orphans += 1
        bytes += blob.sizeBytes
      }
      guard page.count == 1024 else { break }
      last = page.last?.name
    }
    if orphans > 0 { print("\(orphans) files without a row, \(sizeText(bytes)): harmless, the server removes them") }
    return 0
  }
}
