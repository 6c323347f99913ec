public import Access
public import BlobStorage
internal import Ground
internal import Logging
internal import Metadata
public import NIOCore
public import OCI
import Synchronization

// The order of a push (invariants I1 and I5): stage → sync file → verify digest → rename → sync directory → commit row →
// answer; for small blobs the journal's sync stands in for those of file and directory. The gate is the lease of the bytes
// until the row is committed.
extension Registry {
  /// Begins an upload. Nothing is stored before its first byte.
  ///
  /// - Parameter isTold: whether the client learns its name, so that its end must be remembered.
  public func beginUpload(permit: Permit<Push>, isTold: Bool = true) -> UploadToken {
    UploadToken(for: permit.repository, key: uploadKey, now: database.now, random: random, isTold: isTold)
  }

  /// The session behind a client's text.
  ///
  /// - Throws: `BLOB_UPLOAD_UNKNOWN` when it was not made for this repository, has ended, or has expired.
  public func upload(_ text: String, permit: Permit<Push>) async throws -> UploadToken {
    let token = UploadToken(text, for: permit.repository, key: uploadKey)
    if let token, endedUploads.value(for: token.upload) == nil, try await !hasExpired(token) { return token }
    throw RegistryError(.blobUploadUnknown, "this upload is unknown, has ended or has expired; begin a new one")
  }

  /// Whether an upload that is unknown may have ended as this blob: it was begun here, and the blob is in its repository and can be
  /// read. It stays for the manifest that names it, as after the upload.
  public func mayHaveEnded(_ text: String, as digest: Digest, permit: Permit<Push>) async throws -> Bool {
    let repository = permit.repository
    guard UploadToken(text, for: repository, key: uploadKey) != nil else { return false }
    let link = try await leasing { transaction, lease -> LinkedBlob? in
      guard let id = try transaction.repository(named: repository) else { return nil }
      // Before it is looked for, so that no collector takes away what was seen.
      try transaction.renewLease(digest, in: id, until: lease.until)
      return try transaction.blob(digest, in: repository)
    }
    guard let link else { return false }
    // Whoever recorded it may not have lived to see that its bytes are gone, which a push heals.
    return try await store.size(of: link.stored(digest)) == link.sizeBytes
  }

  private func hasExpired(_ token: UploadToken) async throws -> Bool {
    let limit = database.now - settings.uploadsExpireAfter
    if token.startedAt >= limit { return false }
    if let touched = openUploads.withLock({ $0[token.upload] }), touched >= limit { return false }
    guard uploadsAreRows else { return true }
    // Another replica may have gone on with it.
    let touched = try await database.read { try $0.lastTouched(upload: token.upload.text) }
    return touched.map { $0 < limit } ?? true
  }

  /// Where an upload ends: how many bytes it holds.
  public func offset(of token: UploadToken) async throws -> Int64 { try await store.offset(of: token.upload) ?? 0 }

  /// Appends to an upload.
  ///
  /// - Parameters:
  ///   - offset: where the client says that the bytes begin; nil: at the end.
  ///   - extent: what the client said of how much it will send.
  /// - Returns: where the upload ends then.
  /// - Throws: `RANGE_INVALID` when `offset` is not where the upload ends; it stays usable.
  public func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to token: UploadToken, at offset: Int64?, _ extent: AppendExtent,
    hashing algorithm: Digest.Algorithm = .sha256
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    try admit(token)
    let start: Int64
    if let offset { start = offset } else { start = try await self.offset(of: token) }
    defer { openUploads.withLock { if $0[token.upload] != nil { $0[token.upload] = database.now } } }
    do {
      return try await store.append(
        source, to: token.upload, at: start, extent, limit: settings.blobLimitBytes ?? .max,
        hashing: algorithm)
    } catch let error as StorageError {
      throw Self.translated(error)
    }
  }

  /// Counts an upload as open, within the limit.
  private func admit(_ token: UploadToken) throws(RegistryError) {
    let now = database.now
    let admitted = openUploads.withLock { uploads in
      if uploads[token.upload] == nil && uploads.count >= settings.uploadLimit { return false }
      uploads[token.upload] = now
      return true
    }
    guard admitted else {
      throw RegistryError(
        .tooManyRequests, "\(settings.uploadLimit) uploads are open, which is the limit; try again later")
    }
  }

  /// Finishes an upload that holds all its bytes. On return the blob is readable and survives power loss.
  ///
  /// - Throws: `DIGEST_INVALID` when the bytes do not have the digest; the upload has ended then.
  public func finishUpload(_ token: UploadToken, as digest: Digest, permit: Permit<Push>) async throws {
    guard try await store.offset(of: token.upload) != nil else {
      // No byte came: the blob is empty, or the client forgot to send it.
      return try await finishUpload(token, with: ByteBuffer(), as: digest, permit: permit)
    }
    do {
      try await gate.publishing(digest) {
        let stored = try await store.publish(token.upload, as: digest)
        caches.smallBlobs.remove(digest)
        try await record(stored, permit, endOf: token.upload)
      }
    } catch let error as StorageError {
      if case .digestMismatch = error { end(token) }
      throw Self.translated(error)
    } catch {
      // Its bytes may have their name already, and be garbage until they are pushed again: the upload is over then.
      if try await store.offset(of: token.upload) == nil { end(token) }
      throw error
    }
    end(token)
  }

  /// Finishes an upload of which no byte was stored before, with all of its bytes.
  public func finishUpload(
    _ token: UploadToken, with bytes: ByteBuffer, as digest: Digest, permit: Permit<Push>
  ) async throws {
    try await putBlob(bytes, as: digest, permit: permit, ending: token)
    end(token)
  }

  /// Stores a small blob that has arrived whole. On return it is readable and survives power loss.
  ///
  /// - Parameter token: the upload that ends with it.
  /// - Throws: `DIGEST_INVALID` when the bytes do not have the digest.
  public func putBlob(
    _ bytes: ByteBuffer, as digest: Digest, permit: Permit<Push>, ending token: UploadToken? = nil
  ) async throws {
    let ended = uploadsAreRows && token?.isTold == true ? token?.upload : nil
    if let limit = settings.blobLimitBytes, Int64(bytes.readableBytes) > limit {
      throw Self.translated(.tooLarge(limit: limit))
    }
    let actual = bytes.withUnsafeReadableBytes { Digest.computing(digest.algorithm, over: $0) }
    guard actual == digest else { throw Self.translated(.digestMismatch(expected: digest, actual: actual)) }
    guard !database.isShared else { return try await putUnasked(bytes, as: digest, permit, ending: ended) }
    try await gate.publishing(digest) {
      // Inside the gate a row that says *present* stays so until ours is committed.
      let known = try await database.read { try $0.blob(digest) }
      let isPresent = known?.state == .present
      if let known, isPresent, try await store.size(of: known.stored) != nil,
        try await link(known, permit, ending: ended)
      {
        return
      }
      try await store(bytes, as: digest, permit, replacing: isPresent ? known?.place : nil, ending: ended)
    }
  }

  /// Where the database is far away, asking whether the blob is here costs more than storing it: clients ask before they push
  /// what may be. When it is, ours are removed again, unless the others turn out to be gone.
  private func putUnasked(
    _ bytes: ByteBuffer, as digest: Digest, _ permit: Permit<Push>, ending ended: UploadID?
  ) async throws {
    try await gate.publishing(digest) { try await store(bytes, as: digest, permit, ending: ended) }
  }

  /// Stores and records bytes, and does so again at another place where the first can be recorded no more.
  private func store(
    _ bytes: ByteBuffer, as digest: Digest, _ permit: Permit<Push>, replacing lost: String? = nil,
    ending ended: UploadID?
  ) async throws {
    for _ in 0..<Self.placeLimit {
      let stored = try await store.put(bytes, as: digest)
      caches.smallBlobs.remove(digest)
      do {
        return try await record(stored, permit, replacing: lost, ending: ended)
      } catch StorageError.uploadUnknown {
        logger.info("a blob is stored again: its push took too long", metadata: ["digest": "\(digest)"])
      }
    }
    throw RegistryError(.unavailable, "the database is too slow to record the blob; push it again")
  }

  /// How many places are tried for the same bytes.
  private static let placeLimit = 3

  /// Makes a blob readable that is stored already. Answers false when it is so no more: the collector was quicker.
  private func link(_ known: BlobRow, _ permit: Permit<Push>, ending ended: UploadID?) async throws -> Bool {
    let repository = permit.repository
    let linked = try await leasing { transaction, lease in
      if let ended { try transaction.endUpload(ended.text) }
      return try transaction.linkPresent(known, to: repository, leasedUntil: lease.until)
    }
    caches.links.remove(LinkKey(repository: repository, digest: known.digest))
    return linked
  }

  /// Records published bytes. When the blob was here already and keeps the place it has, ours are removed afterwards.
  ///
  /// - Parameters:
  ///   - lost: a place where the blob should lie and does not.
  ///   - upload: what the bytes came from; forgotten with the same commit, so that at every moment a row names them.
  ///   - ended: an upload that held nothing and is over.
  private func record(
    _ blob: StoredBlob, _ permit: Permit<Push>, replacing lost: String? = nil, endOf upload: UploadID? = nil,
    ending ended: UploadID? = nil
  ) async throws {
    let repository = permit.repository
    let published = PublishedBlob(
      digest: blob.digest, sizeBytes: blob.sizeBytes, place: blob.place, replaces: lost)
    let (place, isFresh) = try await leasing { transaction, lease -> (String?, Bool) in
      if let ended { try transaction.endUpload(ended.text) }
      guard try Self.takesUp(blob, of: upload, lease, in: transaction) else {
        return (try Self.linkRecorded(published, to: repository, lease, in: transaction), false)
      }
      return (try transaction.publish(published, to: repository, leasedUntil: lease.until), true)
    }
    caches.links.remove(LinkKey(repository: repository, digest: blob.digest))
    guard place != blob.place else { return }
    let others = StoredBlob(digest: blob.digest, sizeBytes: blob.sizeBytes, place: place)
    if lost == nil, try await store.size(of: others) != blob.sizeBytes {
      guard isFresh else { throw StorageError.uploadUnknown }
      return try await record(blob, permit, replacing: place, ending: ended)
    }
    do { try await store.remove([blob]) } catch {
      logger.info("bytes that are not needed stay until the sweep", metadata: ["cause": "\(error)"])
    }
  }

  /// Whether these bytes may still be recorded at their place. Not so where they may have been: the commit whose answer was lost
  /// may be older than the lease, and what it recorded be collected and removed since (I3). Forgets the upload that brought
  /// them; one that has expired meanwhile took its bytes along, and so did a request that brought more of it.
  private static func takesUp(
    _ blob: StoredBlob, of upload: UploadID?, _ lease: Lease, in transaction: borrowing Transaction
  ) throws -> Bool {
    guard let place = blob.place else { return true }
    if let upload { return try transaction.deleteUnclaimedUpload(upload.text, at: place) }
    if let made = StoredBlob.time(ofPlace: place),
      Timestamp(microseconds: made) + publicationLimit < transaction.now
    {
      // The sweep may take it for garbage soon.
      throw StorageError.uploadUnknown
    }
    return !transaction.isRepeat && !lease.isRenewed
  }

  /// Links the blob where it is recorded, by that commit or by somebody else's push, and answers where that is.
  private static func linkRecorded(
    _ blob: PublishedBlob, to repository: RepositoryName, _ lease: Lease, in transaction: borrowing Transaction
  ) throws -> String? {
    guard let found = try transaction.blob(blob.digest), found.state == .present, found.place != blob.replaces,
      try transaction.linkPresent(found, to: repository, leasedUntil: lease.until)
    else { throw StorageError.uploadUnknown }
    return found.place
  }

  /// Bytes without an upload's row must be recorded within this time after their place was made.
  static let publicationLimit: Duration = .seconds(3600)
  /// Bytes that no row names are garbage once their place is as old as this.
  static let garbageAge: Duration = .seconds(24 * 3600)

  /// Gives an upload up, with its bytes.
  public func cancelUpload(_ token: UploadToken) async throws {
    do {
      try await store.discard(token.upload)
    } catch let error as StorageError {
      throw Self.translated(error)
    }
    end(token)
  }

  private func end(_ token: UploadToken) {
    openUploads.withLock { $0[token.upload] = nil }
    endedUploads.insert(true, for: token.upload, cost: 1)
  }

  /// Uploads that were not heard of for as long as the settings allow.
  public func expiredUploads() async throws -> [UploadID] {
    let limit = database.now - settings.uploadsExpireAfter
    let known = openUploads.withLock { $0 }
    guard !uploadsAreRows else {
      openUploads.withLock { uploads in uploads = uploads.filter { $0.value >= limit } }
      let remembered = database.now - Self.endedUploadTerm
      _ = try await database.write { try $0.forgetEndedUploads(before: remembered, limit: Self.endedForgetLimit) }
      let found = try await database.read { try $0.uploads(untouchedSince: limit, limit: Self.expiryLimit) }
      return found.compactMap { UploadID($0) }
    }
    // Those without bytes count too: their entry is all that is left of them.
    return try await Set(store.uploads()).union(known.keys).filter { upload in
      let touched = known[upload] ?? UploadToken.startedAt(upload) ?? .distantPast
      return touched < limit
    }
  }

  /// For how long an upload that is over is told apart from one that holds nothing yet.
  static let endedUploadTerm: Duration = .seconds(15 * 60)
  /// How many of those are forgotten at once: more than come in a minute.
  static let endedForgetLimit = 50_000
  /// How many expired uploads are looked for at once.
  static let expiryLimit = 1000

  /// Discards an upload that ``expiredUploads()`` named; one that is in use again stays.
  public func discardExpiredUpload(_ upload: UploadID) async throws -> Bool {
    let limit = database.now - settings.uploadsExpireAfter
    if let touched = openUploads.withLock({ $0[upload] }), touched >= limit { return false }
    if uploadsAreRows {
      let touched = try await database.read { try $0.lastTouched(upload: upload.text) }
      if let touched, touched >= limit { return false }
    }
    do {
      try await store.discard(upload)
    } catch StorageError.uploadBusy {
      return false
    } catch StorageError.uploadUnknown {
      // A request, or another replica, ended it meanwhile.
      return false
    }
    openUploads.withLock { $0[upload] = nil }
    return true
  }

  /// How many uploads hold bytes.
  public var openUploadCount: Int { openUploads.withLock { $0.count } }

  static func translated(_ error: StorageError) -> RegistryError {
    switch error {
    case .blobUnknown(let digest):
      RegistryError(.blobUnknown, "there is no such blob", details: [["digest": .string(digest.description)]])
    case .uploadUnknown:
      RegistryError(.blobUploadUnknown, "this upload is unknown, has ended or has expired; begin a new one")
    case .uploadBusy:
      RegistryError(.unavailable, "another request is writing to this upload; one at a time")
    case .offsetMismatch(let current):
      RegistryError(
        .rangeInvalid, "the next byte of this upload is \(current); ask its status with GET, and go on from there",
        details: [["offset": .integer(current)]])
    case .digestMismatch(let expected, let actual):
      RegistryError(
        .digestInvalid, "the bytes that came do not have the digest that was given; push the blob again",
        details: [["expected": .string(expected.description), "actual": .string(actual.description)]])
    case .tooLarge(let limit):
      RegistryError(.sizeInvalid, "a blob may have at most \(limit) bytes here (limits.blob_bytes)")
    }
  }
}
