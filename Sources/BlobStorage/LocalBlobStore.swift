internal import Ground
public import NIOCore
public import OCI
import Synchronization

/// Blobs as files below one directory, which this process owns alone (see ``DirectoryLock``).
///
/// Its methods block: call them on a ``WorkerPool``.
public final class LocalBlobStore: BlobStore {
  let disk: any Disk
  let layout: BlobLayout
  let journal: Journal
  let uploadStates = Mutex<[UploadID: UploadState]>([:])
  private let openFiles: BoundedCache<Digest, BlobFile>
  private let temporaryNames = Atomic<Int>(0)
  /// Whether the shards were made. That takes a good part of a second on some disks, so it is not done before the first answer
  /// but before the first write, and by the first ``settle()``.
  private let isPrepared: Mutex<Bool>

  /// What this process knows of an upload that it has appended to.
  struct UploadState {
    var isBusy = true
    /// Nil when bytes came before this process did: then the whole is read again to compute the digest.
    var hasher: (state: ContentHasher, algorithm: Digest.Algorithm)?
    var offset: Int64 = 0
  }

  /// Prepares the directory, and restores what a crash left in the journal.
  ///
  /// - Parameter openFileLimit: how many blobs are kept open for readers to come.
  public init(directory: String, disk: any Disk = LocalDisk(), openFileLimit: Int = 512) throws {
    self.disk = disk
    layout = BlobLayout(root: directory)
    journal = Journal(disk: disk, layout: layout)
    openFiles = BoundedCache(costLimit: openFileLimit)
    isPrepared = Mutex(try layout.isPrepared(on: disk))
    try layout.makeWorkplaces(on: disk)
    for name in try disk.list(layout.uploads) where name.hasPrefix(Self.temporaryPrefix) {
      try disk.unlink("\(layout.uploads)/\(name)")
    }
    try journal.replay { digest, bytes in try self.restore(digest, bytes) }
  }

  /// Writes the file of a journaled blob anew, also when it looks whole: a sync of an earlier life may have failed, and then
  /// the kernel holds pages for clean that were never written.
  ///
  /// - Returns: false when the disk is too full for that, and the file that is there is whole.
  private func restore(_ digest: Digest, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    do {
      try replaceFile(of: digest, with: bytes)
      return true
    } catch let error as DiskError where error.isOutOfSpace {
      let existing = try unlessMissing { () throws(DiskError) in try disk.open(layout.blob(digest), .read) }
      guard let existing, try Self.digest(of: existing, digest.algorithm) == digest else { throw error }
      return false
    }
  }

  private static let temporaryPrefix = "put-"

  /// Bytes that wait in the journal, for `/metrics` and for deciding when to settle.
  public var journalSizeBytes: Int64 { journal.sizeBytes }

  public func size(of blob: StoredBlob) async throws -> Int64? { try size(of: blob.digest) }

  private func size(of digest: Digest) throws(DiskError) -> Int64? {
    try unlessMissing { () throws(DiskError) in try disk.open(layout.blob(digest), .read).size() }
  }

  public func open(_ blob: StoredBlob) async throws -> BlobBody {
    if let open = openFiles.value(for: blob.digest) { return .file(open) }
    let generation = openFiles.generation
    let opened = try openFile(of: blob.digest)
    openFiles.insert(opened, for: blob.digest, cost: 1, since: generation)
    return .file(opened)
  }

  public func openForExamination(_ blob: StoredBlob) async throws -> BlobBody { .file(try openFile(of: blob.digest)) }

  private func openFile(of digest: Digest) throws -> BlobFile {
    let opened = try unlessMissing { () throws(DiskError) in
      let file = try disk.open(layout.blob(digest), .read)
      return BlobFile(digest: digest, sizeBytes: try file.size(), file: file)
    }
    guard let opened else { throw StorageError.blobUnknown(digest) }
    return opened
  }

  public func openIfAtHand(_ digest: Digest) -> BlobFile? { openFiles.value(for: digest) }

  public var wholeBlobLimitBytes: Int { Self.smallBlobLimitBytes }

  /// A blob up to this size goes through the journal.
  public static let smallBlobLimitBytes = 64 * 1024

  @discardableResult
  public func put(_ bytes: ByteBuffer, as digest: Digest) async throws -> StoredBlob {
    precondition(bytes.readableBytes <= Self.smallBlobLimitBytes, "a small blob")
    try prepare()
    // The journal comes first: a file that is not synced must not replace a durable one before the journal holds it.
    let place = try await journal.append(digest, bytes)
    do {
      try bytes.withUnsafeReadableBytes { try replaceFile(of: digest, with: $0) }
    } catch {
      journal.finish(place, digest: digest, wasWritten: false)
      throw error
    }
    journal.finish(place, digest: digest, wasWritten: true)
    return StoredBlob(digest: digest, sizeBytes: Int64(bytes.readableBytes), place: nil)
  }

  /// Gives a blob's name to bytes that are written first.
  private func replaceFile(of digest: Digest, with bytes: UnsafeRawBufferPointer) throws {
    let number = temporaryNames.wrappingAdd(1, ordering: .relaxed).newValue
    let path = "\(layout.uploads)/\(Self.temporaryPrefix)\(number)"
    let file = try disk.open(path, .create)
    do {
      try file.write(bytes, at: 0)
      try disk.rename(path, to: layout.blob(digest))
    } catch {
      try? disk.unlink(path)  // The write's error is the one to tell; a leftover goes at the next start.
      throw error
    }
    forgetOpenFile(of: digest)
  }

  /// Must follow every change of what lies under a digest's name: a reader that opened it before the change cannot keep it
  /// open for others after this.
  func forgetOpenFile(of digest: Digest) { openFiles.remove(digest) }

  public func remove(_ blobs: [StoredBlob]) async throws {
    try prepare()
    var shards: Set<String> = []
    for digest in blobs.map(\.digest) {
      try unlessMissing { () throws(DiskError) in try disk.unlink(layout.blob(digest)) }
      forgetOpenFile(of: digest)
      // Also when it was missing: a removal that a crash cut short may have unlinked it without the directory's sync.
      shards.insert(layout.shard(of: digest))
    }
    for shard in shards.sorted() { try disk.syncDirectory(shard) }
  }

  public func remove(orphans: [ListedBlob]) async throws {
    try await remove(
      orphans.compactMap { orphan in
        orphan.digest.map { StoredBlob(digest: $0, sizeBytes: orphan.sizeBytes, place: nil) }
      })
  }

  @discardableResult
  public func quarantine(_ blob: StoredBlob) async throws -> Bool {
    let digest = blob.digest
    try prepare()
    let target = "\(layout.quarantine)/\(digest.algorithm.rawValue)-\(digest.hex)"
    let moved: Void? = try unlessMissing { () throws(DiskError) in try disk.rename(layout.blob(digest), to: target) }
    forgetOpenFile(of: digest)
    guard moved != nil else { return true }
    try disk.syncDirectory(layout.shard(of: digest))
    try disk.syncDirectory(layout.quarantine)
    return true
  }

  /// Names are digests, in the order of their text.
  public func list(after last: String?, limit: Int) async throws -> [ListedBlob] {
    let after = last.flatMap { try? Digest(parsing: $0) }
    var found: [ListedBlob] = []
    let algorithms = Digest.Algorithm.allCases.sorted { $0.rawValue < $1.rawValue }
    for algorithm in algorithms {
      if let after, algorithm.rawValue < after.algorithm.rawValue { continue }
      let from = after?.algorithm == algorithm ? after?.hex : nil
      for shard in BlobLayout.shardNames {
        if let from, shard < from.prefix(2) { continue }
        let directory = "\(layout.algorithm(algorithm))/\(shard)"
        // Missing in a registry that nothing was pushed to.
        for name in try unlessMissing({ () throws(DiskError) in try disk.list(directory) }) ?? [] {
          if let from, name <= from { continue }
          guard let digest = try? Digest(parsing: "\(algorithm.rawValue):\(name)") else { continue }
          // Absent when it was removed since the directory was read.
          if let listed = try listed(digest) { found.append(listed) }
          if found.count == limit { return found }
        }
      }
    }
    return found
  }

  private func listed(_ digest: Digest) throws(DiskError) -> ListedBlob? {
    try unlessMissing { () throws(DiskError) in
      let file = try disk.open(layout.blob(digest), .read)
      return ListedBlob(
        name: digest.description, digest: digest, place: nil, sizeBytes: try file.size(),
        writtenAt: try file.changedAt())
    }
  }

  public func settle() async throws {
    try prepare()
    try journal.settle()
  }

  /// Makes the shards, durably, if that was not done in an earlier life. Whoever comes meanwhile waits.
  public func prepare() throws {
    try isPrepared.withLock { isPrepared in
      if isPrepared { return }
      try layout.prepare(on: disk)
      isPrepared = true
    }
  }
}
