internal import BlobStorage
internal import Ground
internal import Logging
internal import Metadata
internal import OCI
internal import RegistryCore
internal import Scanning

/// Reads layers that are due, and folds images all of whose layers are read.
///
/// Any number of processes may do it at once: each takes other rows. A crash between any two steps leaves a layer or an image as it
/// was, and its row becomes due again.
struct Inspection: Sendable {
  let registry: Registry
  let inspector: any LayerInspector
  let logger: Logger

  /// How many layers one round takes. Few: each is read to its end before the next, and others may have time.
  static let layerBatchLimit = 4
  static let imageBatchLimit = 16
  /// For so long others leave a layer alone: longer than reading one may take.
  static let layerTerm: Duration = WorkerInspector.timeLimit + .seconds(300)
  static let imageTerm: Duration = .seconds(120)
  /// After a failure that might not come again, and after each more twice as long, up to a day.
  static let retry: Duration = .seconds(60)
  static let retryLimit: Duration = .seconds(86_400)
  /// How many layers and images are renewed together.
  static let renewalLimit = 50
  static let trimLimit = 500
  /// So long it is known what changed.
  static let eventTerm: Duration = .seconds(400 * 86_400)
  /// A layer that failed so often is tried again when another version reads.
  static let tryLimit = 8

  /// Does what is due now. Answers how much; 0: nothing.
  func step() async throws -> Int {
    let isDue = try await registry.database.read { (layers: try $0.hasDueLayers(), images: try $0.hasDueImages()) }
    var count = 0
    if isDue.layers { count += try await readLayers() }
    if isDue.layers || isDue.images { count += try await foldImages() }
    return count
  }

  /// Has what an older set of cataloguers has read be read again, and what older rules have judged be judged again, a little at a
  /// time and behind everything that is new. Answers how much there was; nil: other work comes first.
  func renew() async throws -> Int? {
    let isIdle = try await registry.database.read { transaction in
      let layers = try transaction.hasDueLayers()
      return try !layers && !transaction.hasDueImages()
    }
    guard isIdle else { return nil }
    return try await registry.database.write { transaction in
      let layers = try transaction.renewLayers(revisionBelow: Cataloguers.revision, limit: Self.renewalLimit)
      return try layers + transaction.renewImages(matcherBelow: Matcher.revision, limit: Self.renewalLimit)
    }
  }

  /// Forgets images that no repository has any more, packages that no image has, and old events. Answers how much there was.
  func trim() async throws -> Int {
    let gone = try await registry.database.read { try $0.goneInspections(limit: Self.trimLimit) }
    var count = 0
    if !gone.isEmpty { count += try await registry.database.write { try $0.deleteInspections(gone) } }
    count += try await registry.database.write { try $0.trimVEX() }
    count += try await registry.database.write { transaction in
      try transaction.trimFindingEvents(before: transaction.now - Self.eventTerm, limit: Self.trimLimit)
    }
    return count
  }

  // MARK: Layers

  private func readLayers() async throws -> Int {
    let due = try await registry.database.write { transaction in
      try transaction.takeDueLayers(limit: Self.layerBatchLimit, until: transaction.now + Self.layerTerm)
    }
    for layer in due { try await read(layer) }
    return due.count
  }

  private func read(_ layer: DueLayer) async throws {
    let outcome: (@Sendable (borrowing Transaction) -> LayerOutcome)
    do {
      let body = try await registry.store.open(
        StoredBlob(digest: layer.digest, sizeBytes: layer.sizeBytes, place: layer.place))
      let inspected = try await inspector.inspect(body)
      let figures = inspected.inventory.figures
      let bytes = inspected.inventory.encoded()
      outcome = { _ in
        .read(
          inventory: bytes, files: inspected.files, entries: figures.entryCount,
          uncompressedBytes: figures.uncompressedBytes)
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let isLasting = (error as? InspectionFailure)?.isLasting ?? false
      logger.notice(
        "a layer cannot be inspected",
        metadata: ["digest": "\(layer.digest)", "cause": "\(error)", "tries": "\(layer.tries + 1)"])
      let reason = "\(error)"
      outcome = { transaction in
        guard !isLasting, layer.tries < Self.tryLimit else { return .failed(reason: reason, retryAt: nil) }
        let wait = min(Self.retry * (1 << min(layer.tries, 16)), Self.retryLimit)
        return .failed(reason: reason, retryAt: transaction.now + wait)
      }
    }
    try await registry.database.write { transaction in
      try transaction.writeLayer(layer.digest, revision: Cataloguers.revision, outcome(transaction))
    }
  }

  // MARK: Images

  private func foldImages() async throws -> Int {
    let due = try await registry.database.write { transaction in
      try transaction.takeDueImages(limit: Self.imageBatchLimit, until: transaction.now + Self.imageTerm)
    }
    for image in due {
      let record = ImageFold.record(of: image)
      try await registry.writeInventory(of: image, record)
    }
    return due.count
  }
}
