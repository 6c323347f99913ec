internal import Ground
public import NIOCore
public import OCI

/// A store whose blobs in demand are also kept as files of this machine, within a bound.
///
/// For a replica in front of an object store: what is pulled whole is written to the cache on its way to the client, and
/// verified before it gets a name. The cache holds nothing that the store does not; its directory may be deleted at any time
/// while no server uses it.
public final class CachingBlobStore: BlobStore {
  private let base: any BlobStore
  private let cache: DiskCache

  /// - Parameters:
  ///   - directory: made when it is not there; one process at a time may use it.
  ///   - limitBytes: the most that the files may take together. A blob larger than a quarter of it is not kept.
  public init(_ base: any BlobStore, directory: String, limitBytes: Int) throws {
    self.base = base
    cache = try DiskCache(directory: directory, limitBytes: limitBytes)
  }

  /// Bytes in the cache, and how often it had what was asked for, for `/metrics`.
  public var figures: (sizeBytes: Int, hits: Int, misses: Int) { cache.figures }

  public func size(of blob: StoredBlob) async throws -> Int64? { try await base.size(of: blob) }

  public func open(_ blob: StoredBlob) async throws -> BlobBody {
    if let file = cache.open(blob) { return .file(file) }
    let body = try await base.open(blob)
    guard case .remote(let remote) = body else { return body }
    let cache = cache
    return .remote(
      RemoteBlob(blob, mayBlock: true) { range in
        let chunks = try await remote.chunks(range)
        guard range.count == blob.sizeBytes, let filling = cache.beginFilling(blob) else { return chunks }
        return BlobChunks(FillingChunks(source: chunks, filling: filling))
      })
  }

  public func openForExamination(_ blob: StoredBlob) async throws -> BlobBody {
    try await base.openForExamination(blob)
  }

  public func openIfAtHand(_ digest: Digest) -> BlobFile? { base.openIfAtHand(digest) }

  public func url(of blob: StoredBlob, lifetime: Duration) async throws -> String? {
    try await base.url(of: blob, lifetime: lifetime)
  }

  public var wholeBlobLimitBytes: Int { base.wholeBlobLimitBytes }

  @discardableResult
  public func put(_ bytes: ByteBuffer, as digest: Digest) async throws -> StoredBlob {
    try await base.put(bytes, as: digest)
  }

  public func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try await base.append(source, to: upload, at: offset, extent, limit: limit, hashing: algorithm)
  }

  public func offset(of upload: UploadID) async throws -> Int64? { try await base.offset(of: upload) }

  public func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob {
    try await base.publish(upload, as: digest)
  }

  public func discard(_ upload: UploadID) async throws { try await base.discard(upload) }

  public func remove(_ blobs: [StoredBlob]) async throws {
    try await base.remove(blobs)
    for blob in blobs { cache.forget(blob.digest) }
  }

  public func remove(orphans: [ListedBlob]) async throws { try await base.remove(orphans: orphans) }

  @discardableResult
  public func quarantine(_ blob: StoredBlob) async throws -> Bool {
    cache.forget(blob.digest)
    return try await base.quarantine(blob)
  }

  public func list(after last: String?, limit: Int) async throws -> [ListedBlob] {
    try await base.list(after: last, limit: limit)
  }

  public func uploads() async throws -> [UploadID] { try await base.uploads() }

  public func unfinished(after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage {
    try await base.unfinished(after: marker, limit: limit)
  }

  public func abandon(_ objects: [UnfinishedObject]) async throws { try await base.abandon(objects) }

  public func settle() async throws { try await base.settle() }
}

/// A blob on its way to a client, written to the cache as it passes.
private struct FillingChunks: AsyncSequence, Sendable {
  typealias Element = ByteBuffer
  let source: BlobChunks
  let filling: DiskCache.Filling

  struct AsyncIterator: AsyncIteratorProtocol {
    var source: BlobChunks.AsyncIterator
    let filling: DiskCache.Filling

    mutating func next() async throws -> ByteBuffer? {
      guard let chunk = try await source.next() else {
        filling.end()
        return nil
      }
      filling.append(chunk)
      return chunk
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source.makeAsyncIterator(), filling: filling) }
}
