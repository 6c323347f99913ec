public import NIOCore
public import OCI

/// What Berth needs of an object store: whole objects, ranges, parts, lists, signed URLs, and nothing else.
///
/// Keys are below the prefix of the store's location. Every call may be repeated; what fails for the moment was tried again
/// already when it throws.
public protocol ObjectStore: Sendable {
  /// Stores an object. Durable on return; the store has verified what it got.
  ///
  /// - Parameter sha256: the hash of `bytes`, where the caller knows it.
  func put(_ bytes: ByteBuffer, to key: String, sha256: [UInt8]?) async throws

  /// A range of an object, of which `range.count` bytes come or the sequence throws.
  /// - Throws: ``ObjectStoreError/noSuchKey``, before any byte.
  func get(_ key: String, _ range: ByteRange) async throws -> BlobChunks

  /// An object's size in bytes, or nil when there is none.
  func size(of key: String) async throws -> Int64?

  /// Removes objects. Those that are not there are no error.
  func remove(_ keys: [String]) async throws

  /// Objects whose keys begin with `prefix`, in the order of their keys, after `last`.
  func list(prefix: String, after last: String?, limit: Int) async throws -> [ObjectListing]

  /// Begins an object that is sent in parts. Answers the store's name of the upload.
  func beginParts(of key: String) async throws -> String

  /// Sends a part, numbered from 1. Sent again it replaces the one before. The store has verified what it got.
  ///
  /// - Returns: what ``completeParts(of:upload:parts:)`` has to know of it: its entity tag, with what else the store wants.
  func putPart(_ bytes: ByteBuffer, _ number: Int, of key: String, upload: String) async throws -> String

  /// Makes the object of its parts. Durable on return.
  /// - Throws: ``ObjectStoreError/noSuchUpload``, also when an earlier call of this succeeded and its answer was lost.
  func completeParts(of key: String, upload: String, parts: [UploadRecord.Part]) async throws

  /// Gives the parts up. Not an error when the upload is not there.
  func abortParts(of key: String, upload: String) async throws

  /// Uploads in parts that were begun and not ended, below `prefix`: see ``BlobStore/unfinished(after:limit:)``.
  func listUploads(prefix: String, after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage

  /// A URL that lets whoever has it get the object for so long.
  func signedURL(of key: String, lifetime: Duration) async throws -> String
}

public struct ObjectListing: Sendable, Hashable {
  public let key: String
  public let sizeBytes: Int64

  public init(key: String, sizeBytes: Int64) {
    self.key = key
    self.sizeBytes = sizeBytes
  }
}

/// What an object store can answer besides success, as far as a caller acts on it.
public enum ObjectStoreError: Error, Sendable, Equatable {
  case noSuchKey
  case noSuchUpload
  /// It refuses for a reason that trying again does not change: what it said, with what to do about it.
  case refused(status: Int, code: String, message: String)
  /// It could not be reached, or failed again and again: what happened last.
  case unavailable(String)
  /// It answered another number of bytes of an object than was asked for; nil: it does not say how many. The object is shorter,
  /// or the store does not know ranges.
  case wrongLength(answered: Int64?, asked: Int64)
}

extension ObjectStoreError {
  /// Nothing can be made of an upload in parts any more: the store does not know it, or not all of its parts as they were sent.
  ///
  /// Source: Amazon S3 API Reference, CompleteMultipartUpload, "Special errors".
  var saysPartsAreGone: Bool {
    switch self {
    case .noSuchUpload, .refused(_, "InvalidPart", _), .refused(_, "InvalidPartOrder", _): true
    default: false
    }
  }
}

extension ObjectStoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchKey: "there is no such object"
    case .noSuchUpload: "there is no such upload in parts"
    case .unavailable(let message): "the object store cannot be reached: \(message)"
    case .wrongLength(let answered, let asked):
      "the object store answered \(answered.map { "\($0)" } ?? "an unknown number of") bytes where \(asked) were asked for"
    case .refused(_, "NoCredentials", let message): message
    case .refused(let status, let code, let message):
      "\(code.isEmpty ? "status \(status)" : code): \(message)"
        + (Self.advice(code.isEmpty && status == 403 ? "AccessDenied" : code).map { " (\($0))" } ?? "")
    }
  }

  /// What an operator can do about a refusal.
  private static func advice(_ code: String) -> String? {
    switch code {
    case "NoSuchBucket": "make the bucket, or name another one"
    case "InvalidAccessKeyId": "the access key is not known there"
    case "SignatureDoesNotMatch": "the secret key is wrong, or a proxy changes requests on their way"
    case "AccessDenied", "AllAccessDisabled":
      "allow s3:PutObject, GetObject, DeleteObject, AbortMultipartUpload and, on the bucket, ListBucket and "
        + "ListBucketMultipartUploads"
    case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
      "the bucket is in another region: set region= in storage.blobs"
    case "RequestTimeTooSkewed": "the clocks differ by more than it accepts: set them, by NTP"
    default: nil
    }
  }
}
