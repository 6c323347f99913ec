public import Access
internal import BlobStorage
internal import Ground
internal import Metadata
public import NIOCore
public import OCI
import Synchronization

/// What was pushed.
public struct PushedManifest: Sendable {
  public let digest: Digest
  public let subject: Digest?
  public let tags: [Tag]
  /// How many of the things that it names the repository does not have: above 0 where sparse manifests are accepted.
  public let missingCount: Int
  /// Channels that did not follow it, because they are at a later version whose tag is deleted.
  public let heldChannels: [(tag: Tag, version: SemanticVersion)]
}

extension Registry {
  /// How many tags one push may name. The specification asks for ten at least.
  public static let tagsInPushLimit = 100

  /// A manifest that is answered from memory; nil says nothing.
  public func manifestAtHand(_ reference: Reference, permit: Permit<Pull>) -> CachedManifest? {
    database.isShared ? nil : remembered(reference, permit.repository)
  }

  /// What this process knows. On a shared database it may be out of date, but content under a digest never is.
  private func remembered(_ reference: Reference, _ repository: RepositoryName) -> CachedManifest? {
    let digest: Digest
    switch reference {
    case .digest(let named): digest = named
    case .tag(let tag):
      guard let known = caches.tags.value(for: TagKey(repository: repository, tag: tag)) else { return nil }
      digest = known
    }
    return caches.manifests.value(for: ManifestKey(repository: repository, digest: digest))
  }

  /// A manifest by tag or digest.
  ///
  /// - Parameter isGivenOut: ``pullVerdict(_:permit:)`` is asked next; what it has to know of the namespace is asked along.
  /// - Throws: `MANIFEST_UNKNOWN`.
  public func manifest(
    _ reference: Reference, isGivenOut: Bool = false, permit: Permit<Pull>
  ) async throws -> CachedManifest {
    if let known = manifestAtHand(reference, permit: permit) { return known }
    let repository = permit.repository
    let policies = isGivenOut ? pullRulesQuestion(of: repository.namespace) : nil
    let hint = remembered(reference, repository)
    let manifestGeneration = caches.manifests.generation
    let tagGeneration = caches.tags.generation
    let found = try await database.read(along: permit.questions + (policies.map { [$0] } ?? [])) { transaction in
      try transaction.manifest(reference, in: repository, known: hint?.digest)
    }
    guard let found else {
      if let list = try await referrersList(reference, permit: permit) { return list }
      throw RegistryError(
        .manifestUnknown, "\(repository) has no manifest \(reference)",
        details: [["reference": .string(reference.description)]])
    }
    if let hint, found.bytes == nil { return hint }
    let stored = StoredManifest(digest: found.digest, mediaType: found.mediaType, bytes: found.bytes ?? [])
    let manifest = CachedManifest(stored)
    caches.keep(manifest, in: repository, since: manifestGeneration)
    if case .tag(let tag) = reference {
      // Never remembered: what it answers changes with every referrer.
      if ReferrersTag(tag) != nil { return try await list(tag, over: stored, permit: permit) ?? manifest }
      caches.tags.insert(found.digest, for: TagKey(repository: repository, tag: tag), cost: 1, since: tagGeneration)
    }
    return manifest
  }

  /// Stores a manifest and points tags to it, all or nothing. On return it is readable and survives power loss.
  ///
  /// - Parameters:
  ///   - reference: the tag to point, or the digest that the bytes must have.
  ///   - tags: more tags to point to it.
  ///   - contentType: the media type that the client gave.
  /// - Throws: `MANIFEST_INVALID`, `DIGEST_INVALID`, `MANIFEST_BLOB_UNKNOWN` with what is missing, `SIZE_INVALID`.
  public func pushManifest(
    _ bytes: ByteBuffer, as reference: Reference, tags: [Tag], contentType: MediaType?, permit: Permit<Push>
  ) async throws -> PushedManifest {
    guard bytes.readableBytes <= settings.manifestLimitBytes else { throw manifestTooLarge() }
    let algorithm: Digest.Algorithm
    var allTags = tags
    switch reference {
    case .digest(let digest): algorithm = digest.algorithm
    case .tag(let tag):
      algorithm = .sha256
      allTags = [tag]
    }
    let digest = bytes.withUnsafeReadableBytes { Digest.computing(algorithm, over: $0) }
    if case .digest(let expected) = reference, expected != digest {
      throw Self.translated(.digestMismatch(expected: expected, actual: digest))
    }
    let manifest: Manifest
    do throws(ParseError) {
      manifest = try Self.parse(bytes, contentType)
    } catch {
      throw RegistryError(error, as: error.kind == .unsupportedAlgorithm ? .digestInvalid : .manifestInvalid)
    }
    let record = ManifestRecord(digest: digest, manifest: manifest, bytes: Array(buffer: bytes))
    let (missingCount, held) = try await store(record, allTags, permit)
    return PushedManifest(
      digest: digest, subject: manifest.subject?.digest, tags: allTags, missingCount: missingCount,
      heldChannels: held.map { ($0.tag, $0.version) })
  }

  static func parse(_ bytes: ByteBuffer, _ contentType: MediaType?) throws(ParseError) -> Manifest {
    let result = bytes.withUnsafeReadableBytes { bytes -> Result<Manifest, ParseError> in
      do throws(ParseError) {
        return .success(try Manifest(parsing: bytes, contentType: contentType))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// One transaction checks the references and stores everything (invariants I2 and I6). Answers how many of them miss,
  /// and which channels were held.
  private func store(
    _ record: ManifestRecord, _ tags: [Tag], _ permit: Permit<Push>
  ) async throws -> (missingCount: Int, held: [HeldChannel]) {
    let repository = permit.repository
    let allowsMissing = settings.acceptsSparseManifests
    let generation = caches.manifests.generation
    let outcome = try await writingTags { transaction -> ManifestOutcome in
      let outcome = try transaction.push(
        record, to: repository, tags: tags, allowsMissing: allowsMissing, TagCause(.push, by: permit.origin))
      guard outcome.missing.isEmpty || allowsMissing else { throw Self.missing(outcome.missing, repository) }
      guard outcome.wrongSizes.isEmpty else { throw Self.wrong(sizes: outcome.wrongSizes) }
      try transaction.recordPush(record.digest, tags, outcome, permit)
      return outcome
    }
    for tag in tags + outcome.channels { caches.tags.remove(TagKey(repository: repository, tag: tag)) }
    // One that was there keeps the media type of its first push.
    guard outcome.isNew else { return (outcome.missing.count, outcome.heldChannels) }
    pushes.ring()
    let stored = StoredManifest(digest: record.digest, mediaType: record.manifest.mediaType, bytes: record.bytes)
    caches.keep(CachedManifest(stored), in: repository, since: generation)
    return (outcome.missing.count, outcome.heldChannels)
  }

  private static func missing(_ descriptors: [Descriptor], _ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .manifestBlobUnknown,
      "\(repository) does not have everything that this manifest names; push what is missing first, then the manifest",
      details: descriptors.prefix(100).map {
        ["digest": .string($0.digest.description), "mediaType": .string($0.mediaType.text)]
      })
  }

  private static func wrong(sizes descriptors: [Descriptor]) -> RegistryError {
    RegistryError(
      .manifestInvalid, "the manifest says another size of a blob than the blob has",
      details: descriptors.prefix(100).map {
        ["digest": .string($0.digest.description), "size": .integer($0.size)]
      })
  }

  public func manifestTooLarge() -> RegistryError {
    RegistryError(
      .sizeInvalid, "a manifest may have at most \(settings.manifestLimitBytes) bytes here (limits.manifest_bytes)")
  }

  /// A transaction that changes tags: what a rule refuses is `DENIED`.
  func writingTags<V: Sendable>(_ body: @escaping @Sendable (borrowing Transaction) throws -> V) async throws -> V {
    do {
      return try await database.write(body)
    } catch let refusal as TagRefusal {
      throw RegistryError(
        .denied, refusal.message, details: [["tag": .string(refusal.tag.text)]], refusedTag: refusal.tag)
    }
  }

  /// Deletes a tag; its manifest stays. Gone for every reader when this returns.
  public func deleteTag(_ tag: Tag, permit: Permit<Delete>) async throws {
    let repository = permit.repository
    let wasFound = Atomic<Bool>(false)
    let deleted = try await writingTags { transaction -> Bool in
      guard let id = try transaction.repository(named: repository) else { return wasFound.load(ordering: .relaxed) }
      // Before the rules are asked: who makes the tag an environment's holds the repository until it is.
      try transaction.lockRepository(id)
      try transaction.tagRules(of: repository).checkDeletion(of: tag)
      let row = RepositoryRow(id: id, name: repository)
      guard try transaction.deleteTag(tag, from: row, TagCause(.delete, by: permit.origin)) != nil else {
        return wasFound.load(ordering: .relaxed)
      }
      try transaction.recordDeletion("tag", "\(repository):\(tag)", permit)
      wasFound.store(true, ordering: .relaxed)
      return true
    }
    caches.tags.remove(TagKey(repository: repository, tag: tag))
    guard deleted else {
      throw RegistryError(.manifestUnknown, "\(repository) has no tag \(tag)", details: [["tag": .string(tag.text)]])
    }
  }

  /// Deletes a manifest and the tags that point to it. Gone for every reader when this returns; while the history of a tag
  /// holds it, it can be restored.
  ///
  /// What was found and is not there when the transaction is run again is gone as it should be: its commit had happened, and
  /// only the answer was lost.
  ///
  /// - Parameter forGood: history lets go of it too, and nothing can bring it back.
  public func deleteManifest(_ digest: Digest, forGood: Bool = false, permit: Permit<Delete>) async throws {
    let repository = permit.repository
    let lease = unreferencedLease
    let found = Mutex<DeletedManifest?>(nil)
    let deleted = try await writingTags { transaction -> DeletedManifest? in
      guard let id = try transaction.repository(named: repository) else { return found.withLock { $0 } }
      let row = RepositoryRow(id: id, name: repository)
      let keptUntil = transaction.now + lease
      let cause = TagCause(.delete, by: permit.origin)
      let gone =
        try forGood
        ? transaction.purgeManifest(digest, from: row, keptUntil: keptUntil, cause)
        : transaction.deleteManifest(digest, from: row, keptUntil: keptUntil, cause)
      guard let gone else { return found.withLock { $0 } }
      try transaction.recordDeletion(
        forGood ? "manifest for good" : "manifest", "\(repository)@\(digest)", permit, tags: gone.tags)
      found.withLock { $0 = gone }
      return gone
    }
    guard let deleted else {
      throw RegistryError(
        .manifestUnknown, "\(repository) has no manifest \(digest)", details: [["digest": .string(digest.description)]])
    }
    caches.forget(deleted, digest, in: repository)
  }
}
