internal import Access
public import BlobStorage
internal import Ground
public import Metadata
internal import OCI

// Collection (invariant I3): claim in a transaction that sees no reference and no lease → unlink and sync → delete the row.
// The gate keeps publishers of the same digest out meanwhile. Everything here is done in small batches, so that nobody who
// pushes waits for more than one of them.
extension Registry {
  /// Manifests that no tag, index or subject has named since `age` ago.
  public func idleManifests(olderThan age: Duration, limit: Int) async throws -> [IdleManifest] {
    try await database.read { try $0.idleManifests(before: $0.now - age, limit: limit) }
  }

  /// Manifests that are deleted for every reader, and that history needs no more.
  public func forgottenManifests(limit: Int) async throws -> [IdleManifest] {
    try await database.read { try $0.forgottenManifests(limit: limit) }
  }

  public func idleLinks(limit: Int) async throws -> [IdleLink] {
    try await database.read { try $0.idleLinks(limit: limit) }
  }

  public func unlinkedBlobs(limit: Int) async throws -> [BlobRow] {
    try await database.read { try $0.unlinkedBlobs(limit: limit) }
  }

  /// Deletes those of `manifests` that are still idle. Answers how many.
  ///
  /// - Parameter age: since when nothing names them; nil: they are forgotten ones.
  public func collect(manifests: [IdleManifest], olderThan age: Duration?) async throws -> Int {
    let lease = unreferencedLease
    let deleted = try await database.write { transaction in
      var deleted: [(IdleManifest, DeletedManifest)] = []
      // In the order in which locks are taken.
      for manifest in manifests.sorted(by: { $0.repository.value < $1.repository.value }) {
        let gone = try transaction.collectManifest(
          manifest, age.map { .unnamed(since: transaction.now - $0) } ?? .forgotten, keptUntil: transaction.now + lease)
        if let gone { deleted.append((manifest, gone)) }
      }
      return deleted
    }
    for (manifest, gone) in deleted { caches.forget(gone, manifest.digest, in: manifest.name) }
    return deleted.count
  }

  /// Drops those of `links` that are still unreferenced and past their lease. Answers how many.
  public func collect(links: [IdleLink]) async throws -> Int {
    let dropped = try await database.write { transaction in
      try links.sorted { $0.digest < $1.digest }.filter { try transaction.dropIdleLink($0) }
    }
    for link in dropped { caches.links.remove(LinkKey(repository: link.name, digest: link.digest)) }
    return dropped.count
  }

  /// Removes those of `blobs` that are still unlinked and past their lease. Answers what was freed.
  public func collect(blobs: [BlobRow]) async throws -> (blobs: Int, bytes: Int64) {
    let shut = blobs.filter { gate.claim($0.digest) }
    defer { for blob in shut { gate.release(blob.digest) } }
    let claimed = try await database.write { transaction in
      try shut.filter { try transaction.claimBlob($0) }
    }
    guard !claimed.isEmpty else { return (0, 0) }
    try await remove(claimed)
    return (claimed.count, claimed.reduce(0) { $0 + $1.sizeBytes })
  }

  /// Removes claimed blobs and their rows. One that cannot be removed does not keep the others; it stays claimed, and is
  /// tried again with the next plan.
  private func remove(_ claimed: [BlobRow]) async throws {
    do {
      return try await removeTogether(claimed)
    } catch  where claimed.count > 1 {
      var failure: (any Error)?
      for row in claimed {
        do { try await removeTogether([row]) } catch { failure = failure ?? error }
      }
      if let failure { throw failure }
    }
  }

  private func removeTogether(_ claimed: [BlobRow]) async throws {
    try await store.remove(claimed.map(\.stored))
    for row in claimed { caches.smallBlobs.remove(row.digest) }
    try await database.write { transaction in
      for row in claimed { try transaction.deleteClaimedBlob(row) }
    }
  }

  /// Ends removals that were claimed by a process that is no more.
  func finishInterruptedRemovals() async throws {
    let claimed = try await database.read { try $0.claimedBlobs() }
    if !claimed.isEmpty { try await remove(claimed) }
  }

  /// Removes bytes that no row names (invariant I4), of those given. Answers what was freed.
  public func removeOrphans(_ found: [ListedBlob]) async throws -> (blobs: Int, bytes: Int64) {
    let placed = try await removeUnknownPlaces(found.filter { $0.place != nil })
    let named = try await removeUnknownNames(found.filter { $0.place == nil })
    return (placed.blobs + named.blobs, placed.bytes + named.bytes)
  }

  /// A crash leaves a file or two without a row. Very many are the sign of a database that was restored and is older than they:
  /// there is time to notice.
  static let orphanAge: Duration = .seconds(7 * 86_400)

  /// Under a digest: one at a time, inside its gate.
  private func removeUnknownNames(_ found: [ListedBlob]) async throws -> (blobs: Int, bytes: Int64) {
    var freed: (blobs: Int, bytes: Int64) = (0, 0)
    let limit = database.now - Self.orphanAge
    for blob in found where blob.writtenAt.map({ $0 < limit }) ?? true {
      // A publisher whose bytes have their name and whose row is not yet committed is inside the gate.
      guard let digest = blob.digest, gate.claim(digest) else { continue }
      defer { gate.release(digest) }
      guard try await database.read({ try $0.blob(digest) }) == nil else { continue }
      try await store.remove(orphans: [blob])
      freed = (freed.blobs + 1, freed.bytes + blob.sizeBytes)
    }
    return freed
  }

  /// Gives up those of a page of unfinished objects that no upload names and that are too old to be gone on with. Answers how
  /// many, and where the next page begins.
  public func abandonUnfinished(
    after marker: UnfinishedPage.Marker?, limit: Int
  ) async throws -> (count: Int, next: UnfinishedPage.Marker?, failure: (any Error)?) {
    let oldest = database.now - Self.garbageAge
    let page = try await store.unfinished(after: marker, limit: limit)
    let old = page.objects.filter { object in
      StoredBlob.time(ofPlace: object.place).map { Timestamp(microseconds: $0) < oldest } ?? false
    }
    guard !old.isEmpty else { return (0, page.next, nil) }
    let places = old.map(\.place)
    let known = try await database.read { try $0.knownPlaces(places) }
    let abandoned = old.filter { !known.contains($0.place) }
    do { try await store.abandon(abandoned) } catch { return (0, page.next, error) }
    return (abandoned.count, page.next, nil)
  }

  /// At a place of its own: one that no row names and that is too old to be recorded any more stays without one for ever.
  private func removeUnknownPlaces(_ found: [ListedBlob]) async throws -> (blobs: Int, bytes: Int64) {
    let limit = database.now - Self.garbageAge
    let old = found.filter { blob in
      blob.place.flatMap { StoredBlob.time(ofPlace: $0) }.map { Timestamp(microseconds: $0) < limit } ?? false
    }
    guard !old.isEmpty else { return (0, 0) }
    let places = old.compactMap(\.place)
    let known = try await database.read { try $0.knownPlaces(places) }
    let orphans = old.filter { blob in blob.place.map { !known.contains($0) } ?? false }
    guard !orphans.isEmpty else { return (0, 0) }
    try await store.remove(orphans: orphans)
    return (orphans.count, orphans.reduce(0) { $0 + $1.sizeBytes })
  }
}
