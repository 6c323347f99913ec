/// What a store without files of its own keeps of an upload that holds bytes: enough to go on with it in another process.
public struct UploadRecord: Sendable, Equatable {
  /// A piece that the object store has acknowledged.
  public struct Part: Sendable, Equatable {
    /// From 1, in the order of the bytes.
    public let number: Int
    /// What the store answered: ``ObjectStore/putPart(_:_:of:upload:)``.
    public let entityTag: String
    public let sizeBytes: Int64

    public init(number: Int, entityTag: String, sizeBytes: Int64) {
      self.number = number
      self.entityTag = entityTag
      self.sizeBytes = sizeBytes
    }
  }

  public let upload: UploadID
  /// Where the bytes lie, or will: see ``StoredBlob/place``. Another one when they have to be written anew.
  public var place: String
  /// The object store's name of the multipart upload; nil while there is none.
  public var multipart: String?
  public var parts: [Part]
  /// One object at `place` holds everything up to ``offset`` but ``pending``.
  public var isWholeObject: Bool
  /// Where the upload ends, with what is pending.
  public var offset: Int64
  /// The last bytes, too few for a part. At most ``pendingLimitBytes``.
  public var pending: [UInt8]
  /// The hash of everything up to ``offset`` but what is pending: `ContentHasher.snapshot()`.
  public var hash: [UInt8]

  /// The least that an object store takes as a part that is not the last.
  public static let pendingLimitBytes = 5 << 20

  public init(upload: UploadID, place: String) {
    self.upload = upload
    self.place = place
    multipart = nil
    parts = []
    isWholeObject = false
    offset = 0
    pending = []
    hash = []
  }
}

/// Where uploads are recorded, so that any process can go on with any of them.
///
/// A process works on an upload only while it holds the claim; a claim runs out by the database's clock, so that one whose
/// holder died is free again within ``claimTerm``.
public protocol UploadLedger: Sendable {
  /// Where an upload ends; nil for one that holds nothing. Reads none of its bytes.
  /// - Throws: ``StorageError/uploadUnknown`` for one that is known to be over.
  func offset(of upload: UploadID) async throws -> Int64?

  /// Claims an upload for the caller, and answers what is recorded.
  /// - Throws: ``StorageError/uploadBusy`` while somebody else holds it; ``StorageError/uploadUnknown`` when it is over.
  func claim(_ upload: UploadID) async throws -> (claim: UploadClaim, record: UploadRecord?)

  /// Holds the claim for another ``claimTerm``. Does nothing when it was lost.
  func renew(_ upload: UploadID, _ claim: UploadClaim) async throws

  /// Records how far an upload has got, and renews the claim, or gives it back.
  ///
  /// Parts are only ever added: those with a number that is recorded already are left as they are. A claim that has run out
  /// records nothing.
  /// - Throws: ``StorageError/uploadBusy`` when the claim was lost; nothing is recorded then.
  func save(_ record: UploadRecord, _ claim: UploadClaim, releasing: Bool) async throws

  /// Gives the claim back. Not an error when it was lost.
  func release(_ upload: UploadID, _ claim: UploadClaim) async throws

  /// Forgets an upload. Before its bytes are removed, not after: a publication that finds its row gone gives up, whenever it
  /// looks.
  /// - Returns: false when it was over already. Its bytes may belong to a blob then, and are the caller's no more.
  /// - Throws: ``StorageError/uploadBusy`` when the claim was lost; nothing is forgotten then.
  @discardableResult
  func remove(_ upload: UploadID, _ claim: UploadClaim) async throws -> Bool

  /// All that is recorded.
  func uploads() async throws -> [UploadID]

  /// The time that decides: the database's, in microseconds since 1970.
  func nowMicroseconds() async throws -> Int64
}

extension UploadLedger {
  public static var claimTerm: Duration { .seconds(30) }
}

/// Shows that the holder claimed an upload.
public struct UploadClaim: Sendable, Hashable {
  /// Unlike that of every other claim.
  public let token: String

  public init(token: String) { self.token = token }
}
