public import NIOCore
public import OCI
import Synchronization

extension LocalBlobStore {
  /// How much is read at once when a staged upload must be hashed again.
  static let rereadBytes = 1 << 20
  /// So much space is reserved ahead of what came: not all that a client announces, which costs it nothing to announce.
  static let reserveBytes: Int64 = 16 << 20

  public func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    var state = try claim(upload)
    do {
      let file = try disk.open(layout.upload(upload), .create)
      let size = try file.size()
      if size != state.offset {
        // Bytes of an earlier life of this process, or of a write that failed half-way: the file's size is the truth.
        state.hasher = nil
        state.offset = size
      }
      if size == 0 { state.hasher = (ContentHasher(algorithm), algorithm) }
      guard offset == size else { throw StorageError.offsetMismatch(current: size) }
      let (end, isTooMuch) = offset.addingReportingOverflow(extent.length ?? 0)
      guard !isTooMuch, end <= limit else { throw StorageError.tooLarge(limit: limit) }
      try await receive(source, into: file, &state, limit: limit, expectedEnd: end)
    } catch {
      release(upload, state)
      throw error
    }
    release(upload, state)
    return state.offset
  }

  private func receive<Source: AsyncSequence>(
    _ source: Source, into file: any DiskFile, _ state: inout UploadState, limit: Int64, expectedEnd: Int64
  ) async throws where Source.Element == ByteBuffer {
    let appender = file.appender(at: state.offset)
    var reserved = state.offset
    do {
      for try await chunk in source {
        let start = state.offset
        guard Int64(chunk.readableBytes) <= limit - start else { throw StorageError.tooLarge(limit: limit) }
        if start >= reserved && reserved < expectedEnd && start > 0 {
          reserved = min(expectedEnd, start + Self.reserveBytes)
          file.preallocate(reserved)
        }
        try chunk.withUnsafeReadableBytes { try appender.append($0) }
        chunk.withUnsafeReadableBytes { state.hasher?.state.update($0) }
        state.offset += Int64(chunk.readableBytes)
      }
    } catch let error as DiskError {
      // What was hashed and what was written differ now: the next append looks at the file, and the digest is computed anew.
      state.hasher = nil
      throw error
    } catch {
      try appender.finish()
      throw error
    }
    do {
      try appender.finish()
    } catch {
      state.hasher = nil
      throw error
    }
  }

  public func offset(of upload: UploadID) async throws -> Int64? {
    try unlessMissing { () throws(DiskError) in try disk.open(layout.upload(upload), .read).size() }
  }

  public func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob {
    try prepare()
    let state = try claim(upload)
    do {
      let opened = try unlessMissing { () throws(DiskError) in try disk.open(layout.upload(upload), .write) }
      guard let file = opened else { throw StorageError.uploadUnknown }
      let size = try file.size()
      do {
        try file.sync()
      } catch {
        // The kernel reports lost writes once: a second sync would say that all is well, so this upload is over.
        try? disk.unlink(layout.upload(upload))
        forget(upload)
        throw error
      }
      let actual: Digest
      if let hasher = state.hasher, hasher.algorithm == digest.algorithm, state.offset == size {
        actual = hasher.state.digest()
      } else {
        actual = try Self.digest(of: file, digest.algorithm)
      }
      guard actual == digest else {
        try disk.unlink(layout.upload(upload))
        throw StorageError.digestMismatch(expected: digest, actual: actual)
      }
      // Also over a blob that is there: ours was just verified, the other may be damaged.
      try disk.rename(layout.upload(upload), to: layout.blob(digest))
      forgetOpenFile(of: digest)
      try disk.syncDirectory(layout.shard(of: digest))
      forget(upload)
      return StoredBlob(digest: digest, sizeBytes: size, place: nil)
    } catch {
      if error is StorageError || !isKnown(upload) { forget(upload) } else { release(upload, state) }
      throw error
    }
  }

  public func discard(_ upload: UploadID) async throws {
    _ = try claim(upload)
    defer { forget(upload) }
    try unlessMissing { () throws(DiskError) in try disk.unlink(layout.upload(upload)) }
  }

  public func uploads() async throws -> [UploadID] {
    try disk.list(layout.uploads).compactMap { UploadID($0) }
  }

  /// Reads a whole file and computes its digest. Blocks.
  static func digest(of file: any DiskFile, _ algorithm: Digest.Algorithm) throws -> Digest {
    var hasher = ContentHasher(algorithm)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: rereadBytes, alignment: 16)
    defer { buffer.deallocate() }
    var offset: Int64 = 0
    while true {
      let count = try file.read(at: offset, into: buffer)
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      if count < buffer.count { return hasher.digest() }
      offset += Int64(count)
    }
  }

  private func claim(_ upload: UploadID) throws -> UploadState {
    try uploadStates.withLock { states in
      if let known = states[upload] {
        if known.isBusy { throw StorageError.uploadBusy }
        states[upload]?.isBusy = true
        return known
      }
      let fresh = UploadState()
      states[upload] = fresh
      return fresh
    }
  }

  private func release(_ upload: UploadID, _ state: UploadState) {
    uploadStates.withLock { states in
      states[upload] = state
      states[upload]?.isBusy = false
    }
  }

  private func isKnown(_ upload: UploadID) -> Bool { uploadStates.withLock { $0[upload] != nil } }

  private func forget(_ upload: UploadID) {
    uploadStates.withLock { $0[upload] = nil }
  }
}
