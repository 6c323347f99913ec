public import Access
import BlobStorage
public import Ground
public import Logging
public import RegistryCore
public import ServiceLifecycle

/// Runs the chores while the server serves.
public final class UpkeepService: Service {
  /// What an operator may choose.
  public struct Settings: Sendable {
    public var collects = true
    /// Between two rounds of collection that found nothing.
    public var collectionInterval: Duration = .seconds(60)
    /// Blobs a second.
    public var collectionPace = 1000
    public var untaggedAfter: Duration?
    public var scrubs = true
    public var scrubRateBytes = 8 << 20
    /// Between the ends of two passes of the scrub.
    public var scrubInterval: Duration = .seconds(7 * 24 * 3600)
    public var inspects = true
    /// Feeds of advisories that are kept up to date.
    public var feeds: [ConfiguredFeed] = []
    public var feedInterval: Duration = .seconds(6 * 3600)

    public init() {}
  }

  /// As many threads let every chore block without another waiting for it, also one that leads a group commit.
  public static let choreCount = 13
  /// How often expired uploads are looked for.
  static let expiryInterval: Duration = .seconds(60)
  /// How often journals are settled. Short enough that a crash has little to replay.
  static let settleInterval: Duration = .seconds(5)
  /// How often what was gathered for the record is written.
  static let tendingInterval: Duration = .seconds(1)
  /// How often what has expired is forgotten.
  static let tidyingInterval: Duration = .seconds(3600)
  /// Between two batches of collection, or of facts, at the least: what is planned may be in use just now.
  static let leastRest: Duration = .milliseconds(5)
  /// From the start to the first pass over the tags of all repositories.
  static let careDelay: Duration = .seconds(60)
  /// Between two passes.
  static let careInterval: Duration = .seconds(3600)
  /// Between two pages of what lies in the store.
  static let sweepRest: Duration = .milliseconds(200)
  /// How often facts of new images are looked for: so much later than its push to another process an image can be searched by them.
  static let factsInterval: Duration = .milliseconds(500)
  /// How often layers and images that are to be inspected are looked for.
  static let inspectionInterval: Duration = .milliseconds(250)
  /// Facts are read once no push has ended for this time, so that who pushes one image after the other is not held up.
  static let pushSilence: Duration = .milliseconds(100)
  /// While images are pushed, inspection rests for so many times as long as it has worked, and for so long at the most.
  static let restShare = 12
  static let longestRest: Duration = .seconds(1)
  /// But never once something has waited for longer than this.
  static let lagLimit: Duration = .seconds(15)
  /// After a failure, a chore rests this long.
  static let failureRest: Duration = .seconds(10)

  private let registry: Registry
  private let access: AccessControl
  private let liveSettings: Live<Settings>
  private let inspector: any LayerInspector
  private let fetcher: (any FeedFetcher)?
  private let bundleKeys: [PublicKey]
  private let settle: @Sendable () async throws -> Void
  private let claims: ChoreClaims
  private let figures: CollectionFigures
  private let scrubFigures: ScrubFigures
  private let inspectionFigures: InspectionFigures
  private let feedFigures: FeedFigures
  private let time: any TimeSource
  private let workers: WorkerPool
  private let logger: Logger
  /// Rings when facts were read of images that may have to be inspected.
  private let newImages = Bell()

  /// - Parameters:
  ///   - workers: a pool of the upkeep's own, so that no request waits behind a chore.
  ///   - inspector: reads layers.
  ///   - fetcher: fetches feeds; nil: there are none.
  ///   - bundleKeys: keys of which one has signed a bundle that a feed brings.
  ///   - settle: folds back what was written ahead; called every few seconds.
  public init(
    registry: Registry, access: AccessControl, settings: Settings, workers: WorkerPool, metrics: Metrics,
    time: any TimeSource = SystemTime(), logger: Logger, inspector: any LayerInspector = WorkerInspector(),
    fetcher: (any FeedFetcher)? = nil, bundleKeys: [PublicKey] = [],
    settle: @escaping @Sendable () async throws -> Void
  ) {
    self.registry = registry
    self.access = access
    liveSettings = Live(settings)
    self.workers = workers
    self.settle = settle
    self.inspector = inspector
    self.fetcher = fetcher
    self.bundleKeys = bundleKeys
    self.time = time
    claims = ChoreClaims(database: registry.database, time: time)
    self.logger = logger
    figures = CollectionFigures(metrics)
    scrubFigures = ScrubFigures(metrics, registry)
    inspectionFigures = InspectionFigures(metrics)
    feedFigures = FeedFigures(metrics, registry)
    metrics.gauge("berth_uploads_open", "Uploads that hold bytes.") { Double(registry.openUploadCount) }
  }

  /// What is in force. Setting it takes effect with each chore's next round.
  public var settings: Settings {
    get { liveSettings.value }
    set { liveSettings.value = newValue }
  }

  public func run() async throws {
    await serve()
    do { try await registry.flushPulls() } catch {
      logger.warning("the last pulls are not counted", metadata: ["cause": "\(error)"])
    }
  }

  private func serve() async {
    await withTaskExecutorPreference(workers) {
      await cancelWhenGracefulShutdown {
        await withTaskGroup { group in
          group.addTask { await self.collectForever() }
          group.addTask { await self.scrubForever() }
          group.addTask { await self.sweepForever() }
          group.addTask { await self.expireForever() }
          group.addTask { await self.settleForever() }
          group.addTask { await self.tendForever() }
          group.addTask { await self.tidyForever() }
          group.addTask { await self.careForever() }
          group.addTask { await self.readFactsForever() }
          group.addTask { await self.inspectForever() }
          group.addTask { await self.renewForever() }
          group.addTask { await self.refreshForever() }
          group.addTask { await self.lookAtFeedsForever() }
        }
      }
    }
  }

  /// Does `step` again and again until the task is cancelled; a failure is logged and tried again later.
  private func forever(_ chore: String, _ step: () async throws -> Duration) async {
    while !Task.isCancelled {
      var rest = Self.failureRest
      do {
        rest = try await claims.doing(chore, step)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("a chore failed and will be tried again", metadata: ["chore": "\(chore)", "cause": "\(error)"])
      }
      do { try await time.sleep(for: rest) } catch { return }
    }
  }

  private func collectForever() async {
    await forever("collection") {
      let settings = settings
      let collection = Collection(
        registry: registry, settings: .init(untaggedAfter: settings.untaggedAfter), figures: figures, logger: logger)
      guard settings.collects else { return settings.collectionInterval }
      guard let plan = try await collection.plan() else {
        figures.rounds.increment()
        return settings.collectionInterval
      }
      do {
        try await collection.carryOut(plan)
      } catch {
        figures.failures.increment()
        throw error
      }
      return max(Pace(unitsPerSecond: settings.collectionPace).rest(after: plan.count), Self.leastRest)
    }
  }

  private func scrubForever() async {
    await forever("scrub") {
      let settings = settings
      guard settings.scrubs else { return Self.expiryInterval }
      let scrub = BackgroundScrub(
        registry: registry, scrub: Scrub(store: registry.store, rateBytes: settings.scrubRateBytes, time: time),
        figures: scrubFigures, logger: logger)
      return try await scrub.step() ? .zero : settings.scrubInterval
    }
  }

  private func sweepForever() async {
    await forever("removal of bytes without a row") {
      let settings = settings
      guard settings.scrubs else { return Self.expiryInterval }
      let sweep = OrphanSweep(registry: registry, figures: scrubFigures, logger: logger)
      return try await sweep.step() ? Self.sweepRest : settings.scrubInterval
    }
  }

  private func expireForever() async {
    await forever("expiry of uploads") {
      try await AbandonedUploads(registry: registry, logger: logger).expire()
      return Self.expiryInterval
    }
  }

  private func tidyForever() async {
    await forever("removal of what has expired") {
      try await access.tidy()
      try await AbandonedUploads(registry: registry, figures: scrubFigures, logger: logger).giveUpUnfinished()
      let scrub = Scrub(store: registry.store, rateBytes: settings.scrubRateBytes, time: time)
      try await SecondLook(registry: registry, scrub: scrub).step()
      return Self.tidyingInterval
    }
  }

  private func careForever() async {
    // Not together with everything else that begins with the process: each would hold a connection of the database for ever.
    do { try await time.sleep(for: Self.careDelay) } catch { return }
    await forever("retention and history") {
      let care = TagCare(registry: registry, logger: logger)
      return try await care.step() ? Self.leastRest : Self.careInterval
    }
  }

  /// Of all processes at once: each takes other manifests.
  private func readFactsForever() async {
    do { try await time.sleep(for: Self.factsInterval) } catch { return }
    await foreverHere("reading of facts", every: Self.factsInterval, or: registry.pushes) {
      try await self.registry.pushes.waitForSilence(Self.pushSilence, atMost: Self.factsInterval, by: self.time)
      while !Task.isCancelled, try await self.registry.readDueFacts() > 0 {
        self.newImages.ring()
        try await self.time.sleep(for: Self.leastRest)
      }
    }
  }

  /// Of all processes at once: each takes other layers.
  private func inspectForever() async {
    do { try await time.sleep(for: Self.factsInterval) } catch { return }
    let inspection = Inspection(
      registry: registry, inspector: inspector, logger: logger, figures: inspectionFigures, time: time)
    await foreverHere("inspection", every: Self.inspectionInterval, or: newImages) {
      while !Task.isCancelled, self.settings.inspects {
        let (pushes, begin) = (self.registry.pushes.count, self.time.monotonicNanoseconds)
        guard try await inspection.step() > 0 else { return }
        let spent = Duration.nanoseconds(self.time.monotonicNanoseconds - begin)
        var rest = Self.leastRest
        if self.registry.pushes.count != pushes, try await self.registry.inspectionLag() ?? .zero < Self.lagLimit {
          rest = max(rest, min(spent * Self.restShare, Self.longestRest))
        }
        try await self.time.sleep(for: rest)
      }
    }
  }

  /// Of one process: what older versions have read is read again.
  private func renewForever() async {
    do { try await time.sleep(for: Self.careDelay) } catch { return }
    let inspection = Inspection(
      registry: registry, inspector: inspector, logger: logger, figures: inspectionFigures, time: time)
    await forever("renewal of inventories") {
      guard settings.inspects else { return Self.expiryInterval }
      guard let renewed = try await inspection.renew() else { return Self.expiryInterval }
      let count = try await renewed + inspection.trim()
      return count > 0 ? Self.sweepRest : Self.tidyingInterval
    }
  }

  /// Of one process: feeds are fetched once for all.
  private func refreshForever() async {
    guard let fetcher, !settings.feeds.isEmpty else { return }
    await forever("refreshing of advisories") {
      let settings = settings
      let refresh = FeedRefresh(
        registry: registry, feeds: settings.feeds, fetcher: fetcher, interval: settings.feedInterval,
        bundleKeys: bundleKeys, figures: feedFigures, logger: logger)
      try await refresh.step()
      return FeedRefresh.lookInterval
    }
  }

  /// Of this process alone, whoever refreshes them: each is asked for its figures.
  private func lookAtFeedsForever() async {
    await foreverHere("looking at the age of feeds", every: FeedFigures.interval) {
      try await self.feedFigures.look(configured: self.settings.feeds.map(\.name))
    }
  }

  /// Of this process alone: what was written ahead here is folded back here.
  private func settleForever() async {
    await foreverHere("settling", every: Self.settleInterval) {
      try await self.settle()
      try await self.registry.flushPulls()
    }
  }

  /// Of this process alone: what was gathered here is written from here.
  private func tendForever() async {
    await foreverHere("writing the record", every: Self.tendingInterval) { try await self.access.tend() }
  }

  /// - Parameter bell: rings when there is work before the interval is over.
  private func foreverHere(
    _ chore: String, every interval: Duration, or bell: Bell = Bell(), _ step: () async throws -> Void
  ) async {
    while !Task.isCancelled {
      do {
        try await step()
        try await bell.wait(atMost: interval, by: time)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("a chore failed and will be tried again", metadata: ["chore": "\(chore)", "cause": "\(error)"])
        do { try await time.sleep(for: Self.failureRest) } catch { return }
      }
    }
  }
}
