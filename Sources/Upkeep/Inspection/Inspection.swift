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
  var figures: InspectionFigures?
  var time: any TimeSource = SystemTime()

  /// How many layers one round takes. Few: each is read to its end before the next, and others may have time.
  static let layerBatchLimit = 16
  static let imageBatchLimit = 16
  /// What is read of layers is written together until one of this size is to be read, or so much is to be written: a commit for each
  /// would make pushes wait.
  static let largeLayerBytes: Int64 = 1 << 20
  static let writtenBytesLimit = 4 << 20
  /// Images are written together up to so many packages: a push may have to wait for it.
  static let writtenPackageLimit = 500
  /// For so long others leave a layer alone whose reader gives no sign of life, and how often one does that is at work.
  static let layerTerm: Duration = .seconds(120)
  static let layerRenewal: Duration = .seconds(40)
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
      // Before any layer, as everywhere.
      try transaction.lockInspection()
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
    var waiting: [(layer: DueLayer, outcome: ReadLayer)] = []
    var bytes = 0
    var renewedAt = time.monotonicNanoseconds
    let inspector = self.inspector.forSeveral()
    for (position, layer) in due.enumerated() {
      if layer.sizeBytes > Self.largeLayerBytes || bytes > Self.writtenBytesLimit {
        try await write(waiting)
        waiting = []
        bytes = 0
      }
      let outcome: ReadLayer
      let held = waiting.map(\.layer) + due[position...]
      // The ones before may have taken long, each less than the time after which one is renewed.
      if Duration.nanoseconds(time.monotonicNanoseconds - renewedAt) > Self.layerRenewal {
        try await keep(held[...], for: Self.layerTerm)
        renewedAt = time.monotonicNanoseconds
      }
      do { outcome = try await keeping(held) { try await read(layer, by: inspector) } } catch {
        // The process is ending: what was read is not lost, and what was not is another's at once.
        let (read, rest) = (waiting, due[position...])
        try? await Task {
          try await write(read)
          try await keep(rest, for: .zero)
        }.value
        throw error
      }
      bytes += outcome.sizeBytes
      waiting.append((layer, outcome))
    }
    try await write(waiting)
    return due.count
  }

  /// Keeps others from layers while one of them is read. Who dies meanwhile keeps nobody from them for long.
  private func keeping(_ layers: [DueLayer], _ body: () async throws -> ReadLayer) async throws -> ReadLayer {
    let renewal = Task {
      while !Task.isCancelled {
        try await time.sleep(for: Self.layerRenewal)
        do { try await keep(layers[...], for: Self.layerTerm) } catch {
          logger.notice("layers are not held for longer; tried again", metadata: ["cause": "\(error)"])
        }
      }
    }
    let outcome: Result<ReadLayer, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    // What is under way must not come after what is written next.
    renewal.cancel()
    _ = await renewal.result
    return try outcome.get()
  }

  private func keep(_ layers: ArraySlice<DueLayer>, for term: Duration) async throws {
    // In the order in which others take their rows.
    let digests = layers.map(\.digest).sorted()
    try await registry.database.write { try $0.setDue(digests, at: $0.now + term) }
  }

  /// What reading a layer came to, before it is written.
  private enum ReadLayer: Sendable {
    case read(inventory: [UInt8], files: [[UInt8]], entries: Int, uncompressedBytes: Int64)
    /// - Parameter wait: nil: it is not tried again.
    case failed(reason: String, wait: Duration?)

    var sizeBytes: Int {
      guard case .read(let inventory, let files, _, _) = self else { return 0 }
      return files.reduce(inventory.count) { $0 + $1.count }
    }

    func outcome(at now: Timestamp) -> LayerOutcome {
      switch self {
      case .read(let inventory, let files, let entries, let bytes):
        .read(inventory: inventory, files: files, entries: entries, uncompressedBytes: bytes)
      case .failed(let reason, let wait): .failed(reason: reason, retryAt: wait.map { now + $0 })
      }
    }
  }

  private func write(_ layers: [(layer: DueLayer, outcome: ReadLayer)]) async throws {
    guard !layers.isEmpty else { return }
    try await registry.database.write { transaction in
      try transaction.lockInspection()
      for (layer, read) in layers {
        try transaction.writeLayer(
          layer.digest, revision: Cataloguers.revision, read.outcome(at: transaction.now))
      }
    }
    guard let figures else { return }
    for (_, read) in layers {
      switch read {
      case .read(_, _, _, let bytes):
        figures.layers.increment()
        figures.bytes.increment(by: Int(bytes))
      case .failed: figures.failures.increment()
      }
    }
  }

  private func read(_ layer: DueLayer, by inspector: any LayerInspector) async throws -> ReadLayer {
    do {
      let body = try await registry.store.open(
        StoredBlob(digest: layer.digest, sizeBytes: layer.sizeBytes, place: layer.place))
      let inspected = try await inspector.inspect(body)
      let figures = inspected.inventory.figures
      return .read(
        inventory: inspected.inventory.encoded(), files: inspected.files, entries: figures.entryCount,
        uncompressedBytes: figures.uncompressedBytes)
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      let isLasting = (error as? InspectionFailure)?.isLasting ?? false
      logger.notice(
        "a layer cannot be inspected",
        metadata: ["digest": "\(layer.digest)", "cause": "\(error)", "tries": "\(layer.tries + 1)"])
      // That no process can be had is not the layer's fault.
      let isTriedAgain = !isLasting && (layer.tries < Self.tryLimit || error is ProcessError)
      let wait = min(Self.retry * (1 << min(layer.tries, 16)), Self.retryLimit)
      return .failed(reason: "\(error)", wait: isTriedAgain ? wait : nil)
    }
  }

  // MARK: Images

  private func foldImages() async throws -> Int {
    let due = try await registry.database.write { transaction in
      try transaction.takeDueImages(limit: Self.imageBatchLimit, until: transaction.now + Self.imageTerm)
    }
    var waiting: [(image: DueImage, record: ImageInventoryRecord)] = []
    var packages = 0
    for image in due {
      let record = ImageFold.record(of: image)
      packages += record.packages.count
      waiting.append((image, record))
      if packages >= Self.writtenPackageLimit {
        try await registry.writeInventories(waiting)
        waiting = []
        packages = 0
      }
    }
    if !waiting.isEmpty { try await registry.writeInventories(waiting) }
    figures?.images.increment(by: due.count)
    return due.count
  }
}
