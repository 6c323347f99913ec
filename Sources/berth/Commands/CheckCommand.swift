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
      Works on a data directory that no server is using; on PostgreSQL with an object store, also beside servers.
      A damaged blob is set aside: readers are refused, and the next push of it heals it.
      Ends with 0 when all is well, and with 1 when something is wrong.
      """)

  @OptionGroup var options: SettingsOptions

  @Flag(help: "Compare sizes only, and do not read the bytes.")
  var fast = false

  @Flag(help: "Only report, and set nothing aside.")
  var reportOnly = false

  @Flag(
    help: ArgumentHelp(
      "Read everything that lies in the store, and record each blob that has no row.",
      discussion: "After a disaster, with an older or an empty database: the pushes that follow find the blobs there."))
  var rebuild = false

  @Flag(
    help: ArgumentHelp(
      "With --rebuild: also from a store that belongs to another registry.",
      discussion: "Where the database of that registry is lost. One that lives would lose its blobs to this one."))
  var takeOver = false

  func validate() throws {
    if takeOver, !rebuild { throw ValidationError("--take-over goes with --rebuild") }
  }

  /// How many contradictions of each kind between rows are printed.
  static let inconsistencyLimit = 100
  /// How many entries are read from the store at once.
  static let pageLimit = 1000

  func run() async throws {
    let settings = try options.load().settings
    do {
      let storage = try await Storage(settings: settings, for: rebuild ? .rebuilding(takesOver: takeOver) : .examining)
      let outcome = await Result(catching: { try await problems(storage, settings) })
      await storage.close()
      let count = try outcome.get()
      if count > 0 {
        print("\(counted(Int64(count), "problem")) found")
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

  /// Looks at everything, and answers how many problems there are; each is printed.
  func problems(
    _ storage: Storage, _ settings: Settings, _ progress: Progress = Progress()
  ) async throws -> Int {
    let registry = try await storage.registry(
      settings, logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() })
    if rebuild { try await Rebuild(storage, leasedFor: settings.collection.lease).run() }
    let ofRows = try await checkRows(storage)
    let ofBlobs = try await checkBlobs(storage, registry, progress)
    return try await ofRows + ofBlobs + checkOrphans(storage)
  }

  private func checkRows(_ storage: Storage) async throws -> Int {
    var damage: [String] = []
    if case .sqlite(let database) = storage.databasePart { damage = try await database.integrityProblems() }
    for line in damage { print("database: \(line)") }
    let inconsistencies = try await storage.database.read { try $0.inconsistencies(limit: Self.inconsistencyLimit) }
    for inconsistency in inconsistencies { print("rows: \(inconsistency)") }
    return damage.count + inconsistencies.count
  }

  private func checkBlobs(_ storage: Storage, _ registry: Registry, _ progress: Progress) async throws -> Int {
    let inventory = try await storage.database.read { try $0.inventory() }
    let scrub = Scrub(store: storage.store, rateBytes: 0)
    var progress = progress
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
        if row.state == .corrupt, !reportOnly, !fast, try await scrub.takeBack(row, in: registry) {
          progress.clear()
          print("blob \(row.digest): was set aside as damaged, and is sound; it is back")
        } else if let problem = try await lastingProblem(row, scrub, storage) {
          problems += 1
          progress.clear()
          print(problem)
          if !reportOnly, row.state == .present { try await setAside(row, problem, scrub, storage, registry) }
        }
        seen += 1
        seenBytes += row.sizeBytes
      }
      guard page.count == Scrub.pageLimit else { break }
      last = page.last?.digest
    }
    progress.clear()
    let images = counted(Int64(inventory.manifests), "manifest")
    let tags = counted(Int64(inventory.tags), "tag")
    let repositories = counted(Int64(inventory.repositories), "repository", "repositories")
    print("\(counted(Int64(seen), "blob")), \(sizeText(seenBytes)); \(images), \(tags) in \(repositories)")
    return problems
  }

  private func setAside(
    _ row: BlobRow, _ problem: String, _ scrub: Scrub, _ storage: Storage, _ registry: Registry
  ) async throws {
    // Where nobody else uses the parts, what was seen still holds.
    try await registry.setAside(row.stored, because: problem) {
      storage.isShared ? try await self.problem(row, scrub, storage) != nil : true
    }
  }

  /// Looks at the row again: a server beside us may have collected the blob, or stored it anew, since it was read.
  private func lastingProblem(_ row: BlobRow, _ scrub: Scrub, _ storage: Storage) async throws -> String? {
    guard let problem = try await problem(row, scrub, storage) else { return nil }
    guard storage.isShared, row.state == .present else { return problem }
    let now = try await storage.database.read { try $0.blob(row.digest) }
    return now?.state == .present && now?.place == row.place ? problem : nil
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

  /// Bytes without a row are no problem, but worth a line. Where no byte has one, the database is not theirs.
  private func checkOrphans(_ storage: Storage) async throws -> Int {
    var last: String?
    var orphans = 0
    var bytes: Int64 = 0
    while true {
      let page = try await storage.store.list(after: last, limit: Self.pageLimit)
      let places = page.compactMap(\.place)
      let known = try await storage.database.read { try $0.knownPlaces(places) }
      for blob in page where try await isOrphan(blob, known, storage) {
        orphans += 1
        bytes += blob.sizeBytes
      }
      guard page.count == Self.pageLimit else { break }
      last = page.last?.name
    }
    guard orphans > 0 else { return 0 }
    print(
      "\(orphans) files without a row, \(sizeText(bytes)): --rebuild records them, a server removes them once they are old"
    )
    guard try await storage.database.read({ try $0.inventory().blobs }) == 0 else { return 0 }
    print("database: it knows no blob at all: is it the right one?")
    return 1
  }

  private func isOrphan(_ blob: ListedBlob, _ known: Set<String>, _ storage: Storage) async throws -> Bool {
    if let place = blob.place { return !known.contains(place) }
    guard let digest = blob.digest else { return false }
    return try await storage.database.read { try $0.blob(digest) } == nil
  }
}
