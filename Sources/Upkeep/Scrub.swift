public import BlobStorage
public import Ground
public import Logging
public import Metadata
public import OCI
public import RegistryCore

/// Reads blobs and compares them with their digests; finds rows without bytes and bytes without rows.
public struct Scrub: Sendable {
  /// How many rows or files are looked at together.
  public static let pageLimit = 128
  static let readBytes = 256 * 1024

  /// What was found wrong with a blob.
  public struct Finding: Sendable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable { case missing, wrongSize(Int64), wrongBytes(Digest), unreadable(String) }
    public let digest: Digest
    public let kind: Kind

    public var reason: String {
      switch kind {
      case .missing: "its bytes are missing"
      case .wrongSize(let size): "it has \(size) bytes, which is not its size"
      case .wrongBytes(let actual): "its bytes have the digest \(actual)"
      case .unreadable(let cause): "it cannot be read: \(cause)"
      }
    }
    public var description: String { "blob \(digest): \(reason)" }
  }

  private let store: any BlobStore
  private let time: any TimeSource
  /// Bytes a second; 0 is as fast as it goes.
  private let rateBytes: Int

  public init(store: any BlobStore, rateBytes: Int, time: any TimeSource = SystemTime()) {
    self.store = store
    self.rateBytes = rateBytes
    self.time = time
  }

  /// Compares one blob's bytes with its row. Nil: all is well.
  public func examine(_ stored: StoredBlob) async throws -> Finding? {
    let digest = stored.digest
    do {
      let blob = try await store.openForExamination(stored)
      guard blob.sizeBytes == stored.sizeBytes else { return Finding(digest: digest, kind: .wrongSize(blob.sizeBytes)) }
      let actual = try await self.digest(of: blob, digest.algorithm)
      return actual == digest ? nil : Finding(digest: digest, kind: .wrongBytes(actual))
    } catch StorageError.blobUnknown {
      return Finding(digest: digest, kind: .missing)
    } catch let error as DiskError {
      return Finding(digest: digest, kind: .unreadable("\(error)"))
    }
  }

  /// Gives a blob that was set aside back to its readers, if it is sound.
  @discardableResult
  public func takeBack(_ row: BlobRow, in registry: Registry) async throws -> Bool {
    try await registry.takeBack(row.stored) { try await examine(row.stored) == nil }
  }

  /// Reads a blob and computes its digest.
  public func digest(of blob: BlobBody, _ algorithm: Digest.Algorithm) async throws -> Digest {
    var hasher = ContentHasher(algorithm)
    switch blob {
    case .file(let file):
      var offset: Int64 = 0
      while offset < file.sizeBytes {
        let count = try Self.readPiece(file, at: offset, into: &hasher)
        if count == 0 { break }
        offset += Int64(count)
        try await rest(after: count)
      }
    case .remote(let blob):
      guard blob.sizeBytes > 0 else { break }
      for try await chunk in try await blob.chunks(ByteRange(first: 0, last: blob.sizeBytes - 1)) {
        try await rest(after: hasher.update(chunk))
      }
    }
    return hasher.digest()
  }

  private func rest(after bytes: Int) async throws {
    let rest = Pace(unitsPerSecond: rateBytes).rest(after: bytes)
    if rest > .zero { try await time.sleep(for: rest) }
  }

  private static func readPiece(_ blob: BlobFile, at offset: Int64, into hasher: inout ContentHasher) throws -> Int {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: readBytes, alignment: 16)
    defer { buffer.deallocate() }
    let count = try blob.file.read(at: offset, into: buffer)
    hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    return count
  }
}

/// One pass after the other over all blobs, slowly, remembering where it has got to.
public struct BackgroundScrub: Sendable {
  static let cursorName = Keepsake.scrubCursor

  private let registry: Registry
  private let scrub: Scrub
  private let figures: ScrubFigures?
  private let logger: Logger

  public init(registry: Registry, scrub: Scrub, figures: ScrubFigures? = nil, logger: Logger) {
    self.registry = registry
    self.scrub = scrub
    self.figures = figures
    self.logger = logger
  }

  /// Examines the next page of blobs. Answers false when that was the last of the pass.
  public func step() async throws -> Bool {
    let cursor = try await registry.database.read { try $0.keepsake(Self.cursorName) }
    let after = cursor.flatMap { try? Digest(parsing: String(decoding: $0, as: UTF8.self)) }
    let page = try await registry.database.read { try $0.blobs(after: after, limit: Scrub.pageLimit) }
    var unsavedBytes: Int64 = 0
    for row in page where row.state != .claimed {
      try await examine(row)
      unsavedBytes += row.sizeBytes
      guard unsavedBytes > Self.saveAfterBytes else { continue }
      unsavedBytes = 0
      try await saveCursor(row.digest.description)
    }
    let isLast = page.count < Scrub.pageLimit
    try await saveCursor(isLast ? "" : page.last?.digest.description ?? "")
    return !isLast
  }

  /// After so many bytes the place is saved within a page too: at a slow rate a page of large blobs takes hours.
  static let saveAfterBytes: Int64 = 1 << 30

  private func saveCursor(_ text: String) async throws {
    try await registry.database.write { try $0.setKeepsake(Self.cursorName, Array(text.utf8)) }
  }

  private func examine(_ row: BlobRow) async throws {
    figures?.blobs.increment()
    figures?.bytes.increment(by: Int(row.sizeBytes))
    guard let finding = try await scrub.examine(row.stored) else {
      if row.state == .corrupt { try await scrub.takeBack(row, in: registry) }
      return
    }
    guard row.state == .present else { return }
    // It may have been collected, or pushed again, while it was read.
    try await registry.setAside(row.stored, because: finding.reason) {
      try await scrub.examine(row.stored) != nil
    }
  }
}

/// Looks again at what was set aside not long ago: a store that did not find its objects for a while has lost none of them.
public struct SecondLook: Sendable {
  /// For how long a blob is looked at again: the scrub does so as long as its row is there.
  static let age: Duration = .seconds(86_400)
  /// How many at the most, those first that were set aside last.
  static let limit = 1000

  private let registry: Registry
  private let scrub: Scrub

  public init(registry: Registry, scrub: Scrub) {
    self.registry = registry
    self.scrub = scrub
  }

  /// Answers how many are back.
  @discardableResult
  public func step() async throws -> Int {
    var count = 0
    for row in try await registry.blobsSetAside(within: Self.age, limit: Self.limit)
    where try await registry.store.size(of: row.stored) == row.sizeBytes {
      if try await scrub.takeBack(row, in: registry) { count += 1 }
    }
    return count
  }
}

/// Goes through what the store holds, and removes what no row names (invariant I4).
public struct OrphanSweep: Sendable {
  static let cursorName = Keepsake.orphanCursor

  private let registry: Registry
  private let figures: ScrubFigures?
  private let logger: Logger

  public init(registry: Registry, figures: ScrubFigures? = nil, logger: Logger) {
    self.registry = registry
    self.figures = figures
    self.logger = logger
  }

  /// Looks at the next page. Answers false when that was the last of the pass.
  public func step() async throws -> Bool {
    let cursor = try await registry.database.read { try $0.keepsake(Self.cursorName) }
    let last = cursor.map { String(decoding: $0, as: UTF8.self) }.flatMap { $0.isEmpty ? nil : $0 }
    let page = try await registry.store.list(after: last, limit: Scrub.pageLimit)
    let freed = try await registry.removeOrphans(page)
    figures?.orphans.increment(by: freed.blobs)
    if freed.blobs > 0 {
      logger.info("bytes without a row removed", metadata: ["blobs": "\(freed.blobs)", "bytes": "\(freed.bytes)"])
    }
    let next = page.count < Scrub.pageLimit ? "" : page.last?.name ?? ""
    try await registry.database.write { try $0.setKeepsake(Self.cursorName, Array(next.utf8)) }
    return !next.isEmpty
  }
}

/// What the scrub has seen, for `/metrics`.
public struct ScrubFigures: Sendable {
  public let blobs, bytes, orphans, unfinished: Counter

  /// - Parameter registry: counts what is damaged, because its readers come upon that too.
  public init(_ metrics: Metrics, _ registry: Registry) {
    blobs = metrics.counter("berth_scrub_blobs_total", "Blobs that were compared with their digests.")
    bytes = metrics.counter("berth_scrub_bytes_total", "Bytes that were compared with their digests.")
    metrics.counting("berth_scrub_corrupt_total", "Blobs that were found damaged or missing, by the scrub or a reader.")
    {
      Double(registry.blobsSetAside)
    }
    unfinished = metrics.counter(
      "berth_scrub_unfinished_total", "Objects that were begun, never completed, and given up.")
    orphans = metrics.counter("berth_scrub_orphans_total", "Blobs without a row whose bytes were removed.")
  }
}
