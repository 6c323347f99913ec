public import BlobStorage
public import NIOCore
public import OCI

/// A store that gives way to other tasks before and after each call, so that a ``SeededExecutor`` can interleave there.
public struct SimulatedStore: BlobStore {
  private let base: any BlobStore

  public init(_ base: any BlobStore) { self.base = base }

  private func givingWay<R: Sendable>(_ body: () async throws -> R) async throws -> R {
    await Task.yield()
    let result = try await body()
    await Task.yield()
    return result
  }

  public func size(of blob: StoredBlob) async throws -> Int64? { try await givingWay { try await base.size(of: blob) } }
  public func open(_ blob: StoredBlob) async throws -> BlobBody { try await givingWay { try await base.open(blob) } }
  public func openForExamination(_ blob: StoredBlob) async throws -> BlobBody {
    try await givingWay { try await base.openForExamination(blob) }
  }
  public func openIfAtHand(_ digest: Digest) -> BlobFile? { base.openIfAtHand(digest) }

  public var wholeBlobLimitBytes: Int { base.wholeBlobLimitBytes }

  public func put(_ bytes: ByteBuffer, as digest: Digest) async throws -> StoredBlob {
    try await givingWay { try await base.put(bytes, as: digest) }
  }

  public func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try await givingWay {
      try await base.append(
        source, to: upload, at: offset, extent, limit: limit, hashing: algorithm)
    }
  }

  public func offset(of upload: UploadID) async throws -> Int64? {
    try await givingWay { try await base.offset(of: upload) }
  }
  public func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob {
    try await givingWay { try await base.publish(upload, as: digest) }
  }
  public func discard(_ upload: UploadID) async throws { try await givingWay { try await base.discard(upload) } }
  public func remove(_ blobs: [StoredBlob]) async throws { try await givingWay { try await base.remove(blobs) } }
  public func remove(orphans: [ListedBlob]) async throws {
    try await givingWay { try await base.remove(orphans: orphans) }
  }
  @discardableResult
  public func quarantine(_ blob: StoredBlob) async throws -> Bool {
    try await givingWay { try await base.quarantine(blob) }
  }
  public func list(after last: String?, limit: Int) async throws -> [ListedBlob] {
    try await givingWay { try await base.list(after: last, limit: limit) }
  }
  public func uploads() async throws -> [UploadID] { try await givingWay { try await base.uploads() } }
  public func unfinished(after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage {
    try await givingWay { try await base.unfinished(after: marker, limit: limit) }
  }
  public func abandon(_ objects: [UnfinishedObject]) async throws {
    try await givingWay { try await base.abandon(objects) }
  }
  public func url(of blob: StoredBlob, lifetime: Duration) async throws -> String? {
    try await base.url(of: blob, lifetime: lifetime)
  }
  public func settle() async throws { try await givingWay { try await base.settle() } }
}
