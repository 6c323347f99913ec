import Access
import BlobStorage
import CLinux
import Glibc
import Ground
import HTTPService
import Logging
import Metadata
import RegistryCore
import ServiceLifecycle
import Upkeep

/// Everything that serves, made and joined.
struct Server {
  let http: HTTPServer
  let upkeep: UpkeepService
  let tls: TLSIdentity?
  let registry: Registry
  let storage: Storage
  let logger: Logger

  /// Hashing a stream, and upkeep, give way to short requests when processors are scarce.
  static let streamNiceness = 5
  /// With less free space than this, `/readyz` warns.
  static let leastFreeBytes: Int64 = 64 << 20

  init(_ settings: Settings, output: LineLogHandler.Output, logger: Logger) async throws {
    self.logger = logger
    let metrics = Metrics()
    let threads = settings.workers.threads ?? max(4, 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let workers = WorkerPool(name: "berth-work", threads: threads)
    storage = try Storage(settings: settings)
    registry = try await storage.registry(settings, logger: logger)
    tls = try Self.tls(settings, logger)
    let health = Self.health(storage, settings)
    Self.addFigures(metrics, storage, settings)
    http = HTTPServer(
      addresses: settings.http.listen.flatMap { HTTPServer.Address.all($0) }, settings: HTTPServiceSettings(settings),
      tls: tls, registry: registry, policy: .open, health: health, metrics: metrics,
      log: RequestLog(writer: output.writer, format: output.isJSON ? .json : .text), workers: workers,
      uploadWorkers: WorkerPool(name: "berth-upload", threads: threads, niceness: Self.streamNiceness), logger: logger)
    let storage = storage
    upkeep = UpkeepService(
      registry: registry, settings: UpkeepService.Settings(settings),
      workers: WorkerPool(name: "berth-upkeep", threads: UpkeepService.choreCount, niceness: Self.streamNiceness),
      metrics: metrics, logger: logger
    ) {
      try storage.database.checkpoint()
      try await storage.store.settle()
    }
  }

  private static func tls(_ settings: Settings, _ logger: Logger) throws -> TLSIdentity? {
    guard let certificate = settings.http.tls.certificate, let key = settings.http.tls.key else { return nil }
    return try TLSIdentity(
      certificatePath: certificate, keyPath: key,
      minimumVersion: settings.http.tls.minimumVersion == .tls13 ? .tls13 : .tls12, offersHTTP2: settings.http.http2,
      logger: logger)
  }

  private static func health(_ storage: Storage, _ settings: Settings) -> Health {
    let health = Health()
    health.add("database") {
      do {
        _ = try await storage.database.read { try $0.keepsake("readiness") }
        return nil
      } catch {
        return .notReady("\(error)")
      }
    }
    health.add("storage") {
      var free: Int64 = 0
      var total: Int64 = 0
      let status = berth_file_system_space(settings.storage.data, &free, &total)
      if status != 0 { return .notReady("the data directory cannot be read (errno \(status))") }
      return free < leastFreeBytes ? .warning("only \(sizeText(free)) are free; pushes may fail") : nil
    }
    return health
  }

  private static func addFigures(_ metrics: Metrics, _ storage: Storage, _ settings: Settings) {
    let directory = settings.storage.data
    func space(_ pick: @escaping @Sendable (Int64, Int64) -> Int64) -> @Sendable () -> Double {
      {
        var free: Int64 = 0
        var total: Int64 = 0
        return berth_file_system_space(directory, &free, &total) == 0 ? Double(pick(free, total)) : 0
      }
    }
    metrics.gauge("berth_storage_free_bytes", "Free space where the data is.", space { free, _ in free })
    metrics.gauge("berth_storage_total_bytes", "All space where the data is.", space { _, total in total })
    metrics.gauge("berth_storage_journal_bytes", "Small blobs that wait to be settled.") {
      Double(storage.store.journalSizeBytes)
    }
    metrics.counting("berth_database_transactions_total", "Transactions that were committed.") {
      Double(storage.database.commitFigures.transactions)
    }
    metrics.counting("berth_database_commits_total", "Commits that they shared.") {
      Double(storage.database.commitFigures.commits)
    }
    metrics.gauge("berth_build_info", "The version.", labels: "version=\"\(Berth.version)\"") { 1 }
  }

  /// Takes over what can change while serving.
  func apply(_ settings: Settings) {
    registry.settings = Registry.Settings(settings)
    http.settings = HTTPServiceSettings(settings)
    upkeep.settings = UpkeepService.Settings(settings)
  }

  /// What is left to do when nobody is served any more.
  func close() async {
    do {
      try await storage.store.settle()
      try storage.database.checkpoint()
    } catch {
      logger.warning("settling failed; the next start does it", metadata: ["cause": "\(error)"])
    }
  }
}

extension HTTPServer.Address {
  /// An address without a host is both families of this machine.
  static func all(_ address: ListenAddress) -> [HTTPServer.Address] {
    switch address {
    case .tcp(let host?, let port): [.tcp(host: host.description, port: Int(port))]
    case .tcp(nil, let port): [.tcp(host: "::", port: Int(port))]
    case .unix(let path): [.unix(path: path)]
    }
  }
}

extension HTTPServiceSettings {
  init(_ settings: Settings) {
    self.init()
    limits.connections = settings.limits.connections
    limits.headerBytes = settings.limits.headerBytes
    limits.headerTimeout = settings.limits.headerTimeout
    limits.idleTimeout = settings.limits.idleTimeout
    limits.bodyStallTimeout = settings.limits.bodyStallTimeout
    limits.minimumRateBytes = settings.limits.minimumRateBytes ?? 0
    limits.minimumRateWindow = settings.limits.minimumRateWindow
    limits.shutdownGrace = settings.limits.shutdownGrace
    publicURL = settings.http.publicURL?.description
    chunkMinimumBytes = settings.uploads.chunkMinimumBytes ?? 0
    logsRequests = settings.logging.requests
    version = Berth.version
    let trusted = settings.http.trustForwarded
    trustsForwarded = { address in
      trusted.contains { peer in
        switch peer {
        case .unixSockets: address == nil
        case .network(let range): address.flatMap { IPAddress($0) }.map { range.contains($0) } ?? false
        }
      }
    }
  }
}

extension UpkeepService.Settings {
  init(_ settings: Settings) {
    self.init()
    collects = settings.collection.enabled
    collectionInterval = settings.collection.interval
    collectionPace = settings.collection.pace ?? 0
    untaggedAfter = settings.collection.deleteUntagged ? settings.collection.untaggedAfter : nil
    scrubs = settings.integrity.scrubEnabled
    scrubRateBytes = settings.integrity.scrubRateBytes ?? 0
    scrubInterval = settings.integrity.scrubInterval
  }
}
