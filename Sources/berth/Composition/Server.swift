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
  let access: AccessControl
  private let outbound: NetworkHTTP
  let storage: Storage
  let logger: Logger

  /// Hashing a stream, and upkeep, give way to short requests when processors are scarce.
  static let streamNiceness = 5

  /// - Throws: whatever stands in the way of serving; what was opened until then is closed again.
  init(_ settings: Settings, output: LineLogHandler.Output, logger: Logger) async throws {
    let storage = try await Storage(settings: settings)
    let outbound = NetworkHTTP()
    do { self = try await Server(settings, storage, outbound, output: output, logger: logger) } catch {
      await outbound.close()
      await storage.close()
      throw error
    }
  }

  private init(
    _ settings: Settings, _ storage: Storage, _ outbound: NetworkHTTP, output: LineLogHandler.Output, logger: Logger
  ) async throws {
    self.logger = logger
    self.storage = storage
    self.outbound = outbound
    let metrics = Metrics()
    let threads = Self.threads(settings)
    let workers = WorkerPool(name: "berth-work", threads: threads)
    registry = try await storage.registry(settings, logger: logger)
    access = try await AccessControl(
      database: storage.database, isOpen: settings.access.open, settings: try AccessSettings(settings), http: outbound)
    tls = try Self.tls(settings, logger)
    let health = Health(storage, settings)
    metrics.add(storage, settings)
    http = HTTPServer(
      addresses: settings.http.listen.flatMap { HTTPServer.Address.all($0) }, settings: HTTPServiceSettings(settings),
      tls: tls, registry: registry, access: access, health: health, metrics: metrics,
      log: RequestLog(writer: output.writer, format: output.isJSON ? .json : .text), workers: workers,
      uploadWorkers: WorkerPool(name: "berth-upload", threads: threads, niceness: Self.streamNiceness), logger: logger)
    upkeep = UpkeepService(
      registry: registry, access: access, settings: UpkeepService.Settings(settings),
      workers: WorkerPool(name: "berth-upkeep", threads: UpkeepService.choreCount, niceness: Self.streamNiceness),
      metrics: metrics, logger: logger, fetcher: FeedDownload(),
      bundleKeys: try BundleKeys.trusted(settings.inspection.bundleKeys)
    ) {
      try await storage.settle()
    }
  }

  /// A thread waits while PostgreSQL works, so there are as many as connections.
  private static func threads(_ settings: Settings) -> Int {
    if let threads = settings.workers.threads { return threads }
    let usual = max(4, 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return settings.storage.database == nil ? usual : max(usual, settings.database.connections)
  }

  struct UnusableTLS: Error, CustomStringConvertible {
    let description: String
  }

  /// - Throws: ``UnusableTLS``.
  static func tls(_ settings: Settings, _ logger: Logger) throws -> TLSIdentity? {
    guard let certificate = settings.http.tls.certificate, let key = settings.http.tls.key else { return nil }
    let files = [certificate, key] + (settings.http.tls.clientCA.map { [$0] } ?? [])
    if let missing = files.first(where: { Glibc.access($0, R_OK) != 0 }) {
      throw UnusableTLS(description: "http.tls: \(missing) cannot be read: \(String(cString: strerror(errno)))")
    }
    do {
      return try TLSIdentity(
        certificatePath: certificate, keyPath: key, clientCAPath: settings.http.tls.clientCA,
        minimumVersion: settings.http.tls.minimumVersion == .tls13 ? .tls13 : .tls12, offersHTTP2: settings.http.http2,
        logger: logger)
    } catch {
      throw UnusableTLS(
        description: "http.tls: \(files.joined(separator: " and ")) are no certificate with its key, in PEM: \(error)")
    }
  }

  /// Takes over what can change while serving.
  func apply(_ settings: Settings) {
    registry.settings = Registry.Settings(settings)
    http.settings = HTTPServiceSettings(settings)
    do {
      access.settings = try AccessSettings(settings)
    } catch {
      logger.warning("the settings of access stay as they were", metadata: ["cause": "\(error)"])
    }
    upkeep.settings = UpkeepService.Settings(settings)
  }

  /// What is left to do when nobody is served any more.
  func close() async {
    do {
      try await access.tend()
      try await storage.settle()
    } catch {
      logger.warning("settling failed; the next start does it", metadata: ["cause": "\(error)"])
    }
    await outbound.close()
    await storage.close()
  }
}

extension AccessSettings {
  init(_ settings: Settings) throws {
    self.init()
    service = settings.access.service ?? settings.http.publicURL?.host ?? "berth"
    tokenLifetime = settings.access.tokenLifetime
    refreshLifetime = settings.access.refreshLifetime
    sessionLifetime = settings.access.sessionLifetime
    longestToken = settings.access.longestToken
    clockSkew = settings.access.clockSkew
    jobIssuers = settings.access.jobIssuers
    providers = try settings.access.signOn.map { try $0.provider() }
    publicURL = settings.http.publicURL?.description
    auditRetention = Dictionary(settings.access.auditRetention.map { ($0.kind, $0.duration) }) { max($0, $1) }
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
    drainDelay = settings.limits.drainDelay
    let policy = settings.s3.redirect
    let isAWS = settings.storage.blobs?.location.isAWS ?? false
    redirects = { address in policy.applies(to: address, isAWS: isAWS) }
    redirectLifetime = settings.s3.redirectLifetime
    refusesForeignHosts = settings.access.open
    chunkMinimumBytes = settings.uploads.chunkMinimumBytes ?? 0
    // Replicas keep nothing there, and may have no such folder.
    let isLocal = settings.storage.database == nil || settings.storage.blobs == nil
    stagingFolder = isLocal ? settings.storage.data : nil
    logsRequests = settings.logging.requests
    accountRate = settings.access.accountRate ?? 0
    addressRate = settings.access.addressRate ?? 0
    version = Berth.version
    configuredFeeds = Set(settings.inspection.feeds.map(\.name))
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
    inspects = settings.inspection.enabled
    feeds = settings.inspection.feeds.map { ConfiguredFeed(name: $0.name, content: $0.content, address: $0.address) }
    feedInterval = settings.inspection.refreshInterval
  }
}
