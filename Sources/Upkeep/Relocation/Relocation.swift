public import BlobStorage
public import Ground
public import Metadata
import OCI
import RegistryCore

/// Takes a registry to another database and another store of bytes.
///
/// Blobs are copied while the old place serves; then it is sealed, so that nobody can push there any more, what came last is
/// copied, and the rows follow. The order makes certain that at no moment two places take writes: the old one is sealed
/// before the first row goes, and the new one cannot be served before the last is there. Every step may be repeated, so a
/// move that was interrupted is begun again.
public struct Relocation: Sendable {
  /// One end of a move.
  public struct End: Sendable {
    public let database: any Database
    /// Opens a blob. Throws ``StorageError/blobUnknown(_:)`` when its bytes are not there.
    public let open: @Sendable (StoredBlob) async throws -> BlobBody

    public init(database: any Database, open: @escaping @Sendable (StoredBlob) async throws -> BlobBody) {
      self.database = database
      self.open = open
    }
  }

  /// What was done.
  public struct Outcome: Sendable {
    public var blobs = 0
    public var bytes: Int64 = 0
    public var rows: Int64 = 0
    /// Blobs that could not be taken along, with the reason. They are marked as damaged, and the next push heals them.
    public var damaged: [String] = []
    /// How long nobody could push.
    public var sealed: Duration = .zero
  }

  /// What a move refuses to do, in words.
  public struct Refusal: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
  }

  /// Blobs that are copied at the same time.
  private static let width = 4
  /// Once so few are left to copy, the source is sealed.
  private static let lastBlobs = 16
  /// Passes over the blobs while the source serves, at the most.
  private static let passLimit = 8

  private let source: End
  private let target: any Database
  /// Nil when the bytes stay where they are.
  private let store: (any BlobStore)?
  private let random: any RandomSource
  private let report: @Sendable (String) -> Void

  /// - Parameters:
  ///   - store: where the bytes go; nil when they stay where they are.
  ///   - report: told how far the move has got, often.
  public init(
    from source: End, to target: any Database, _ store: (any BlobStore)?, random: any RandomSource = SystemRandom(),
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.source = source
    self.target = target
    self.store = store
    self.random = random
    self.report = report
  }

  /// Moves everything. Returns when the new place can be served.
  public func run() async throws -> Outcome {
    try await begin()
    var outcome = Outcome()
    for _ in 0..<Self.passLimit {
      let pass = try await copyBlobs(&outcome)
      if pass <= Self.lastBlobs { break }
    }
    let start = ContinuousClock.now
    // After a move that broke off at its very end it is sealed for good already.
    try await source.database.write { transaction in
      if try !transaction.isMoved() { try transaction.seal() }
    }
    report("sealed: pulls go on, pushes are refused from now on")
    outcome.damaged = []
    _ = try await copyBlobs(&outcome)
    for table in StoredTable.allCases { outcome.rows += try await copyRows(of: table) }
    try await verify()
    // First here: whoever gives the move up afterwards is told that the new place may have taken pushes.
    try await source.database.write { try $0.sealForGood() }
    try await target.write { transaction in
      try transaction.continueCounting()
      try transaction.endMove()
    }
    outcome.sealed = ContinuousClock.now - start
    return outcome
  }

  /// Lets the old place take pushes again, after a move that was given up.
  ///
  /// - Parameter evenIfEnded: also after a move that has ended: right only where the new place was never served.
  /// - Throws: ``Refusal`` after a move that has ended.
  public static func abort(at source: any Database, evenIfEnded: Bool = false) async throws {
    if !evenIfEnded, try await source.read({ try $0.isMoved() }) {
      throw Refusal(
        "the move from here has ended: what was pushed to the new place since would be missing here, and what is pushed here "
          + "would be missing there. Stop the new place and move back from it; or, if it was never served, add --force")
    }
    try await source.write { try $0.unseal() }
  }

  // MARK: Beginning

  private func begin() async throws {
    guard let identity = try await source.database.read({ try $0.keepsake(Registry.identityKeepsake) }) else {
      throw Refusal("there is no registry to move: nothing was ever served there")
    }
    let (mark, inventory) = try await target.read { transaction in
      (try transaction.keepsake(Keepsake.moveFrom), try transaction.inventory())
    }
    if mark == nil, try await source.database.read({ try $0.isMoved() }) {
      throw Refusal(
        "this registry was moved already, and pushes go to its new place: move from there; or, if that was never served, "
          + "begin with --abort --force")
    }
    if mark == nil, inventory.repositories > 0 || inventory.blobs > 0 {
      throw Refusal(
        "the target holds a registry already, with \(inventory.repositories) repositories: "
          + "a move needs an empty database")
    }
    let fingerprint = identity.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
    let found = try await target.write { try $0.beginMove(from: Array(fingerprint.description.utf8)) }
    guard found == Array(fingerprint.description.utf8) else {
      throw Refusal("a move from another registry to this target was begun and has not ended")
    }
  }

  // MARK: Blobs

  /// Copies what is not copied yet. Answers how many blobs that were.
  private func copyBlobs(_ outcome: inout Outcome) async throws -> Int {
    guard store != nil else { return 0 }
    let inventory = try await source.database.read { try $0.inventory() }
    var copied = 0
    var seen = 0
    var last: Digest?
    while true {
      let after = last
      let page = try await source.database.read { try $0.blobs(after: after, limit: 256) }
      guard let end = page.last else { return copied }
      let digests = page.map(\.digest.description)
      let known = try await target.read { try $0.movedPlaces(digests) }
      let missing = page.filter { $0.state == .present && known[$0.digest.description] == nil }
      for (row, problem) in try await copyTogether(missing) {
        if let problem {
          outcome.damaged.append("\(row.digest): \(problem)")
        } else {
          copied += 1
          outcome.blobs += 1
          outcome.bytes += row.sizeBytes
        }
      }
      seen += page.count
      report("\(seen) of \(inventory.blobs) blobs, \(outcome.bytes >> 20) MiB copied")
      last = end.digest
    }
  }

  private func copyTogether(_ rows: [BlobRow]) async throws -> [(BlobRow, String?)] {
    try await withThrowingTaskGroup(of: (BlobRow, String?).self) { group in
      var outcomes: [(BlobRow, String?)] = []
      for (index, row) in rows.enumerated() {
        if index >= Self.width, let done = try await group.next() { outcomes.append(done) }
        group.addTask { (row, try await copy(row)) }
      }
      for try await done in group { outcomes.append(done) }
      return outcomes
    }
  }

  /// Copies one blob; it is verified on the way. Answers what is wrong with its bytes, nil when nothing is.
  private func copy(_ row: BlobRow) async throws -> String? {
    guard let store else { return nil }
    do {
      let body = try await source.open(row.stored)
      let upload = UploadID(random.hexadecimal(byteCount: 16))
      let stored = try await write(body, row.digest, to: store, through: upload)
      try await target.write { transaction in
        try transaction.recordMoved(row.digest, place: stored.place)
        if let upload, let place = stored.place {
          _ = try transaction.deleteUnclaimedUpload(upload.text, at: place)
        }
      }
      return nil
    } catch StorageError.blobUnknown {
      return try await isStillThere(row) ? "its bytes are missing" : nil
    } catch StorageError.digestMismatch {
      return "its bytes do not have its digest"
    }
  }

  /// A blob may be collected while it is copied.
  private func isStillThere(_ row: BlobRow) async throws -> Bool {
    let now = try await source.database.read { try $0.blob(row.digest) }
    return now?.state == .present && now?.place == row.place
  }

  private func write(
    _ body: BlobBody, _ digest: Digest, to store: any BlobStore, through upload: UploadID?
  ) async throws -> StoredBlob {
    guard body.sizeBytes > Int64(store.wholeBlobLimitBytes), let upload else {
      let bytes = try await body.collect()
      var hasher = ContentHasher(digest.algorithm)
      hasher.update(bytes)
      let actual = hasher.digest()
      guard actual == digest else { throw StorageError.digestMismatch(expected: digest, actual: actual) }
      return try await store.put(bytes, as: digest)
    }
    let chunks = try await body.chunks()
    _ = try await store.append(
      chunks, to: upload, at: 0, AppendExtent(length: body.sizeBytes, isLast: true), limit: .max,
      hashing: digest.algorithm)
    return try await store.publish(upload, as: digest)
  }

  // MARK: Rows

  private func copyRows(of table: StoredTable) async throws -> Int64 {
    var count: Int64 = 0
    var last: StoredRow?
    while true {
      let after = last
      let page = try await source.database.read { try $0.rows(of: table, after: after) }
      guard let end = page.last else { return count }
      let places = try await self.places(of: page, in: table)
      let rows = table.adapted(page, places: places, keepsStore: store == nil)
      try await target.write { try $0.insert(rows, into: table) }
      count += Int64(page.count)
      report("\(table.rawValue): \(count) rows")
      last = end
    }
  }

  private func places(of page: [StoredRow], in table: StoredTable) async throws -> [String: String?]? {
    guard table == .blob, store != nil else { return nil }
    let digests = page.compactMap { row in
      if case .text(let digest) = row.values[0] { digest } else { nil }
    }
    return try await target.read { try $0.movedPlaces(digests) }
  }

  /// The same number of rows everywhere, and no contradiction that was not there before.
  private func verify() async throws {
    for table in StoredTable.allCases where table != .keepsake {
      let (old, new) = (
        try await source.database.read { try $0.count(of: table) }, try await target.read { try $0.count(of: table) }
      )
      guard old == new else {
        throw Refusal("\(table.rawValue) has \(old) rows, and \(new) arrived; begin the move again")
      }
    }
    let before = try await source.database.read { try $0.inconsistencies(limit: 10) }.count
    let after = try await target.read { try $0.inconsistencies(limit: 10) }
    guard after.count <= before else {
      throw Refusal("the rows contradict each other after the move: \(after[0])")
    }
  }
}
