import BlobStorage
import Ground
import Metadata
import OCI
import Upkeep

/// Makes the rows of blobs anew from what lies in the store alone (docs/decisions/0012).
///
/// A blob that has a row keeps it. Which repositories had a blob is not written in the store: the rows come without a
/// repository and with a lease, so that whoever pushes or mounts again finds the bytes there.
struct Rebuild {
  private let storage: Storage
  private let lease: Duration

  init(_ storage: Storage, leasedFor lease: Duration) {
    self.storage = storage
    self.lease = lease
  }

  func run() async throws {
    var last: String?
    var progress = Progress()
    var (seen, found) = (0, 0)
    while true {
      let page = try await storage.store.list(after: last, limit: CheckCommand.pageLimit)
      let places = page.compactMap(\.place)
      let known = try await storage.database.read { try $0.knownPlaces(places) }
      for blob in page {
        if try await record(blob, isKnown: blob.place.map { known.contains($0) } ?? false) { found += 1 }
        seen += 1
        progress.show("\(seen) read, \(found) recorded")
      }
      guard page.count == CheckCommand.pageLimit else { break }
      last = page.last?.name
    }
    progress.clear()
    print("\(seen) blobs in the store, \(found) of them recorded anew")
  }

  /// Answers whether a row was made.
  private func record(_ blob: ListedBlob, isKnown: Bool) async throws -> Bool {
    if isKnown { return false }
    if let digest = blob.digest {
      // A file's name is a claim.
      guard try await self.digest(of: blob, as: digest) == digest else { return false }
      return try await insert(digest, blob)
    }
    // One object serves the clients of either algorithm; nearly all use the first.
    let zero = try Digest(parsing: "sha256:" + String(repeating: "0", count: 64))
    return try await insert(try await digest(of: blob, as: zero), blob)
  }

  private func insert(_ digest: Digest, _ blob: ListedBlob) async throws -> Bool {
    let lease = lease
    return try await storage.database.write { transaction in
      try transaction.recordFoundBlob(
        digest, sizeBytes: blob.sizeBytes, place: blob.place, leasedUntil: transaction.now + lease)
    }
  }

  private func digest(of blob: ListedBlob, as named: Digest) async throws -> Digest {
    let stored = StoredBlob(digest: named, sizeBytes: blob.sizeBytes, place: blob.place)
    return try await Scrub(store: storage.store, rateBytes: 0)
      .digest(of: try await storage.store.openForExamination(stored), named.algorithm)
  }
}
