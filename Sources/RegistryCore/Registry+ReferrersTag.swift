internal import Access
internal import BlobStorage
internal import Ground
internal import Logging
internal import Metadata
internal import OCI

// The index that a client without the referrers API looks for under the tag `<algorithm>-<hex>`. It is put together when it is
// asked for, so that it is in step with what was pushed and deleted, whoever wrote it.
//
// The API itself goes by the manifests' own subjects, as it must: an entry of such an index whose manifest names no subject
// is in the index alone.
//
// Source: distribution-spec, "Referrers Tag Schema", "Enabling the Referrers API".
extension Registry {
  /// What a referrers tag that nobody pushed answers, and what a digest does that such a tag was resolved to; nil where nothing
  /// refers to the digest, and for any other reference.
  func referrersList(_ reference: Reference, permit: Permit<Pull>) async throws -> CachedManifest? {
    switch reference {
    case .digest(let digest): try await referrersList(digest, permit: permit)
    case .tag(let tag): try await referrersList(tag, permit: permit)
    }
  }

  /// Put together again where another replica did it, or this one before it was restarted. Not found when what refers to the
  /// subject has changed since: the tag answers with another digest then.
  private func referrersList(_ digest: Digest, permit: Permit<Pull>) async throws -> CachedManifest? {
    let repository = permit.repository
    if let known = caches.lists.value(for: ManifestKey(repository: repository, digest: digest)) { return known }
    guard let tag = try await database.read({ try $0.referrersTag(ofList: digest, in: repository) }) else { return nil }
    do {
      let list = try await manifest(.tag(tag), permit: permit)
      return list.digest == digest ? list : nil
    } catch let error as RegistryError where error.code == .manifestUnknown {
      return nil
    }
  }

  private func referrersList(_ tag: Tag, permit: Permit<Pull>) async throws -> CachedManifest? {
    guard let list = ReferrersTag(tag) else { return nil }
    let repository = permit.repository
    let found = try await database.read { transaction in
      try transaction.referrers(list, in: repository, limitBytes: Manifest.sizeLimitBytes)
    }
    return found.isEmpty ? nil : await index(Listing.referrers(found), of: tag, in: repository)
  }

  /// What a referrers tag answers that a client has pushed: its entries as they are, without those whose manifests are gone,
  /// and after them the referrers that it does not name.
  ///
  /// - Returns: nil when `stored` is what is to be answered.
  func list(_ tag: Tag, over stored: StoredManifest, permit: Permit<Pull>) async throws -> CachedManifest? {
    guard stored.mediaType == .ociIndex, let list = ReferrersTag(tag),
      let pushed = try? stored.bytes.withUnsafeBytes({ try Manifest(parsing: $0, contentType: stored.mediaType) }),
      let document = try? stored.bytes.withUnsafeBytes({ try JSONValue.parse($0) }).object
    else { return nil }
    let repository = permit.repository
    let named = pushed.requiredManifests.map(\.digest)
    let known = Set(pushed.manifests.map(\.digest))
    let room = max(0, Manifest.sizeLimitBytes - stored.bytes.count)
    let (seen, added) = try await database.read { transaction in
      (
        try transaction.visibility(of: named, in: repository),
        try transaction.referrers(list, in: repository, besides: known, limitBytes: room)
      )
    }
    // A sparse index may name what never was here.
    let gone = Set(named.filter { !(seen[$0] ?? settings.acceptsSparseManifests) }.map(\.description))
    guard !gone.isEmpty || !added.isEmpty else { return nil }
    var answered = JSONObject()
    for member in document.members {
      guard member.key == "manifests" else {
        answered.append(member.key, member.value)
        continue
      }
      let kept = (member.value.array ?? []).filter { !gone.contains($0["digest"]?.string ?? "") }
      answered.append(member.key, .array(kept + added.map(\.json)))
    }
    return await index(JSONValue.object(answered).bytes, of: tag, in: repository, madeOf: stored.digest)
  }

  /// A list that is new to this process is noted by its digest, so that every replica can put it together.
  private func index(
    _ bytes: [UInt8], of tag: Tag, in repository: RepositoryName, madeOf source: Digest? = nil
  ) async -> CachedManifest {
    let digest = bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
    let isNoted = caches.lists.value(for: ManifestKey(repository: repository, digest: digest)) != nil
    let list = CachedManifest(StoredManifest(digest: digest, mediaType: .ociIndex, bytes: bytes), madeOf: source)
    caches.keep(list: list, in: repository)
    if isNoted { return list }
    do {
      try await database.write { try $0.noteReferrersList(digest, of: tag, in: repository) }
    } catch {
      // A database that takes no writes answers reads all the same; by its digest the list is found here alone.
      logger.info(
        "a list of referrers could not be noted", metadata: ["repository": "\(repository)", "cause": "\(error)"])
    }
    return list
  }
}

extension Reading where Self: ~Copyable {
  /// The referrers of a subject, without some that are known, as many as fit into so many bytes of an index.
  fileprivate func referrers(
    _ list: ReferrersTag, in repository: RepositoryName, besides known: Set<Digest> = [], limitBytes: Int
  ) throws -> [Descriptor] {
    guard let subject = try subject(beginningWith: list.digestPrefix, in: repository) else { return [] }
    var all: [Descriptor] = []
    var sizeBytes = 0
    var last: Digest?
    while true {
      let page = try referrers(
        of: subject, in: repository, artifactType: nil, after: last, limit: Registry.referrersPageLimit)
      for element in page where !known.contains(element.digest) {
        sizeBytes += Listing.referrers([element]).count
        guard sizeBytes <= limitBytes else { return all }
        all.append(element)
      }
      if page.count < Registry.referrersPageLimit { return all }
      last = page.last?.digest
    }
  }
}
