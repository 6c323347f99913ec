public import NIOCore
public import OCI

/// Bytes by digest. Knows nothing of repositories.
///
/// Every store passes the same contract suite. On return from ``publish(_:as:)`` and ``put(_:as:)`` the bytes and their
/// name survive power loss (invariant I1); bytes that no row names are harmless (I4).
public protocol BlobStore: Sendable {
  /// The blob's size, or nil when there are no bytes under this digest.
  func stat(_ digest: Digest) async throws -> BlobStat?

  /// Opens a blob for reading; what was opened stays readable when the blob is removed meanwhile.
  /// - Throws: ``StorageError/blobUnknown(_:)``.
  func open(_ digest: Digest) async throws -> BlobFile

  /// As ``open(_:)``, of what lies there now and not of what was kept open: for those who look for damage.
  func openForExamination(_ digest: Digest) async throws -> BlobFile

  /// What ``open(_:)`` would answer, when that needs no waiting: safe on an event loop.
  func openIfAtHand(_ digest: Digest) -> BlobFile?

  /// Makes bytes that are all here durable under their digest. For blobs up to ``smallBlobLimitBytes``.
  ///
  /// - Precondition: the caller has computed `digest` over `bytes`.
  func put(_ bytes: ByteBuffer, as digest: Digest) async throws

  /// Appends to an upload, which begins with the first append at 0.
  ///
  /// When `source` throws, what came before is kept, so that the client can resume.
  /// - Parameters:
  ///   - offset: must be where the upload ends now.
  ///   - expectedLength: how many bytes will come, where the client said so; reserves the space.
  ///   - limit: the most that the upload may hold in the end.
  ///   - algorithm: what ``publish(_:as:)`` will probably ask for; another costs one more read of the bytes.
  /// - Returns: where the upload ends then.
  /// - Throws: ``StorageError/offsetMismatch(current:)``, ``StorageError/uploadBusy``, ``StorageError/tooLarge(limit:)``.
  func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, expectedLength: Int64?, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer

  /// Where an upload ends, or nil when it holds nothing.
  func offset(of upload: UploadID) async throws -> Int64?

  /// Publishes a finished upload under its digest: sync, verify, rename, sync the directory. Idempotent over the digest.
  ///
  /// - Parameter digest: the client's claim; recomputed here, never trusted.
  /// - Throws: ``StorageError/digestMismatch(expected:actual:)``, and the upload is discarded;
  ///   ``StorageError/uploadUnknown`` when it holds nothing.
  /// - Returns: the size in bytes.
  func publish(_ upload: UploadID, as digest: Digest) async throws -> Int64

  /// Forgets an upload and its bytes. Not an error when there are none.
  func discard(_ upload: UploadID) async throws

  /// Removes blobs, durably. Digests without bytes are no error.
  func remove(_ digests: [Digest]) async throws

  /// Takes a corrupt blob out of readers' way and keeps its bytes aside for a person to look at.
  func quarantine(_ digest: Digest) async throws

  /// Blobs in the order of their digests' text within each algorithm.
  func list(after: Digest?, limit: Int) async throws -> [BlobStat]

  /// Uploads that hold bytes, in no particular order.
  func uploads() async throws -> [UploadID]

  /// Work that waits for nobody: moves journaled blobs to their resting place. Called now and then.
  func settle() async throws
}

extension BlobStore {
  /// Blobs up to this size that arrive whole are held in memory and made durable through ``put(_:as:)``.
  public static var smallBlobLimitBytes: Int { 64 * 1024 }
}

public struct BlobStat: Sendable, Hashable {
  public let digest: Digest
  public let sizeBytes: Int64

  public init(digest: Digest, sizeBytes: Int64) {
    self.digest = digest
    self.sizeBytes = sizeBytes
  }
}

/// The identity of an upload inside a store: 1 to 64 characters of `[a-z0-9]`, made by us, never by a client.
public struct UploadID: Sendable, Hashable, CustomStringConvertible {
  public let text: String

  /// - Returns: nil when `text` has any other form; it becomes part of a path.
  public init?(_ text: String) {
    let isPlain = text.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
    guard isPlain, (1...64).contains(text.utf8.count) else { return nil }
    self.text = text
  }

  public var description: String { text }
}

/// An open blob.
public final class BlobFile: Sendable {
  public let digest: Digest
  public let sizeBytes: Int64
  public let file: any DiskFile

  public init(digest: Digest, sizeBytes: Int64, file: any DiskFile) {
    self.digest = digest
    self.sizeBytes = sizeBytes
    self.file = file
  }
}

/// What a blob store can answer besides success.
public enum StorageError: Error, Sendable, Equatable {
  case blobUnknown(Digest)
  case uploadUnknown
  /// Another request is appending to, or finishing, the same upload.
  case uploadBusy
  case offsetMismatch(current: Int64)
  case digestMismatch(expected: Digest, actual: Digest)
  case tooLarge(limit: Int64)
}
