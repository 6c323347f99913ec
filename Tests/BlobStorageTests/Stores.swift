import BlobStorage
import NIOCore
import OCI
import TestSupport
import Testing

/// The stores that the contract is held against.
enum StoreKind: String, CaseIterable, CustomTestStringConvertible {
  case overLocalDisk, overSimulatedDisk

  var testDescription: String { rawValue }

  /// Runs `body` with an empty store.
  func withStore(_ body: (LocalBlobStore) async throws -> Void) async throws {
    switch self {
    case .overLocalDisk:
      let directory = try temporaryDirectory()
      do {
        try await body(LocalBlobStore(directory: directory))
      } catch {
        try removeTree(directory)
        throw error
      }
      try removeTree(directory)
    case .overSimulatedDisk:
      try await body(LocalBlobStore(directory: "/data", disk: SimulatedDisk()))
    }
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
