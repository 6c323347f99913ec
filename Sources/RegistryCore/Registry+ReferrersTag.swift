internal import Access
internal import BlobStorage
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
  /// What a referrers tag that nobody pushed answers; nil where nothing refers to the digest, and for any other reference.
  func referrersList(_ reference: Reference, permit: Permit<Pull>) async throws -> CachedManifest? {
    guard case .tag(let tag) = reference, let list = ReferrersTag(tag) else { return nil }
    let repository = permit.repository
    let found = try await database.read { transaction in
      try transaction.referrers(list, in: repository, limitBytes: Manifest.sizeLimitBytes)
    }
    return found.isEmpty ? nil : index(Listing.referrers(found), in: repository)
  }

  /// What a referrers tag answers that a client has pushed: its entries as they are, without those whose manifests are gone,
  /// and after them the referrers that it does not name.
  ///
  /// - Returns: nil when `stored` is what is to be answered.
  func list(
    _ list: ReferrersTag, over stored: StoredManifest, permit: Permit<Pull>
  ) async throws -> CachedManifest? {
    guard stored.mediaType == .ociIndex,
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
    return index(JSONValue.object(answered).bytes, in: repository, madeOf: stored.digest)
  }

  private func index(_ bytes: [UInt8], in repository: RepositoryName, madeOf source: Digest? = nil) -> CachedManifest {
    let digest = bytes.withUnsafeBytes { Digest.computing(.sha256, over: $0) }
    let list = CachedManifest(StoredManifest(digest: digest, mediaType: .ociIndex, bytes: bytes), madeOf: source)
    caches.keep(list: list, in: repository)
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
