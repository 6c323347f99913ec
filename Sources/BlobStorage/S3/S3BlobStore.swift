public import Ground
public import NIOCore
public import OCI

/// Blobs as objects under opaque keys, uploads as rows of a ledger, so that any replica can go on with any upload.
///
/// Publishing copies no byte: what an upload is sent to is what its blob is read from (docs/decisions/0012). A key is used for
/// one publication only, so a late request of a process that lost its claim can damage nothing that a row names: a whole
/// object goes to a key that only its sender knows until it is recorded, and the parts of an object are named by their tags.
public final class S3BlobStore: BlobStore {
  /// The size of a part, as long as there are few; see ``partBytes(after:)``.
  static let leastPartBytes = 8 << 20
  /// The most parts that an object may have.
  static let partLimit = 10_000
  /// The key's first folder.
  static let folder = "blobs/"
  static let quarantineFolder = "quarantine/"
  /// So much of a stream may be held without asking for room: at most this times the number of connections.
  static let freeBufferBytes = 256 << 10
  /// Room that a stream takes which is longer: a part that is complete, and the beginning of the next.
  static func roomBytes(partBytes: Int) -> Int { partBytes + UploadRecord.pendingLimitBytes }
  /// Between two renewals of a claim.
  static let renewalInterval: Duration = .seconds(8)

  let objects: any ObjectStore
  let ledger: any UploadLedger
  let budget: ByteBudget
  private let witness: String?
  private let random: any RandomSource
  private let time: any TimeSource

  /// - Parameter bufferBytes: what all uploads together may hold of bytes that the object store has not acknowledged, beyond
  ///   ``freeBufferBytes`` each. At least the room of one upload.
  /// - Parameter witness: the key of an object that is there as long as this is the store that was begun with: where it misses
  ///   too, nothing that misses is taken for lost.
  public init(
    _ objects: any ObjectStore, ledger: any UploadLedger, bufferBytes: Int, witness: String? = nil,
    random: any RandomSource = SystemRandom(), time: any TimeSource = SystemTime()
  ) {
    self.objects = objects
    self.witness = witness
    self.ledger = ledger
    self.random = random
    self.time = time
    budget = ByteBudget(limitBytes: max(bufferBytes, 2 * Self.roomBytes(partBytes: Self.leastPartBytes)))
  }

  /// Bytes that wait in memory for the object store, for `/metrics`.
  public var bufferedBytes: Int { budget.takenBytes }

  /// A key that no other publication has.
  func freshPlace() async throws -> String {
    let time = String(UInt64(max(0, try await ledger.nowMicroseconds())), radix: 16)
    return Self.folder + String(repeating: "0", count: 16 - time.utf8.count) + time + random.hexadecimal(byteCount: 8)
  }

  // MARK: Reading

  public func size(of blob: StoredBlob) async throws -> Int64? {
    guard let place = blob.place else { return nil }
    let size = try await objects.size(of: place)
    if size == nil { try await confirmAbsence(of: place) }
    return size
  }

  /// An empty bucket in the place of ours, or a proxy that leads to another, has none of our objects: that is a fault to be waited
  /// for, and no loss of what was asked for.
  private func confirmAbsence(of place: String) async throws {
    guard let witness, try await objects.size(of: witness) == nil else { return }
    throw ObjectStoreError.unavailable(
      "neither \(place) nor \(witness) is there: is it an empty bucket, or another one?")
  }

  private func lost(_ blob: StoredBlob, at place: String) async throws -> StorageError {
    try await confirmAbsence(of: place)
    return .blobUnknown(blob.digest)
  }

  public func open(_ blob: StoredBlob) async throws -> BlobBody {
    guard let place = blob.place else { throw StorageError.blobUnknown(blob.digest) }
    return .remote(
      RemoteBlob(blob) { [self] range in
        do {
          return try await objects.get(place, range)
        } catch ObjectStoreError.noSuchKey {
          throw try await lost(blob, at: place)
        } catch ObjectStoreError.unavailable(let reason) {
          // It was tried again for long enough: nothing else is asked of it.
          throw ObjectStoreError.unavailable(reason)
        } catch let error as ObjectStoreError {
          // An object that was cut short behind our back has no such range.
          if try await objects.size(of: place) == blob.sizeBytes { throw error }
          throw try await lost(blob, at: place)
        }
      })
  }

  public func openForExamination(_ blob: StoredBlob) async throws -> BlobBody {
    guard let place = blob.place, let size = try await size(of: blob) else {
      throw StorageError.blobUnknown(blob.digest)
    }
    return try await open(StoredBlob(digest: blob.digest, sizeBytes: size, place: place))
  }

  public func openIfAtHand(_ digest: Digest) -> BlobFile? { nil }

  public func url(of blob: StoredBlob, lifetime: Duration) async throws -> String? {
    guard let place = blob.place else { return nil }
    return try await objects.signedURL(of: place, lifetime: lifetime)
  }

  // MARK: Whole blobs

  public var wholeBlobLimitBytes: Int { Self.freeBufferBytes }

  @discardableResult
  public func put(_ bytes: ByteBuffer, as digest: Digest) async throws -> StoredBlob {
    let place = try await freshPlace()
    try await objects.put(bytes, to: place, sha256: Self.sha256(of: digest))
    return StoredBlob(digest: digest, sizeBytes: Int64(bytes.readableBytes), place: place)
  }

  private static func sha256(of digest: Digest) -> [UInt8]? {
    digest.algorithm == .sha256 ? digest.withBytes { Array($0) } : nil
  }

  // MARK: Uploads

  public func append<Source: AsyncSequence & Sendable>(
    _ source: Source, to upload: UploadID, at offset: Int64, _ extent: AppendExtent, limit: Int64,
    hashing algorithm: Digest.Algorithm
  ) async throws -> Int64 where Source.Element == ByteBuffer {
    let (claim, found) = try await ledger.claim(upload)
    do {
      let current = found?.offset ?? 0
      guard offset == current else { throw StorageError.offsetMismatch(current: current) }
      let (end, isTooMuch) = offset.addingReportingOverflow(extent.length ?? 0)
      guard !isTooMuch, end <= limit else { throw StorageError.tooLarge(limit: limit) }
      async let _ = keepClaim(upload, claim)
      var writer = S3UploadWriter(store: self, upload: upload, claim: claim, found: found, algorithm: algorithm)
      defer { writer.giveRoomBack() }
      return try await writer.receive(source, isLast: extent.isLast, limit: limit)
    } catch let error as ObjectStoreError where error.saysPartsAreGone {
      throw try await lostParts(of: upload, found, claim)
    } catch {
      try? await ledger.release(upload, claim)
      throw error
    }
  }

  /// Renews a claim until it is cancelled: a client or a store that is slow loses nothing by it.
  private func keepClaim(_ upload: UploadID, _ claim: UploadClaim) async {
    while !Task.isCancelled {
      do { try await time.sleep(for: Self.renewalInterval) } catch { return }
      // One that fails is followed by another before the term is over.
      try? await ledger.renew(upload, claim)
    }
  }

  public func offset(of upload: UploadID) async throws -> Int64? { try await ledger.offset(of: upload) }

  public func publish(_ upload: UploadID, as digest: Digest) async throws -> StoredBlob {
    let (claim, found) = try await ledger.claim(upload)
    do {
      guard var record = found else { throw StorageError.uploadUnknown }
      async let _ = keepClaim(upload, claim)
      let known = Self.knownDigest(of: record, digest.algorithm)
      if let known, known != digest { return try await refuse(record, claim, digest, known) }
      try await complete(&record, claim, known)
      if known == nil {
        let actual = try await self.digest(of: record, digest.algorithm)
        if actual != digest { return try await refuse(record, claim, digest, actual) }
      }
      // The row stays: whoever records the blob forgets the upload in the same transaction.
      try await ledger.save(record, claim, releasing: true)
      return StoredBlob(digest: digest, sizeBytes: record.offset, place: record.place)
    } catch let error as ObjectStoreError where error.saysPartsAreGone {
      throw try await lostParts(of: upload, found, claim)
    } catch {
      try? await ledger.release(upload, claim)
      throw error
    }
  }

  /// The digest of all that came; nil where the bytes have to be read again for it.
  private static func knownDigest(of record: UploadRecord, _ algorithm: Digest.Algorithm) -> Digest? {
    guard var hasher = ContentHasher(restoring: record.hash), hasher.algorithm == algorithm else { return nil }
    record.pending.withUnsafeBytes { hasher.update($0) }
    return hasher.digest()
  }

  /// Makes one object of what came, unless it is one.
  ///
  /// - Parameter known: the digest of all that came, where it need not be computed.
  private func complete(_ record: inout UploadRecord, _ claim: UploadClaim, _ known: Digest?) async throws {
    guard !record.isWholeObject else { return }
    guard let multipart = record.multipart else {
      record.place = try await freshPlace()
      let hash = known.flatMap { Self.sha256(of: $0) }
      try await withRoom(for: record.pending) { try await objects.put($0, to: record.place, sha256: hash) }
      record.isWholeObject = true
      seal(&record)
      return
    }
    if !record.pending.isEmpty {
      let number = record.parts.count + 1
      let tag = try await withRoom(for: record.pending) {
        try await objects.putPart($0, number, of: record.place, upload: multipart)
      }
      record.parts.append(.init(number: number, entityTag: tag, sizeBytes: Int64(record.pending.count)))
      seal(&record)
      try await ledger.save(record, claim, releasing: false)
    }
    do {
      try await objects.completeParts(of: record.place, upload: multipart, parts: record.parts)
    } catch let error as ObjectStoreError where error.saysPartsAreGone {
      // Whoever tried before us may have succeeded and not have lived to hear of it. Else no try will ever succeed.
      guard try await objects.size(of: record.place) == record.offset else { throw error }
    }
    record.multipart = nil
    record.isWholeObject = true
  }

  /// Bytes that come from a row wait for room as those that come from a client do.
  private func withRoom<R>(for bytes: [UInt8], _ body: (ByteBuffer) async throws -> R) async throws -> R {
    let room = bytes.count > Self.freeBufferBytes ? bytes.count : 0
    if room > 0 { try await budget.take(room) }
    defer { if room > 0 { budget.give(room) } }
    return try await body(ByteBuffer(bytes: bytes))
  }

  /// Takes what was pending into the hash.
  private func seal(_ record: inout UploadRecord) {
    if var hasher = ContentHasher(restoring: record.hash) {
      record.pending.withUnsafeBytes { hasher.update($0) }
      record.hash = hasher.snapshot()
    }
    record.pending = []
  }

  private func digest(of record: UploadRecord, _ algorithm: Digest.Algorithm) async throws -> Digest {
    var hasher = ContentHasher(algorithm)
    guard record.offset > 0 else { return hasher.digest() }
    for try await chunk in try await objects.get(record.place, ByteRange(first: 0, last: record.offset - 1)) {
      hasher.update(chunk)
    }
    return hasher.digest()
  }

  private func refuse(
    _ record: UploadRecord, _ claim: UploadClaim, _ expected: Digest, _ actual: Digest
  ) async throws -> StoredBlob {
    try await forget(record, claim)
    throw StorageError.digestMismatch(expected: expected, actual: actual)
  }

  public func discard(_ upload: UploadID) async throws {
    let (claim, found) = try await ledger.claim(upload)
    do {
      if let found { try await forget(found, claim) } else { try await ledger.remove(upload, claim) }
    } catch {
      try? await ledger.release(upload, claim)
      throw error
    }
  }

  /// The row first: a publication that finds it gone gives up. One that was quicker has made a blob of the bytes, which stay then
  /// (I1). What stays of them else is garbage (I4).
  private func forget(_ record: UploadRecord, _ claim: UploadClaim) async throws {
    guard try await ledger.remove(record.upload, claim) else { return }
    if let multipart = record.multipart {
      try? await objects.abortParts(of: record.place, upload: multipart)
    } else if record.isWholeObject {
      try? await objects.remove([record.place])
    }
  }

  /// Gives up an upload whose bytes the object store has no more: no try will ever succeed, and its client has to begin anew.
  private func lostParts(of upload: UploadID, _ record: UploadRecord?, _ claim: UploadClaim) async throws
    -> StorageError
  {
    do {
      if let record { try await forget(record, claim) } else { try await ledger.remove(upload, claim) }
    } catch {
      try? await ledger.release(upload, claim)
      throw error
    }
    return .uploadUnknown
  }

  public func uploads() async throws -> [UploadID] { try await ledger.uploads() }

  // MARK: Upkeep

  public func remove(_ blobs: [StoredBlob]) async throws {
    let places = blobs.compactMap(\.place)
    if !places.isEmpty { try await objects.remove(places) }
  }

  public func remove(orphans: [ListedBlob]) async throws {
    let places = orphans.compactMap(\.place)
    if !places.isEmpty { try await objects.remove(places) }
  }

  /// Sends the bytes through here to a key of the quarantine: rare enough that no store need be able to copy.
  ///
  /// The object stays as long as the blob's row names it: what was found wrong with it may have happened on its way, or the store
  /// was out of order, and a push that heals the blob brings an object of its own. Then the sweep takes this one.
  @discardableResult
  public func quarantine(_ blob: StoredBlob) async throws -> Bool {
    guard let place = blob.place, let size = try await objects.size(of: place) else { return true }
    let name = place.split(separator: "/").last.map { String($0) } ?? place
    let aside = "\(Self.quarantineFolder)\(blob.digest.algorithm.rawValue)-\(blob.digest.hex)-\(name)"
    guard try await copy(place, sizeBytes: size, to: aside, blob.digest.algorithm) == blob.digest else { return true }
    try await objects.remove([aside])
    return false
  }

  /// Answers the digest of what was copied.
  private func copy(
    _ place: String, sizeBytes: Int64, to key: String, _ algorithm: Digest.Algorithm
  ) async throws -> Digest {
    var hasher = ContentHasher(algorithm)
    guard sizeBytes > 0 else {
      try await objects.put(ByteBuffer(), to: key, sha256: nil)
      return hasher.digest()
    }
    let chunks = try await objects.get(place, ByteRange(first: 0, last: sizeBytes - 1))
    var assembler = PartAssembler(partBytes: Self.leastPartBytes)
    var multipart: String?
    var parts: [UploadRecord.Part] = []
    do {
      func send(_ bytes: ByteBuffer, _ upload: String) async throws {
        let number = parts.count + 1
        let tag = try await objects.putPart(bytes, number, of: key, upload: upload)
        parts.append(.init(number: number, entityTag: tag, sizeBytes: Int64(bytes.readableBytes)))
      }
      for try await chunk in chunks {
        hasher.update(chunk)
        assembler.add(chunk)
        while let part = assembler.nextPart() {
          let upload: String
          if let multipart { upload = multipart } else { upload = try await objects.beginParts(of: key) }
          multipart = upload
          try await send(part, upload)
        }
      }
      let rest = assembler.rest()
      if let multipart {
        try await send(rest, multipart)
        try await objects.completeParts(of: key, upload: multipart, parts: parts)
      } else {
        try await objects.put(rest, to: key, sha256: nil)
      }
      return hasher.digest()
    } catch {
      if let multipart { try? await objects.abortParts(of: key, upload: multipart) }
      throw error
    }
  }

  public func list(after last: String?, limit: Int) async throws -> [ListedBlob] {
    try await objects.list(prefix: Self.folder, after: last, limit: limit).map {
      ListedBlob(name: $0.key, digest: nil, place: $0.key, sizeBytes: $0.sizeBytes)
    }
  }

  public func unfinished(after marker: UnfinishedPage.Marker?, limit: Int) async throws -> UnfinishedPage {
    try await objects.listUploads(prefix: Self.folder, after: marker, limit: limit)
  }

  public func abandon(_ objects: [UnfinishedObject]) async throws {
    var failure: (any Error)?
    for object in objects {
      do { try await self.objects.abortParts(of: object.place, upload: object.upload) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  public func settle() async throws {}
}
