import BlobStorage
import NIOCore
import OCI
import Synchronization
import TestSupport
import Testing

/// The stores that the contract is held against.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
  case overLocalDisk, overSimulatedDisk, overSimulatedObjects, overObjectStore

  var testDescription: String { rawValue }

  /// Those whose blobs lie under their digests.
  static let local: [StoreKind] = [.overLocalDisk, .overSimulatedDisk]

  /// Runs `body` with an empty store.
  func withStore(_ body: (StoreWithRows) async throws -> Void) async throws {
    switch self {
    case .overLocalDisk, .overSimulatedDisk: try await withLocalStore { try await body(StoreWithRows($0)) }
    case .overSimulatedObjects:
      let ledger = SimulatedLedger()
      let store = S3BlobStore(SimulatedObjects(), ledger: ledger, bufferBytes: 64 << 20)
      try await body(StoreWithRows(store, ledger))
    case .overObjectStore:
      try await withS3Client { client, _ in
        let ledger = SimulatedLedger()
        let store = S3BlobStore(client, ledger: ledger, bufferBytes: 64 << 20)
        try await body(StoreWithRows(store, ledger))
      }
    }
  }

  /// As ``withStore(_:)``, for what only a store of files does.
  func withLocalStore(_ body: (LocalBlobStore) async throws -> Void) async throws {
    guard self == .overLocalDisk else {
      return try await body(LocalBlobStore(directory: "/data", disk: SimulatedDisk()))
    }
    let directory = try temporaryDirectory()
    do {
      try await body(LocalBlobStore(directory: directory))
    } catch {
      try removeTree(directory)
      throw error
    }
    try removeTree(directory)
  }
}

/// Runs `body` with a client of an empty bucket.
func withS3Client(
  through recorder: S3Recorder? = nil, _ configure: (inout S3Settings) -> Void = { _ in },
  _ body: (S3Client, ObjectStoreServer.Bucket) async throws -> Void
) async throws {
  let bucket = try await ObjectStoreServer.shared().freshBucket()
  let location = recorder.map { bucket.location(throughPort: $0.port) } ?? bucket.location
  var settings = S3Settings(location: try S3Location(parsing: location))
  configure(&settings)
  let keys = S3Credentials(accessKey: bucket.accessKey, secretKey: bucket.secretKey)
  let client = try S3Client(settings, credentials: keys)
  do {
    try await body(client, bucket)
  } catch {
    try await client.shutdown()
    throw error
  }
  try await client.shutdown()
}

/// A store with what the registry's rows would tell of it: where each blob lies.
final class StoreWithRows: Sendable {
  let store: any BlobStore
  private let ledger: SimulatedLedger?
  private let rows = Mutex<[Digest: StoredBlob]>([:])

  init(_ store: any BlobStore, _ ledger: SimulatedLedger? = nil) {
    self.store = store
    self.ledger = ledger
  }

  func row(_ digest: Digest) -> StoredBlob { rows.withLock { $0[digest] } ?? .named(digest) }

  private func record(_ blob: StoredBlob) async throws {
    let replaced = rows.withLock { rows in
      defer { rows[blob.digest] = blob }
      return rows[blob.digest]
    }
    if let replaced, replaced.place != blob.place { try await store.remove([replaced]) }
  }

  func put(_ bytes: ByteBuffer, as digest: Digest) async throws {
    try await record(try await store.put(bytes, as: digest))
  }

  @discardableResult
  func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob {
    let blob = try await store.publish(upload, as: digest)
    if let ledger { #expect(ledger.forget(upload)) }
    try await record(blob)
    return blob
  }

  func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try await store.append(source, to: upload, at: offset, extent, limit: limit, hashing: algorithm)
  }

  @discardableResult
  func append(_ bytes: some Swift.Collection<UInt8>, to upload: UploadID, at offset: Int64 = 0) async throws -> Int64 {
    try await store.append(bytes, to: upload, at: offset)
  }

  /// Publishes a blob through an upload of its own.
  func publishWhole(_ blob: SampleBlob, through upload: UploadID = .sample()) async throws {
    try await append(blob.bytes, to: upload)
    try await publish(upload, as: blob.digest)
  }

  func content(of digest: Digest) async throws -> [UInt8] {
    let row = row(digest)
    return Array(buffer: try await store.open(row).collect())
  }
  func offset(of upload: UploadID) async throws -> Int64? { try await store.offset(of: upload) }
  func uploads() async throws -> [UploadID] { try await store.uploads() }
  func discard(_ upload: UploadID) async throws { try await store.discard(upload) }
  func size(of digest: Digest) async throws -> Int64? { try await store.size(of: row(digest)) }
  func open(_ digest: Digest) async throws -> BlobBody { try await store.open(row(digest)) }
  func openIfAtHand(_ digest: Digest) -> BlobFile? { store.openIfAtHand(digest) }
  func remove(_ digests: [Digest]) async throws { try await store.remove(digests.map { row($0) }) }
  func quarantine(_ digest: Digest) async throws { try await store.quarantine(row(digest)) }
  func settle() async throws { try await store.settle() }
  func list(after last: String?, limit: Int) async throws -> [ListedBlob] {
    try await store.list(after: last, limit: limit)
  }
}

extension BlobStore {
  /// The whole content of a blob.
  func content(of digest: Digest) async throws -> [UInt8] { try await open(digest).content() }

  // Short ways for a store where a digest is all that is needed to find its bytes.
  func size(of digest: Digest) async throws -> Int64? { try await size(of: .named(digest)) }
  func open(_ digest: Digest) async throws -> BlobFile {
    guard case .file(let file) = try await open(.named(digest)) else { throw StorageError.blobUnknown(digest) }
    return file
  }
  func remove(_ digests: [Digest]) async throws { try await remove(digests.map { .named($0) }) }
  func quarantine(_ digest: Digest) async throws { try await quarantine(.named(digest)) }
  func list(after digest: Digest, limit: Int) async throws -> [ListedBlob] {
    try await list(after: digest.description, limit: limit)
  }

  /// Appends without a limit, and without saying how much will come.
  @discardableResult
  func append(_ bytes: some Swift.Collection<UInt8>, to upload: UploadID, at offset: Int64 = 0) async throws -> Int64 {
    try await append(
      Pieces(bytes), to: upload, at: offset, AppendExtent(), limit: .max, hashing: .sha256)
  }

  /// Publishes a blob through an upload of its own.
  func publishWhole(_ blob: SampleBlob, through upload: UploadID = .sample()) async throws {
    try await append(blob.bytes, to: upload)
    _ = try await publish(upload, as: blob.digest)
  }
}

extension BlobFile {
  func content() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(sizeBytes))
    let count = try bytes.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
    return Array(bytes.prefix(count))
  }
}

extension UploadID {
  static func sample(_ text: String = "upload1") -> UploadID { UploadID(text)! }
}

extension SampleBlob {
  static let large = SampleBlob(seed: 1, size: 200_000)
  static let small = SampleBlob(seed: 2, size: 700)
  static let small512 = SampleBlob(seed: 3, size: 900, .sha512)
  static let large512 = SampleBlob(seed: 4, size: 150_000, .sha512)
  static let empty = SampleBlob([])
}

extension StoredBlob {
  /// A blob that lies under its digest; its size is not looked at.
  static func named(_ digest: Digest) -> StoredBlob { StoredBlob(digest: digest, sizeBytes: 0, place: nil) }
}
