public import Ground
public import OCI

/// An image that is to be folded, with what is known of its layers from the base on.
public struct DueImage: Sendable {
  public struct Layer: Sendable {
    public let digest: Digest
    /// `missing` when its bytes are not here.
    public let state: String
    public let reason: String?
    public let inventory: [UInt8]?
  }

  public let key: Int64
  public let digest: Digest
  public let layers: [Layer]
  public let tries: Int
  /// How the one who has it marked it as taken: a layer that is read meanwhile makes it due again.
  public let takenUntil: Timestamp
}

/// An image's inventory as its row has it.
public struct ImageInventoryRow: Sendable, Hashable {
  /// What can be said of an image.
  public enum State: String, Sendable, Hashable, CaseIterable {
    /// A layer is still to be read.
    case waiting
    case inventoried
    /// Packages of the operating system cannot be judged: nothing says which system it is.
    case unknownDistribution = "unknown-distribution"
    /// A layer took the database of packages away: what is there is not known.
    case packageDatabaseRemoved = "package-database-removed"
    /// The distribution is known, and no database names its packages: what is there is not known.
    case packageDatabaseMissing = "package-database-missing"
    /// A layer could not be read, or is not here.
    case failed
  }

  public let key: Int64
  public let digest: Digest
  public let state: State
  public let reason: String?
  /// `ID` of its os-release.
  public let os: String?
  public let osVersion: String?
  /// Its name for people.
  public let osName: String?
  public let packageCount: Int64
  public let inventoriedAt: Timestamp?
}

/// What folding an image came to.
public struct ImageInventoryRecord: Sendable {
  public var state: ImageInventoryRow.State
  public var reason: String?
  public var os: String?
  public var osVersion: String?
  public var osName: String?
  public var packages: [PackageUse] = []
  public var notices: [ImageNotice] = []
  /// When to try again; nil when there is no need.
  public var retryAt: Timestamp?

  public init(state: ImageInventoryRow.State) { self.state = state }
}

/// Something about a file of an image that is no package.
public struct ImageNotice: Sendable, Hashable {
  public let kind: String
  public let path: String
  public let detail: String
  /// The position of the layer, from the base on.
  public let layer: Int
  /// An upper layer removes the file; its layer still carries it.
  public let isHidden: Bool

  public init(kind: String, path: String, detail: String, layer: Int, isHidden: Bool) {
    self.kind = kind
    self.path = path
    self.detail = detail
    self.layer = layer
    self.isHidden = isHidden
  }
}

extension Row {
  fileprivate func imageInventory() throws -> ImageInventoryRow {
    guard let state = ImageInventoryRow.State(rawValue: text(2)) else {
      throw DatabaseError.corrupt("the state of an inventory is stored as “\(text(2))”")
    }
    return ImageInventoryRow(
      key: integer(0), digest: try digest(1), state: state, reason: optionalText(3), os: optionalText(4),
      osVersion: optionalText(5), osName: optionalText(6), packageCount: integer(7),
      inventoriedAt: isNull(8) ? nil : timestamp(8))
  }
}

extension Reading where Self: ~Copyable {
  /// What is known of an image; nil when it was never registered.
  public func imageInventory(_ digest: Digest) throws -> ImageInventoryRow? {
    try first(
      """
      SELECT id, digest, state, reason, os, os_version, os_name, packages, inventoried_at
      FROM image_inventory WHERE digest = \(digest)
      """
    ) { try $0.imageInventory() }
  }

  public func imageNotices(of image: Int64) throws -> [ImageNotice] {
    try all(
      """
      SELECT kind, path, detail, layer, is_hidden FROM image_notice WHERE image_id = \(image)
      ORDER BY kind, path, detail, layer
      """
    ) {
      ImageNotice(
        kind: $0.text(0), path: $0.text(1), detail: $0.text(2), layer: Int($0.integer(3)), isHidden: $0.integer(4) != 0)
    }
  }

  public func hasDueImages() throws -> Bool {
    try number("SELECT COUNT(*) FROM (SELECT 1 FROM image_inventory WHERE due <= \(now) LIMIT 1) x") > 0
  }
}

extension Transaction {
  /// Takes images that are due and of which no layer is waited for. Those of which one is become due with it.
  public func takeDueImages(limit: Int, until: Timestamp) throws -> [DueImage] {
    // Who writes the last layer of an image must see that it waits, or be seen.
    try lockInspection()
    try enqueue(
      """
      UPDATE image_inventory SET due = NULL WHERE due <= \(now) AND EXISTS (
        SELECT 1 FROM image_layer l JOIN layer_inventory i ON i.digest = l.digest
        WHERE l.image_id = image_inventory.id AND i.state = 'waiting')
      """)
    let taken = try all(
      """
      UPDATE image_inventory SET due = \(until)
      WHERE id IN (SELECT id FROM image_inventory WHERE due <= \(now) ORDER BY due, id LIMIT \(limit))
        AND due <= \(now) RETURNING id, digest, tries
      """
    ) { (key: $0.integer(0), digest: try $0.digest(1), tries: Int($0.integer(2))) }
    return try taken.sorted { $0.key < $1.key }.map { image in
      let layers = try all(
        """
        SELECT l.digest, COALESCE(i.state, 'missing'), i.reason, i.inventory
        FROM image_layer l LEFT JOIN layer_inventory i ON i.digest = l.digest
        WHERE l.image_id = \(image.key) ORDER BY l.position
        """
      ) {
        DueImage.Layer(
          digest: try $0.digest(0), state: $0.text(1), reason: $0.optionalText(2),
          inventory: $0.isNull(3) ? nil : $0.bytes(3))
      }
      return DueImage(
        key: image.key, digest: image.digest, layers: layers, tries: image.tries, takenUntil: until)
    }
  }

  /// Writes what an image holds, in place of what was known of it. One of which a layer was read since it was taken stays due.
  ///
  /// - Parameter matcher: the revision of the rules that gave the packages their subjects.
  /// - Returns: packages that are new to the registry: nothing was judged of them yet; and those that are to be judged anew.
  public func writeImage(
    _ image: DueImage, _ record: ImageInventoryRecord, matcher: Int
  ) throws -> (fresh: [NewPackage], renewed: [NewPackage]) {
    try lockInspection()
    let retries = record.retryAt != nil
    let found = try execute(
      """
      UPDATE image_inventory SET state = \(record.state.rawValue),
        reason = \(record.reason?.storable(limitBytes: ImageFacts.textLimitBytes)), 
        due = CASE WHEN due = \(image.takenUntil) THEN \(record.retryAt) ELSE due END,
        tries = \(retries ? image.tries + 1 : 0), os = \(record.os?.storable(limitBytes: PackageRecord.textLimitBytes)),
        os_version = \(record.osVersion?.storable(limitBytes: PackageRecord.textLimitBytes)),
        os_name = \(record.osName?.storable(limitBytes: PackageRecord.textLimitBytes)),
        packages = \(record.packages.count), inventoried_at = \(now), matcher = \(matcher)
      WHERE id = \(image.key)
      """)
    guard found > 0 else { return ([], []) }
    try enqueue("DELETE FROM image_package WHERE image_id = \(image.key)")
    try enqueue("DELETE FROM image_notice WHERE image_id = \(image.key)")
    let keyed = try keys(of: record.packages.map(\.package), matcher: matcher)
    for use in record.packages {
      guard let key = keyed.keys[use.package] else { continue }
      try enqueue(
        """
        INSERT INTO image_package (package_id, image_id, path, layer, owned_by)
        VALUES (\(key), \(image.key), \(use.path.storable(limitBytes: PackageUse.pathLimitBytes)), \(use.layer),
          \(use.ownedBy?.storable(limitBytes: PackageRecord.textLimitBytes)))
        ON CONFLICT (package_id, image_id, path) DO NOTHING
        """)
    }
    for notice in record.notices {
      try enqueue(
        """
        INSERT INTO image_notice (image_id, kind, path, detail, layer, is_hidden)
        VALUES (\(image.key), \(notice.kind), \(notice.path.storable(limitBytes: PackageUse.pathLimitBytes)),
          \(notice.detail.storable(limitBytes: PackageRecord.textLimitBytes)), \(notice.layer), \(notice.isHidden))
        ON CONFLICT (image_id, kind, path, detail, layer) DO NOTHING
        """)
    }
    return (keyed.fresh, keyed.renewed)
  }

  /// Has images folded again whose packages an older matcher gave their subjects. Answers how many.
  public func renewImages(matcherBelow revision: Int, limit: Int) throws -> Int {
    try lockInspection()
    // None should wait for nothing; an older version could leave one so.
    try enqueue(
      """
      UPDATE image_inventory SET due = \(now) WHERE state = 'waiting' AND due IS NULL
        AND NOT EXISTS (SELECT 1 FROM image_layer l JOIN layer_inventory i ON i.digest = l.digest
          WHERE l.image_id = image_inventory.id AND i.state = 'waiting')
      """)
    return try execute(
      """
      UPDATE image_inventory SET due = \(now) WHERE id IN (
        SELECT id FROM image_inventory WHERE due IS NULL AND matcher < \(revision) AND state <> 'waiting' LIMIT \(limit))
      """)
  }

  /// Keeps changes of packages and of advisories apart: what is judged by one would else not see the other.
  public func lockInspection() throws {
    try enqueue("INSERT INTO keepsake (name, value) VALUES ('inspection', \([UInt8]())) ON CONFLICT (name) DO NOTHING")
    _ = try number("SELECT COUNT(*) FROM (SELECT 1 FROM keepsake WHERE name = 'inspection' {LOCK}) x")
  }

  /// Forgets what ``Reading/goneInspections(limit:)`` has found, unless it is needed again. Answers how many rows went.
  public func deleteInspections(_ gone: GoneInspections) throws -> Int {
    try lockInspection()
    var count = 0
    for image in gone.images {
      count += try execute(
        """
        DELETE FROM image_inventory WHERE id = \(image)
          AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = image_inventory.digest)
        """)
    }
    for package in gone.packages {
      count += try execute(
        """
        DELETE FROM package WHERE id = \(package)
          AND NOT EXISTS (SELECT 1 FROM image_package u WHERE u.package_id = package.id)
        """)
    }
    return count
  }
}

/// What nothing in the registry needs any more.
public struct GoneInspections: Sendable, Hashable {
  /// Keys of images that no repository has.
  public let images: [Int64]
  /// Keys of packages that no image has.
  public let packages: [Int64]

  public var isEmpty: Bool { images.isEmpty && packages.isEmpty }
}

extension Reading where Self: ~Copyable {
  /// Images that no repository has any more, and packages that no image has. Looks at all of them.
  public func goneInspections(limit: Int) throws -> GoneInspections {
    let images = try all(
      """
      SELECT i.id FROM image_inventory i WHERE NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = i.digest)
      ORDER BY i.id LIMIT \(limit)
      """
    ) { $0.integer(0) }
    let packages = try all(
      """
      SELECT p.id FROM package p WHERE NOT EXISTS (SELECT 1 FROM image_package u WHERE u.package_id = p.id)
      ORDER BY p.id LIMIT \(limit)
      """
    ) { $0.integer(0) }
    return GoneInspections(images: images, packages: packages)
  }
}
