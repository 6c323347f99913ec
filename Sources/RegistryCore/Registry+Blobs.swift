public import Access
public import BlobStorage
internal import Ground
internal import Logging
public import Metadata
public import NIOCore
public import OCI
import Synchronization

extension Registry {
  /// The size of a blob that is answered from memory and needs no lease; nil says nothing.
  public func blobSizeAtHand(_ digest: Digest, permit: Permit<Pull>) -> Int64? {
    guard !database.isShared else { return nil }
    guard let link = caches.links.value(for: LinkKey(repository: permit.repository, digest: digest)) else { return nil }
    return needsLease(link) ? nil : link.sizeBytes
  }

  /// A blob that can be sent without waiting; nil says nothing.
  public func blobAtHand(_ digest: Digest, permit: Permit<Pull>) -> BlobContent? {
    guard !database.isShared else { return nil }
    guard caches.links.value(for: LinkKey(repository: permit.repository, digest: digest)) != nil else { return nil }
    if let bytes = caches.smallBlobs.value(for: digest) { return .bytes(bytes) }
    return store.openIfAtHand(digest).flatMap { file in
      file.sizeBytes <= Int64(Self.smallBlobBytes) ? nil : .file(file)
    }
  }

  static var smallBlobBytes: Int { LocalBlobStore.smallBlobLimitBytes }

  /// A blob's size, for `HEAD`.
  ///
  /// - Parameter push: when the asker may push, an unreferenced blob is leased: a client that is told the blob is here will
  ///   not push it.
  /// - Throws: ``RegistryError`` with `BLOB_UNKNOWN`.
  public func blobSize(_ digest: Digest, permit: Permit<Pull>, push: Permit<Push>?) async throws -> Int64 {
    guard let link = try await link(digest, permit) else { throw Self.unknown(digest, permit.repository) }
    guard push != nil, needsLease(link) else { return link.sizeBytes }
    let repository = permit.repository
    let key = LinkKey(repository: repository, digest: digest)
    let generation = caches.links.generation
    let renewed = try await leasing { transaction, lease -> LinkedBlob? in
      guard let id = try transaction.repository(named: repository) else { return nil }
      try transaction.renewLease(digest, in: id, until: lease.until)
      return try transaction.blob(digest, in: repository)
    }
    guard let renewed else { throw Self.unknown(digest, repository) }
    caches.links.insert(renewed, for: key, cost: 1, since: generation)
    return renewed.sizeBytes
  }

  /// A blob to be sent.
  ///
  /// - Throws: ``RegistryError`` with `BLOB_UNKNOWN`, also when its bytes turn out to be missing or cut short; then it is
  ///   marked corrupt, and heals with its next push.
  public func blob(_ digest: Digest, permit: Permit<Pull>) async throws -> BlobContent {
    // Taken first: bytes that were read before the blob was set aside must not be kept after it.
    let generation = caches.smallBlobs.generation
    guard let link = try await link(digest, permit) else { throw Self.unknown(digest, permit.repository) }
    if let bytes = caches.smallBlobs.value(for: digest) { return .bytes(bytes) }
    let stored = link.stored(digest)
    let body = try await missingMeansDamage(stored, permit.repository) { try await store.open(stored) }
    guard body.sizeBytes == link.sizeBytes else {
      let reason = "it has \(body.sizeBytes) bytes and should have \(link.sizeBytes)"
      try await setAside(stored, because: reason) { try await self.store.size(of: stored) != link.sizeBytes }
      throw Self.unknown(digest, permit.repository)
    }
    guard body.sizeBytes <= Int64(Self.smallBlobBytes) else { return BlobContent(body) }
    let bytes = try await missingMeansDamage(stored, permit.repository) { try await collect(body, stored) }
    guard let bytes, bytes.readableBytes == Int(body.sizeBytes) else { throw Self.unknown(digest, permit.repository) }
    caches.smallBlobs.insert(
      bytes, for: digest, cost: bytes.readableBytes + RegistryCaches.manifestOverheadBytes, since: generation)
    return .bytes(bytes)
  }

  /// The bytes of a small blob. Those that came over a network are compared with their digest, and fetched again when they do
  /// not have it: they may have been spoilt on their way. Nil when they are damaged; then the blob was set aside.
  private func collect(_ body: BlobBody, _ blob: StoredBlob) async throws -> ByteBuffer? {
    for _ in 0..<2 {
      let bytes = try await body.collect()
      if case .file = body { return bytes }
      if Self.hasDigest(bytes, blob.digest) { return bytes }
    }
    try await setAside(blob, because: "its bytes do not have its digest") {
      try await !Self.hasDigest(self.store.openForExamination(blob).collect(), blob.digest)
    }
    return nil
  }

  private static func hasDigest(_ bytes: ByteBuffer, _ digest: Digest) -> Bool {
    bytes.withUnsafeReadableBytes { Digest.computing(digest.algorithm, over: $0) } == digest
  }

  /// A range of a blob that lies in an object store, as it arrives.
  ///
  /// - Parameter executor: where the bytes will be read; the connection to the object store is taken near it.
  /// - Throws: `BLOB_UNKNOWN` when the object turns out to be gone; then the blob is marked corrupt, and heals with its next
  ///   push.
  public func chunks(
    of blob: RemoteBlob, _ range: ByteRange, permit: Permit<Pull>, on executor: (any TaskExecutor)? = nil
  ) async throws -> BlobChunks {
    try await missingMeansDamage(blob.blob, permit.repository) {
      try await withTaskExecutorPreference(executor) { try await blob.chunks(range) }
    }
  }

  private func missingMeansDamage<R>(
    _ blob: StoredBlob, _ repository: RepositoryName, _ body: () async throws -> R
  ) async throws -> R {
    do {
      return try await body()
    } catch StorageError.blobUnknown {
      try await setAside(blob, because: "its bytes are missing or cut short") {
        try await self.store.size(of: blob) != blob.sizeBytes
      }
      throw Self.unknown(blob.digest, repository)
    }
  }

  /// Takes a blob out of the repository. Other repositories keep theirs; the bytes go when nobody has them.
  ///
  /// - Throws: `BLOB_UNKNOWN`; `UNSUPPORTED` while a manifest of the repository names it, because deleting it would break an
  ///   image that was acknowledged. Images that were deleted, and that history kept, do not count: they go with it.
  public func deleteBlob(_ digest: Digest, permit: Permit<Delete>) async throws {
    let repository = permit.repository
    // As with manifests: run again because an answer was lost, it finds its own deletion done.
    let wasFound = Atomic<Bool>(false)
    let lease = unreferencedLease
    let outcome = try await writingTags { transaction -> Transaction.Unlinking in
      guard let id = try transaction.repository(named: repository) else { return .unknown }
      let outcome = try transaction.unlinkBlob(
        digest, from: RepositoryRow(id: id, name: repository), keptUntil: transaction.now + lease,
        TagCause(.delete, by: permit.origin))
      if case .unlinked = outcome {
        wasFound.store(true, ordering: .relaxed)
        try transaction.recordDeletion("blob", "\(repository)@\(digest)", permit)
      }
      if case .unknown = outcome, wasFound.load(ordering: .relaxed) { return .unlinked(withManifests: true) }
      return outcome
    }
    caches.links.remove(LinkKey(repository: repository, digest: digest))
    switch outcome {
    case .unlinked(let withManifests): if withManifests { caches.links.removeAll() }
    case .unknown: throw Self.unknown(digest, repository)
    case .referenced:
      throw RegistryError(
        .unsupported,
        "a manifest in \(repository) names this blob; delete the manifest, and the blob is collected by itself",
        details: [["digest": .string(digest.description)]])
    }
  }

  /// Makes a blob that is already stored readable through the permit's repository, without its bytes being sent.
  ///
  /// - Parameters:
  ///   - source: where the client says it is; nil: anywhere that the client may read.
  ///   - mayRead: whether the client may pull from a repository.
  /// - Returns: false when there is no such blob to mount: the client uploads it then.
  public func mount(
    _ digest: Digest, from source: RepositoryName?, permit: Permit<Push>,
    mayRead: @escaping @Sendable (RepositoryName) -> Bool
  ) async throws -> Bool {
    let repository = permit.repository
    if let source, !mayRead(source) { return false }
    let mounted = try await leasing { transaction, lease -> Bool in
      let candidates =
        try source.map { [$0] }
        ?? transaction.repositories(with: digest, limit: Self.mountCandidateLimit).filter(mayRead)
      return try transaction.mount(
        digest, from: candidates, to: repository, leasedUntil: lease.until)
    }
    if mounted { caches.links.remove(LinkKey(repository: repository, digest: digest)) }
    return mounted
  }

  /// How many repositories are tried as the source of a mount that names none.
  static let mountCandidateLimit = 16

  /// Marks a blob whose bytes are damaged or gone, and takes it out of readers' way. The next push of it heals it.
  ///
  /// - Parameter isStillDamaged: looks again, at what lies there now, while no publisher of this digest is at work: what was
  ///   seen before may have been healed or removed since.
  /// - Returns: whether it was set aside.
  @discardableResult
  public func setAside(
    _ blob: StoredBlob, because reason: String, isStillDamaged: () async throws -> Bool
  ) async throws -> Bool {
    let digest = blob.digest
    guard gate.claim(digest) else { return false }
    defer { gate.release(digest) }
    guard try await isStillDamaged() else { return false }
    guard try await database.write({ try $0.markCorrupt(digest, place: blob.place) }) else { return false }
    setAsides.wrappingAdd(1, ordering: .relaxed)
    logger.error("blob is corrupt", metadata: ["digest": "\(digest)", "reason": "\(reason)"])
    caches.forgetBlobEverywhere(digest)
    let isDamaged = try await store.quarantine(blob)
    caches.forgetBlobEverywhere(digest)
    return isDamaged ? true : try await !takeBack(blob)
  }

  /// Gives a blob that was set aside back to its readers, once its bytes turn out to be sound: the store did not find them for a
  /// while, or they were spoilt on their way. Answers false when they are not, or when it was healed or collected meanwhile.
  ///
  /// - Parameter isSound: looks at what lies there, while no publisher of this digest is at work.
  @discardableResult
  public func takeBack(_ blob: StoredBlob, ifSound isSound: () async throws -> Bool) async throws -> Bool {
    guard gate.claim(blob.digest) else { return false }
    defer { gate.release(blob.digest) }
    guard try await isSound() else { return false }
    return try await takeBack(blob)
  }

  /// - Precondition: the gate is shut, and the bytes are sound.
  private func takeBack(_ blob: StoredBlob) async throws -> Bool {
    guard try await database.write({ try $0.markSound(blob.digest, place: blob.place) }) else { return false }
    logger.warning("a blob that was set aside is sound, and back", metadata: ["digest": "\(blob.digest)"])
    return true
  }

  /// Blobs that were set aside since `age` ago, those first that were last.
  public func blobsSetAside(within age: Duration, limit: Int) async throws -> [BlobRow] {
    try await database.read { try $0.blobsSetAside(since: $0.now - age, limit: limit) }
  }

  private func link(_ digest: Digest, _ permit: Permit<Pull>) async throws -> LinkedBlob? {
    let repository = permit.repository
    guard !database.isShared else {
      return try await database.read(along: permit.questions) { try $0.blob(digest, in: repository) }
    }
    let key = LinkKey(repository: repository, digest: digest)
    if let known = caches.links.value(for: key) { return known }
    let generation = caches.links.generation
    let link = try await database.read { try $0.blob(digest, in: repository) }
    if let link { caches.links.insert(link, for: key, cost: 1, since: generation) }
    return link
  }

  /// Whether so much of the lease has gone that a `HEAD` by a pusher renews it.
  private func needsLease(_ link: LinkedBlob) -> Bool {
    link.isUnreferenced && link.leasedUntil < database.now + settings.lease / 2
  }

  static func unknown(_ digest: Digest, _ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .blobUnknown, "\(repository) has no such blob", details: [["digest": .string(digest.description)]])
  }
}

/// A blob that is ready to be sent.
public enum BlobContent: Sendable {
  case bytes(ByteBuffer)
  case file(BlobFile)
  case remote(RemoteBlob)

  init(_ body: BlobBody) {
    switch body {
    case .file(let file): self = .file(file)
    case .remote(let blob): self = .remote(blob)
    }
  }

  public var sizeBytes: Int64 {
    switch self {
    case .bytes(let bytes): Int64(bytes.readableBytes)
    case .file(let file): file.sizeBytes
    case .remote(let blob): blob.sizeBytes
    }
  }
}

extension LinkedBlob {
  func stored(_ digest: Digest) -> StoredBlob { StoredBlob(digest: digest, sizeBytes: sizeBytes, place: place) }
}

extension BlobRow {
  /// Where the bytes are that the row tells of.
  public var stored: StoredBlob { StoredBlob(digest: digest, sizeBytes: sizeBytes, place: place) }
}

extension BlobContent {
  /// All of its bytes. Look at its size first.
  func collect() async throws -> ByteBuffer {
    switch self {
    case .bytes(let small): small
    case .file(let file): try await BlobBody.file(file).collect()
    case .remote(let blob): try await BlobBody.remote(blob).collect()
    }
  }
}
