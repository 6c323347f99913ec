public import NIOCore
public import OCI

/// Bytes by digest. Knows nothing of repositories.
///
/// Every store passes the same contract suite. On return from ``publish(_:as:)`` and ``put(_:as:)`` the bytes and their
/// name survive power loss (invariant I1); bytes that no row names are harmless (I4).
public protocol BlobStore: Sendable {
  /// How many bytes lie there for the blob, or nil when there are none.
  func size(of blob: StoredBlob) async throws -> Int64?

  /// Opens a blob for reading; a file that was opened stays readable when the blob is removed meanwhile.
  /// - Throws: ``StorageError/blobUnknown(_:)``; an object store says so when the bytes are asked for.
  func open(_ blob: StoredBlob) async throws -> BlobBody

  /// As ``open(_:)``, of what lies there now and not of what was kept open: for those who look for damage.
  func openForExamination(_ blob: StoredBlob) async throws -> BlobBody

  /// What ``open(_:)`` would answer, when that needs no waiting: safe on an event loop.
  func openIfAtHand(_ digest: Digest) -> BlobFile?

  /// A URL under which a client can fetch the blob from the store itself for `lifetime`; nil where there is none.
  func url(of blob: StoredBlob, lifetime: Duration) async throws -> String?

  /// Blobs up to this size that arrive whole are held in memory and made durable through ``put(_:as:)``.
  var wholeBlobLimitBytes: Int { get }

  /// Makes bytes that are all here durable. For blobs up to ``wholeBlobLimitBytes``.
  ///
  /// - Precondition: the caller has computed `digest` over `bytes`.
  @discardableResult
  func put(_ bytes: ByteBuffer, as digest: Digest) async throws -> StoredBlob

  /// Appends to an upload, which begins with the first append at 0.
  ///
  /// When `source` throws, what came before is kept, so that the client can resume.
  /// - Parameters:
  ///   - offset: must be where the upload ends now.
  ///   - extent: what the client said of how much will come.
  ///   - limit: the most that the upload may hold in the end.
  ///   - algorithm: what ``publish(_:as:)`` will probably ask for; another costs one more read of the bytes.
  /// - Returns: where the upload ends then.
  /// - Throws: ``StorageError/offsetMismatch(current:)``, ``StorageError/uploadBusy``, ``StorageError/tooLarge(limit:)``.
  func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer

  /// Where an upload ends, or nil when it holds nothing.
  func offset(of upload: UploadID) async throws -> Int64?

  /// Publishes a finished upload: its bytes are durable and verified on return. Idempotent over the digest.
  ///
  /// - Parameter digest: the client's claim; computed here, never trusted.
  /// - Throws: ``StorageError/digestMismatch(expected:actual:)``, and the upload is discarded;
  ///   ``StorageError/uploadUnknown`` when it holds nothing.
  func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob

  /// Forgets an upload and its bytes. Not an error when there are none.
  func discard(_ upload: UploadID) async throws

  /// Removes blobs, durably. Those without bytes are no error.
  func remove(_ blobs: [StoredBlob]) async throws

  /// Removes what ``list(after:limit:)`` told of, durably.
  func remove(orphans: [ListedBlob]) async throws

  /// Takes a corrupt blob out of readers' way and keeps its bytes aside for a person to look at.
  ///
  /// - Returns: false when the store has seen that the bytes are sound: then they are where they were.
  @discardableResult
  func quarantine(_ blob: StoredBlob) async throws -> Bool

  /// What lies in the store, in the order of its own names, after the name `last`.
  func list(after last: String?, limit: Int) async throws -> [ListedBlob]

  /// Uploads that hold bytes, in no particular order.
  func uploads() async throws -> [UploadID]

  /// Objects that were begun and not ended, of uploads that are known and of such that are not, in no particular order.
  ///
  /// - Parameters:
  ///   - marker: where the page before ended; nil begins.
  ///   - limit: the most of a page.
  func unfinished(after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage

  /// Gives up objects that ``unfinished(after:limit:)`` told of. Those that are gone are no error; one that cannot be given up
  /// is told of once all the others are gone.
  func abandon(_ objects: [UnfinishedObject]) async throws

  /// Work that waits for nobody: moves journaled blobs to their resting place. Called now and then.
  func settle() async throws
}

extension BlobStore {
  public func url(of blob: StoredBlob, lifetime: Duration) async throws -> String? { nil }
  public func unfinished(after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage {
    UnfinishedPage([], next: nil)
  }
  public func abandon(_ objects: [UnfinishedObject]) async throws {}
}

/// What a client said of how much it will send.
public struct AppendExtent: Sendable {
  /// How many bytes this request brings, where that is known; reserves the space.
  public var length: Int64?
  /// The upload is to be published with what this request brings: nothing comes after it.
  public var isLast: Bool

  public init(length: Int64? = nil, isLast: Bool = false) {
    self.length = length
    self.isLast = isLast
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
