public import BlobStorage
public import Ground
public import Metadata

/// Uploads as rows, so that any replica can go on with any of them.
///
/// Time is the database's: replicas whose clocks differ agree on when a claim runs out.
public struct DatabaseUploadLedger: UploadLedger {
  private let database: any Database
  private let random: any RandomSource

  public init(database: any Database, random: any RandomSource = SystemRandom()) {
    self.database = database
    self.random = random
  }

  public func offset(of upload: UploadID) async throws -> Int64? {
    let (size, hasEnded) = try await database.read { transaction in
      let size = try transaction.sizeBytes(ofUpload: upload.text)
      return (size, try size == nil && transaction.hasEnded(upload: upload.text))
    }
    if hasEnded { throw StorageError.uploadUnknown }
    return size
  }

  public func claim(_ upload: UploadID) async throws -> (claim: UploadClaim, record: UploadRecord?) {
    let token = random.hexadecimal(byteCount: 16)
    let outcome = try await database.write { transaction in
      try transaction.claimUpload(upload.text, token: token, until: transaction.now + Self.claimTerm)
    }
    switch outcome {
    case .busy: throw StorageError.uploadBusy
    case .ended: throw StorageError.uploadUnknown
    case .claimed(let row): return (UploadClaim(token: token), row.flatMap { UploadRecord($0) })
    }
  }

  public func renew(_ upload: UploadID, _ claim: UploadClaim) async throws {
    try await database.write { transaction in
      try transaction.renewUpload(upload.text, token: claim.token, until: transaction.now + Self.claimTerm)
    }
  }

  public func save(_ record: UploadRecord, _ claim: UploadClaim, releasing: Bool) async throws {
    let row = UploadRow(record)
    let isKept = try await database.write { transaction in
      // Not now: what another replica takes for now may be a little earlier.
      let end = releasing ? Timestamp(microseconds: 0) : transaction.now + Self.claimTerm
      return try transaction.saveUpload(row, token: claim.token, until: end)
    }
    guard isKept else { throw StorageError.uploadBusy }
  }

  public func release(_ upload: UploadID, _ claim: UploadClaim) async throws {
    try await database.write { try $0.releaseUpload(upload.text, token: claim.token) }
  }

  public func remove(_ upload: UploadID, _ claim: UploadClaim) async throws -> Bool {
    switch try await database.write({ try $0.deleteUpload(upload.text, token: claim.token) }) {
    case .ended: return true
    case .endedBefore: return false
    case .claimLost: throw StorageError.uploadBusy
    }
  }

  public func uploads() async throws -> [UploadID] {
    try await database.read { try $0.uploadIDs() }.compactMap { UploadID($0) }
  }

  public func nowMicroseconds() async throws -> Int64 { database.now.microseconds }
}

extension UploadRecord {
  /// Nil for a row that was claimed and holds nothing yet.
  init?(_ row: UploadRow) {
    guard let upload = UploadID(row.id), !row.place.isEmpty else { return nil }
    self.init(upload: upload, place: row.place)
    multipart = row.multipart
    parts = row.parts.map { Part(number: $0.number, entityTag: $0.entityTag, sizeBytes: $0.sizeBytes) }
    isWholeObject = row.isWhole
    offset = row.sizeBytes
    pending = row.pending
    hash = row.hash
  }
}

extension UploadRow {
  init(_ record: UploadRecord) {
    self.init(
      id: record.upload.text, place: record.place, multipart: record.multipart, isWhole: record.isWholeObject,
      sizeBytes: record.offset, pending: record.pending, hash: record.hash,
      parts: record.parts.map { Part(number: $0.number, entityTag: $0.entityTag, sizeBytes: $0.sizeBytes) })
  }
}
