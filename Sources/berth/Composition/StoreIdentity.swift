import BlobStorage
import Ground
import Metadata
import NIOCore
import OCI

/// Makes certain that a database and a store of bytes belong together: two replicas over one database that keep their blobs
/// in different places would each miss what the other has.
///
/// Both hold the same random name. What is new gets it; what holds another is refused.
struct StoreIdentity {
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }

  private static let name = Keepsake.storeID

  private let storage: Storage
  private let directory: String

  init(_ storage: Storage, directory: String) {
    self.storage = storage
    self.directory = directory
  }

  func verify(adopts: Bool) async throws {
    // Both in one directory, which is locked: there is nothing to confuse.
    if case .sqlite = storage.databasePart, case .files = storage.blobPart { return }
    let expected = try await identity()
    let found = try await read()
    if found == expected { return }
    let inventory = try await storage.database.read { try $0.inventory() }
    if found == nil, inventory.blobs == 0 || adopts { return try await write(expected) }
    if adopts { return try await write(expected) }
    throw Mismatch(
      description: found == nil
        ? "the database knows \(inventory.blobs) blobs, and \(place) was never used with it: is it the right one? "
          + "After a disaster `berth check --rebuild` joins the two"
        : "\(place) belongs to another registry than the database: each needs a bucket, prefix or directory of its own")
  }

  private func identity() async throws -> [UInt8] {
    if let known = try await storage.database.read({ try $0.keepsake(Keepsake.storeID) }) { return known }
    let fresh = Array(SystemRandom().hexadecimal(byteCount: 16).utf8)
    return try await storage.database.write { try $0.keepsake(Keepsake.storeID, makingWith: fresh) }
  }

  private var place: String {
    switch storage.blobPart {
    case .files: "the data directory \(directory)"
    case .objects: "the object store at storage.blobs"
    }
  }

  private func read() async throws -> [UInt8]? {
    switch storage.blobPart {
    case .files: return LocalDisk.smallFile(directory + "/" + Self.name).map { Array($0.utf8) }
    case .objects(_, let client):
      guard let size = try await client.size(of: Self.name) else { return nil }
      guard size > 0, size <= 1024 else { return [] }
      var bytes: [UInt8] = []
      for try await chunk in try await client.get(Self.name, ByteRange(first: 0, last: size - 1)) {
        bytes += Array(buffer: chunk)
      }
      return bytes
    }
  }

  private func write(_ identity: [UInt8]) async throws {
    switch storage.blobPart {
    case .objects(_, let client): try await client.put(ByteBuffer(bytes: identity), to: Self.name, sha256: nil)
    case .files:
      let path = directory + "/" + Self.name
      let file = try LocalDisk().open(path, .create)
      try identity.withUnsafeBytes { try file.write($0, at: 0) }
      try file.sync()
      try LocalDisk().syncDirectory(directory)
    }
  }
}
