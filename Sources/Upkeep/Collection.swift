public import Ground
public import Logging
public import Metadata
public import RegistryCore

/// Frees what nobody needs: idle manifests (a setting), blobs that no manifest names, bytes that no repository has.
///
/// Runs all the time in small batches. Nobody is paused: each step looks again in its own transaction (invariant I3).
public struct Collection: Chore {
  public struct Settings: Sendable {
    /// Nil keeps manifests that no tag and no index names.
    public var untaggedAfter: Duration?
    public init(untaggedAfter: Duration? = nil) { self.untaggedAfter = untaggedAfter }
  }

  /// What a batch holds at most. Small, because a transaction of it is what a push may have to wait for.
  public static let batchLimit = 32

  public struct Plan: Sendable {
    public let manifests: [IdleManifest]
    /// Deleted for every reader, and not needed by history any more.
    public let forgotten: [IdleManifest]
    public let links: [IdleLink]
    public let blobs: [BlobRow]

    public init(
      manifests: [IdleManifest], forgotten: [IdleManifest] = [], links: [IdleLink], blobs: [BlobRow]
    ) {
      self.manifests = manifests
      self.forgotten = forgotten
      self.links = links
      self.blobs = blobs
    }

    /// How many things it names.
    public var count: Int { manifests.count + forgotten.count + links.count + blobs.count }
  }

  private let registry: Registry
  private let settings: Settings
  private let figures: CollectionFigures?
  private let logger: Logger

  public init(registry: Registry, settings: Settings, figures: CollectionFigures? = nil, logger: Logger) {
    self.registry = registry
    self.settings = settings
    self.figures = figures
    self.logger = logger
  }

  public func plan() async throws -> Plan? { try await plan(limit: Self.batchLimit) }

  /// - Parameter limit: the most of each kind; a dry run asks for more than a batch.
  public func plan(limit: Int) async throws -> Plan? {
    var manifests: [IdleManifest] = []
    if let age = settings.untaggedAfter { manifests = try await registry.idleManifests(olderThan: age, limit: limit) }
    let plan = Plan(
      manifests: manifests, forgotten: try await registry.forgottenManifests(limit: limit),
      links: try await registry.idleLinks(limit: limit),
      blobs: try await registry.unlinkedBlobs(limit: limit))
    return plan.count == 0 ? nil : plan
  }

  public func carryOut(_ plan: Plan) async throws {
    if let age = settings.untaggedAfter, !plan.manifests.isEmpty {
      try await collect(plan.manifests, olderThan: age)
    }
    if !plan.forgotten.isEmpty { try await collect(plan.forgotten, olderThan: nil) }
    if !plan.links.isEmpty {
      // Not in the argument: where nobody counts, that would not be evaluated.
      let count = try await registry.collect(links: plan.links)
      figures?.links.increment(by: count)
    }
    if !plan.blobs.isEmpty {
      let freed = try await registry.collect(blobs: plan.blobs)
      figures?.blobs.increment(by: freed.blobs)
      figures?.bytes.increment(by: Int(freed.bytes))
    }
  }

  private func collect(_ manifests: [IdleManifest], olderThan age: Duration?) async throws {
    let count = try await registry.collect(manifests: manifests, olderThan: age)
    figures?.manifests.increment(by: count)
    for manifest in manifests {
      logger.debug("manifest collected", metadata: ["repository": "\(manifest.name)", "digest": "\(manifest.digest)"])
    }
  }

  /// The plan in words, a line each.
  public static func describe(_ plan: Plan) -> [String] {
    plan.manifests.map { "manifest \($0.name)@\($0.digest): no tag or index names it" }
      + plan.forgotten.map { "manifest \($0.name)@\($0.digest): it was deleted, and history needs it no more" }
      + plan.links.map { "blob \($0.digest) in \($0.name): no manifest names it, its lease is over" }
      + plan.blobs.map { "bytes \($0.digest): no repository has them, \($0.sizeBytes) bytes" }
  }
}

/// What collection has freed, for `/metrics`.
public struct CollectionFigures: Sendable {
  public let manifests, links, blobs, bytes, rounds, failures: Counter

  public init(_ metrics: Metrics) {
    manifests = metrics.counter("berth_collection_manifests_total", "Untagged manifests that were deleted.")
    links = metrics.counter("berth_collection_links_total", "Unreferenced blobs that were taken out of a repository.")
    blobs = metrics.counter("berth_collection_blobs_total", "Blobs whose bytes were removed.")
    bytes = metrics.counter("berth_collection_freed_bytes_total", "Bytes that were freed.")
    rounds = metrics.counter("berth_collection_rounds_total", "Times that collection had nothing more to do.")
    failures = metrics.counter("berth_collection_failures_total", "Batches that failed and will be tried again.")
  }
}
