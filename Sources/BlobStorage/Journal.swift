internal import Ground
internal import NIOCore
internal import OCI
import Synchronization

/// Makes small blobs durable with one sync for many of them.
///
/// A blob is appended here and synced together with all others that wait; only then is it written to its own file, which is
/// not synced. A *settle* later syncs the files and drops the segment. After a crash, ``replay()`` writes every file that a
/// segment names once more. So at any time each acknowledged blob is durable in a segment, or in its own file.
///
/// A segment is a file `journal/<number>`: the eight bytes `BERTHJ01`, then records of: length (4 bytes, little-endian),
/// algorithm (1 byte: 1 sha256, 2 sha512), digest, bytes. The digest tells a whole record from a torn one.
final class Journal: Sendable {
  static let magic: [UInt8] = Array("BERTHJ01".utf8)
  /// How many blobs share one sync at the most: 64 of 64 KiB are 4 MiB.
  static let batchLimit = 64

  /// A place in the journal that must not be dropped until the blob's own file has been written.
  struct Place: Sendable { fileprivate let segment: Int }

  private struct Record: Sendable {
    let digest: Digest
    let bytes: ByteBuffer
    let place: PlaceBox
  }

  /// Carries the place from the leader's thread back to the one that waits.
  private final class PlaceBox: Sendable {
    let segment = Mutex(-1)
  }

  private struct Segment {
    let number: Int
    var pending = 0
    var written: Set<Digest> = []
    var sizeBytes: Int64 = 0
    /// A sync of one of its files failed. The kernel reports lost writes once, so no later sync can be believed: the segment
    /// stays, and the next start writes its files anew.
    var isSuspect = false
  }

  private struct Current {
    let number: Int
    let file: any DiskFile
    var offset: Int64
  }

  private struct State {
    var current: Current?
    var segments: [Segment] = []
    var nextNumber = 1
  }

  private final class Shared: Sendable {
    let state = Mutex(State())
  }

  private let shared: Shared
  private let disk: any Disk
  private let layout: BlobLayout
  private let commits: GroupCommit<Record>

  init(disk: any Disk, layout: BlobLayout) {
    let shared = Shared()
    self.disk = disk
    self.layout = layout
    self.shared = shared
    commits = GroupCommit(limit: Self.batchLimit) { records in
      do {
        try Self.write(records, shared, disk, layout)
        return records.map { _ in nil }
      } catch {
        return records.map { _ in error }
      }
    }
  }

  /// Bytes in segments that were not settled yet.
  var sizeBytes: Int64 { shared.state.withLock { $0.segments.reduce(0) { $0 + $1.sizeBytes } } }

  /// Makes a blob durable. The caller then writes its file and says so with ``finish(_:digest:wasWritten:)``.
  func append(_ digest: Digest, _ bytes: ByteBuffer) async throws -> Place {
    let box = PlaceBox()
    try await commits.submit(Record(digest: digest, bytes: bytes, place: box))
    return Place(segment: box.segment.withLock { $0 })
  }

  func finish(_ place: Place, digest: Digest, wasWritten: Bool) {
    shared.state.withLock { state in
      guard let index = state.segments.firstIndex(where: { $0.number == place.segment }) else { return }
      state.segments[index].pending -= 1
      if wasWritten { state.segments[index].written.insert(digest) }
    }
  }

  /// Writes one batch. Only the leader of the group comes here, so one at a time; the lock is not held while the disk works.
  private static func write(_ records: [Record], _ shared: Shared, _ disk: any Disk, _ layout: BlobLayout) throws {
    let (number, file, offset) = try reserve(records.count, shared, disk, layout)
    do {
      var buffer = ByteBufferAllocator().buffer(capacity: records.reduce(0) { $0 + $1.bytes.readableBytes + 80 })
      for record in records {
        buffer.writeInteger(UInt32(record.bytes.readableBytes), endianness: .little)
        buffer.writeInteger(record.digest.algorithm == .sha256 ? UInt8(1) : 2)
        record.digest.withBytes { _ = buffer.writeBytes($0) }
        buffer.writeImmutableBuffer(record.bytes)
      }
      try buffer.withUnsafeReadableBytes { try file.write($0, at: offset) }
      try file.sync()
      let length = Int64(buffer.readableBytes)
      shared.state.withLock { state in
        if let index = state.segments.firstIndex(where: { $0.number == number }) {
          state.segments[index].sizeBytes += length
        }
        if state.current?.number == number { state.current?.offset += length }
      }
      for record in records { record.place.segment.withLock { $0 = number } }
    } catch {
      // What follows a failed write or sync in this segment could not be trusted: go on in another one.
      shared.state.withLock { state in
        if state.current?.number == number { state.current = nil }
        if let index = state.segments.firstIndex(where: { $0.number == number }) {
          state.segments[index].pending -= records.count
        }
      }
      throw error
    }
  }

  /// The place for a batch in the current segment, or in a new one. Its blobs count as pending from here on, so that a
  /// settle leaves the segment alone.
  private static func reserve(
    _ count: Int, _ shared: Shared, _ disk: any Disk, _ layout: BlobLayout
  ) throws -> (number: Int, file: any DiskFile, offset: Int64) {
    let (current, fresh) = shared.state.withLock { state -> (Current?, Int) in
      if let current = state.current, let index = state.segments.firstIndex(where: { $0.number == current.number }) {
        state.segments[index].pending += count
        return (current, 0)
      }
      state.nextNumber += 1
      return (nil, state.nextNumber - 1)
    }
    if let current { return (current.number, current.file, current.offset) }
    let path = "\(layout.journal)/\(fresh)"
    let file = try disk.open(path, .create)
    do {
      try file.truncate(to: 0)
      try magic.withUnsafeBytes { try file.write($0, at: 0) }
      try disk.syncDirectory(layout.journal)
    } catch {
      try? disk.unlink(path)  // The error is told; what is left of an empty segment is dropped at the next start.
      throw error
    }
    let offset = Int64(magic.count)
    shared.state.withLock { state in
      state.current = Current(number: fresh, file: file, offset: offset)
      state.segments.append(Segment(number: fresh, pending: count))
    }
    return (fresh, file, offset)
  }

  /// Syncs the files of what was journaled up to now, and drops the segments. Puts go on meanwhile, in a new segment.
  ///
  /// - Throws: the first error; the segments that it did not concern are settled all the same.
  func settle() throws {
    let ready = shared.state.withLock { state -> [Segment] in
      state.current = nil
      return state.segments.filter { $0.pending == 0 && !$0.isSuspect }
    }
    var failure: (any Error)?
    for segment in ready {
      do {
        try syncFiles(of: segment)
        try removeSegment(segment.number)
        shared.state.withLock { state in state.segments.removeAll { $0.number == segment.number } }
      } catch {
        failure = failure ?? error
        shared.state.withLock { state in
          if let index = state.segments.firstIndex(where: { $0.number == segment.number }) {
            state.segments[index].isSuspect = true
          }
        }
      }
    }
    if let failure { throw failure }
  }

  private func syncFiles(of segment: Segment) throws {
    var shards: Set<String> = []
    for digest in segment.written.sorted() {
      // Missing when it was removed since.
      let synced: Void? = try unlessMissing { () throws(DiskError) in
        try disk.open(layout.blob(digest), .read).sync()
      }
      if synced != nil { shards.insert(layout.shard(of: digest)) }
    }
    for shard in shards.sorted() { try disk.syncDirectory(shard) }
  }

  private func removeSegment(_ number: Int) throws {
    try unlessMissing { () throws(DiskError) in try disk.unlink("\(layout.journal)/\(number)") }
  }

  /// Writes again every file that a segment of an earlier life names. The segments stay until they are settled.
  ///
  /// - Parameter restore: writes one blob's file, not durably; answers false when it left a whole file as it was.
  func replay(restore: (Digest, UnsafeRawBufferPointer) throws -> Bool) throws {
    let numbers = try disk.list(layout.journal).compactMap { Int($0) }.sorted()
    for number in numbers {
      let segment = try replaySegment(number, restore)
      shared.state.withLock { state in
        state.segments.append(segment)
        state.nextNumber = number + 1
      }
    }
  }

  private func replaySegment(
    _ number: Int, _ restore: (Digest, UnsafeRawBufferPointer) throws -> Bool
  ) throws -> Segment {
    var segment = Segment(number: number)
    let file = try disk.open("\(layout.journal)/\(number)", .read)
    let size = try file.size()
    var offset = Int64(Self.magic.count)
    let largest = Int64(LocalBlobStore.smallBlobLimitBytes)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 5 + 64 + Int(largest), alignment: 8)
    defer { buffer.deallocate() }
    while offset < size {
      let count = try file.read(at: offset, into: buffer)
      let window = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      guard let (digest, bytes) = Self.record(in: window) else { break }  // The torn end: never acknowledged.
      if try !restore(digest, bytes) { segment.isSuspect = true }
      segment.written.insert(digest)
      offset += Int64(5 + digest.algorithm.byteCount + bytes.count)
    }
    segment.sizeBytes = offset
    return segment
  }

  /// The record at the start of `window`, if it is whole and its bytes match its digest.
  static func record(in window: UnsafeRawBufferPointer) -> (Digest, UnsafeRawBufferPointer)? {
    guard window.count >= 5 else { return nil }
    let length = Int(UInt32(littleEndian: window.loadUnaligned(as: UInt32.self)))
    let algorithm: Digest.Algorithm
    switch window[4] {
    case 1: algorithm = .sha256
    case 2: algorithm = .sha512
    default: return nil
    }
    let start = 5 + algorithm.byteCount
    guard length <= window.count - start else { return nil }
    let digest = Digest(algorithm, bytes: UnsafeRawBufferPointer(rebasing: window[5..<start]))
    let bytes = UnsafeRawBufferPointer(rebasing: window[start..<(start + length)])
    return Digest.computing(algorithm, over: bytes) == digest ? (digest, bytes) : nil
  }
}
