public import Ground
public import OCI

/// A layer that is to be read.
public struct DueLayer: Sendable, Hashable {
  public let digest: Digest
  public let sizeBytes: Int64
  /// As in a blob's row.
  public let place: String?
  /// How often reading it failed.
  public let tries: Int
}

/// What reading a layer came to.
public enum LayerOutcome: Sendable, Hashable {
  /// - Parameters:
  ///   - inventory: as the scanner encodes it.
  ///   - files: the list of files, in parts.
  case read(inventory: [UInt8], files: [[UInt8]], entries: Int, uncompressedBytes: Int64)
  /// - Parameter retryAt: nil: it is no use to try again before the scanner is another.
  case failed(reason: String, retryAt: Timestamp?)
}

/// How far the registry's layers and images are known.
public struct InspectionCounts: Sendable, Hashable {
  public var layersWaiting = 0
  public var layersRead = 0
  public var layersFailed = 0
  public var imagesWaiting = 0
  public var imagesKnown = 0
  /// Versions of packages in all images.
  public var packages = 0
  /// What is wrong with them, each version counted once.
  public var findings = 0
}

/// A layer's state as a person sees it.
public struct LayerState: Sendable, Hashable {
  public let digest: Digest
  /// `waiting`, `read`, `failed`; `missing` when its bytes are not here.
  public let state: String
  public let reason: String?
  public let entries: Int64
  public let uncompressedBytes: Int64
  public let readAt: Timestamp?
}

extension Transaction {
  /// Makes an image known to the inspection: its layers will be read, unless they are known, and then the image itself.
  ///
  /// - Parameter layers: from the base on.
  public func registerImage(_ digest: Digest, layers: [Digest]) throws {
    for layer in Set(layers).sorted() {
      try enqueue(
        """
        INSERT INTO layer_inventory (digest, state, revision, due, tries, entries, uncompressed)
        SELECT digest, 'waiting', 0, \(now), 0, 0, 0 FROM blob WHERE digest = \(layer) AND state = 1
        ON CONFLICT (digest) DO NOTHING
        """)
    }
    try enqueue(
      """
      INSERT INTO image_inventory (digest, state, due, tries, packages, created_at)
      VALUES (\(digest), 'waiting', \(now), 0, 0, \(now)) ON CONFLICT (digest) DO NOTHING
      """)
    for (position, layer) in layers.enumerated() {
      try enqueue(
        """
        INSERT INTO image_layer (image_id, position, digest)
        SELECT id, \(position), \(layer) FROM image_inventory WHERE digest = \(digest)
        ON CONFLICT (image_id, position) DO NOTHING
        """)
    }
  }

  /// Takes layers that are due, for as long as it may take to read them: another replica leaves them alone until then.
  public func takeDueLayers(limit: Int, until: Timestamp) throws -> [DueLayer] {
    let taken = try all(
      """
      UPDATE layer_inventory SET due = \(until)
      WHERE digest IN (SELECT digest FROM layer_inventory WHERE due <= \(now) ORDER BY due, digest LIMIT \(limit))
        AND due <= \(now) RETURNING digest, tries
      """
    ) { (digest: try $0.digest(0), tries: Int($0.integer(1))) }
    var layers: [DueLayer] = []
    for layer in taken {
      guard let blob = try blob(layer.digest) else { continue }
      layers.append(
        DueLayer(digest: layer.digest, sizeBytes: blob.sizeBytes, place: blob.place, tries: layer.tries))
    }
    return layers.sorted { $0.sizeBytes < $1.sizeBytes }
  }

  /// Gives layers back that were taken and not read, or keeps others away from them for longer.
  ///
  /// - Parameter moment: when they are due.
  public func setDue(_ digests: [Digest], at moment: Timestamp) throws {
    for digest in digests {
      try enqueue("UPDATE layer_inventory SET due = \(moment) WHERE digest = \(digest) AND due IS NOT NULL")
    }
  }

  /// Writes what was read of a layer. Images none of whose layers is waited for any more become due.
  ///
  /// A failure does not undo what another has read of it in the meantime.
  ///
  /// - Precondition: the inspection is locked: who writes other layers of the same image would else wait for each other's in vain.
  public func writeLayer(_ digest: Digest, revision: Int, _ outcome: LayerOutcome) throws {
    let changed: Int
    switch outcome {
    case .read(let inventory, let files, let entries, let bytes):
      changed = try execute(
        """
        UPDATE layer_inventory SET state = 'read', reason = NULL, revision = \(revision), due = NULL, tries = 0,
          entries = \(entries), uncompressed = \(bytes), read_at = \(now), inventory = \(inventory)
        WHERE digest = \(digest)
        """)
      guard changed > 0 else { return }
      try enqueue("DELETE FROM layer_file_list WHERE digest = \(digest)")
      for (part, bytes) in files.enumerated() {
        try enqueue("INSERT INTO layer_file_list (digest, part, bytes) VALUES (\(digest), \(part), \(bytes))")
      }
    case .failed(let reason, let retryAt):
      changed = try execute(
        """
        UPDATE layer_inventory SET state = 'failed', reason = \(reason.storable(limitBytes: ImageFacts.textLimitBytes)),
          revision = \(revision), due = \(retryAt), tries = tries + 1, entries = 0, uncompressed = 0, read_at = \(now),
          inventory = NULL
        WHERE digest = \(digest) AND NOT (state = 'read' AND revision >= \(revision))
        """)
      guard changed > 0 else { return }
      try enqueue("DELETE FROM layer_file_list WHERE digest = \(digest)")
    }
    try enqueue(
      """
      UPDATE image_inventory SET due = \(now) WHERE id IN (SELECT image_id FROM image_layer WHERE digest = \(digest))
        AND NOT EXISTS (SELECT 1 FROM image_layer l JOIN layer_inventory i ON i.digest = l.digest
          WHERE l.image_id = image_inventory.id AND i.state = 'waiting')
      """)
  }

  /// Has layers read again that an older set of cataloguers has read. Answers how many.
  public func renewLayers(revisionBelow revision: Int, limit: Int) throws -> Int {
    try execute(
      """
      UPDATE layer_inventory SET due = \(now) WHERE digest IN (
        SELECT digest FROM layer_inventory WHERE due IS NULL AND revision < \(revision) LIMIT \(limit))
      """)
  }
}

extension Reading where Self: ~Copyable {
  /// Whether there are layers that are to be read now. One look into an index.
  public func hasDueLayers() throws -> Bool {
    try number("SELECT COUNT(*) FROM (SELECT 1 FROM layer_inventory WHERE due <= \(now) LIMIT 1) x") > 0
  }

  /// For how long what is due first has been waiting; nil: nothing waits.
  public func inspectionLag() throws -> Duration? {
    let now = now
    let waiting = try first(
      """
      SELECT MIN(due) FROM (SELECT MIN(due) AS due FROM layer_inventory WHERE due <= \(now)
        UNION ALL SELECT MIN(due) AS due FROM image_inventory WHERE due <= \(now)) x
      """
    ) { $0.isNull(0) ? nil : $0.timestamp(0) }
    guard let since = waiting ?? nil else { return nil }
    return .microseconds(now.microseconds - since.microseconds)
  }

  /// How far everything is known. Looks at all of it.
  public func inspectionCounts() throws -> InspectionCounts {
    var counts = InspectionCounts()
    let layers = try later("SELECT state, COUNT(*) FROM layer_inventory GROUP BY state") {
      (state: $0.text(0), count: Int($0.integer(1)))
    }
    let images = try later("SELECT state, COUNT(*) FROM image_inventory GROUP BY state") {
      (state: $0.text(0), count: Int($0.integer(1)))
    }
    for (state, count) in try layers.all() {
      switch state {
      case "read": counts.layersRead = count
      case "failed": counts.layersFailed = count
      default: counts.layersWaiting = count
      }
    }
    for (state, count) in try images.all() {
      if state == "waiting" { counts.imagesWaiting = count } else { counts.imagesKnown += count }
    }
    counts.packages = Int(try number("SELECT COUNT(*) FROM package"))
    counts.findings = Int(try number("SELECT COUNT(*) FROM finding"))
    return counts
  }

  /// What a layer holds, as the scanner encodes it; nil when it was not read.
  public func layerInventory(_ digest: Digest) throws -> [UInt8]? {
    try first("SELECT inventory FROM layer_inventory WHERE digest = \(digest) AND inventory IS NOT NULL") {
      $0.bytes(0)
    }
  }

  /// The list of a layer's files, in parts that follow one another; empty when it was not read.
  public func layerFileList(_ digest: Digest) throws -> [[UInt8]] {
    try all("SELECT bytes FROM layer_file_list WHERE digest = \(digest) ORDER BY part") { $0.bytes(0) }
  }

  /// The layers of an image from the base on.
  public func layerStates(ofImage image: Int64) throws -> [LayerState] {
    try all(
      """
      SELECT l.digest, COALESCE(i.state, 'missing'), i.reason, COALESCE(i.entries, 0), COALESCE(i.uncompressed, 0), i.read_at
      FROM image_layer l LEFT JOIN layer_inventory i ON i.digest = l.digest
      WHERE l.image_id = \(image) ORDER BY l.position
      """
    ) {
      LayerState(
        digest: try $0.digest(0), state: $0.text(1), reason: $0.optionalText(2), entries: $0.integer(3),
        uncompressedBytes: $0.integer(4), readAt: $0.isNull(5) ? nil : $0.timestamp(5))
    }
  }
}
