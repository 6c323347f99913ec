import BlobStorage
import Ground
import Metadata
import NIOCore
import OCI

/// Makes certain that a database and a store of bytes belong together: two replicas over one database that keep their blobs
/// in different places would each miss what the other has.
///
/// Both hold the same random name. The store gets it first, so a database that has one was used with a store that has it; what
/// holds another, or none, is refused.
struct StoreIdentity {
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }

  /// Of the object, the file and the row that hold it.
  static let name = Keepsake.storeID
  /// Of several replicas that start for the first time one joins the two; so long the others wait for it at the most.
  private static let term: Duration = .seconds(30)
  private static let lookInterval: Duration = .milliseconds(100)

  private let database: any Database
  /// Nil: the bytes are files of the directory.
  private let objects: S3Client?
  private let directory: String
  private let time: any TimeSource = SystemTime()

  init(_ database: any Database, _ objects: S3Client?, directory: String) {
    self.database = database
    self.objects = objects
    self.directory = directory
  }

  /// What a server would be refused for; nil: nothing.
  func problem() async throws -> Mismatch? {
    let (known, found) = (try await known(), try await read())
    return known == found ? nil : try await mismatch(known, found)
  }

  func verify(for purpose: Storage.Purpose) async throws {
    if let known = try await known(), try await read() == known { return }
    try await alone { try await join(for: purpose) }
  }

  /// Does something that no other replica does meanwhile.
  private func alone(_ body: () async throws -> Void) async throws {
    let holder = SystemRandom().hexadecimal(byteCount: 8)
    while true {
      let isOurs = try await database.write { transaction in
        try transaction.claimChore(Self.name, holder: holder, until: transaction.now + Self.term)
      }
      if isOurs { break }
      try await time.sleep(for: Self.lookInterval)
    }
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    try await database.write { transaction in
      try transaction.releaseChore(Self.name, holder: holder, nextAt: Timestamp(microseconds: 0))
    }
    try outcome.get()
  }

  private func join(for purpose: Storage.Purpose) async throws {
    let (known, found) = (try await known(), try await read())
    guard known != found else {
      if known == nil { try await begin() }
      return
    }
    // A first start that broke off between the two.
    if known == nil, let found, found == (try await keepsake(Keepsake.storeIDToBe)) { return try await keep(found) }
    let isAllowed =
      purpose == .rebuilding(takesOver: true) || (found == nil && purpose == .rebuilding(takesOver: false))
    guard isAllowed else { throw try await mismatch(known, found) }
    // The name of a store that is taken over stays: its database is lost, and nobody else has it.
    if let known { try await write(known) } else if let found { try await keep(found) }
  }

  private func begin() async throws {
    let fresh = Array(SystemRandom().hexadecimal(byteCount: 16).utf8)
    try await database.write { try $0.setKeepsake(Keepsake.storeIDToBe, fresh) }
    try await write(fresh)
    try await keep(fresh)
  }

  /// - Precondition: they differ.
  private func mismatch(_ known: [UInt8]?, _ found: [UInt8]?) async throws -> Mismatch {
    guard let found else {
      let inventory = try await database.read { try $0.inventory() }
      return Mismatch(
        description:
          "the database knows \(inventory.blobs) blobs, and \(place) was never used with it: is it the right one? "
          + "After a disaster `berth check --rebuild` joins the two")
    }
    let owner = known.map { "is \(Self.text($0))'s" } ?? "is nobody's yet"
    return Mismatch(
      description:
        "\(place) belongs to another registry (\(Self.text(found))) than the database, which \(owner): each needs a "
        + "bucket, prefix or directory of its own. Where that registry's database is lost, `berth check --rebuild "
        + "--take-over` makes the rows of its blobs anew")
  }

  /// The beginning of a name tells registries apart.
  private static func text(_ name: [UInt8]) -> String { String(decoding: name.prefix(8), as: UTF8.self) }

  private func known() async throws -> [UInt8]? { try await keepsake(Keepsake.storeID) }

  private func keepsake(_ name: String) async throws -> [UInt8]? {
    try await database.read { try $0.keepsake(name) }
  }

  private func keep(_ identity: [UInt8]) async throws {
    try await database.write { try $0.setKeepsake(Keepsake.storeID, identity) }
  }

  private var place: String {
    objects == nil ? "the data directory \(directory)" : "the object store at storage.blobs"
  }

  private func read() async throws -> [UInt8]? {
    guard let objects else { return LocalDisk.smallFile(directory + "/" + Self.name).map { Array($0.utf8) } }
    guard let size = try await objects.size(of: Self.name) else { return nil }
    guard size > 0, size <= 1024 else { return [] }
    var bytes: [UInt8] = []
    for try await chunk in try await objects.get(Self.name, ByteRange(first: 0, last: size - 1)) {
      bytes += Array(buffer: chunk)
    }
    return bytes
  }

  private func write(_ identity: [UInt8]) async throws {
    if let objects { return try await objects.put(ByteBuffer(bytes: identity), to: Self.name, sha256: nil) }
    let path = directory + "/" + Self.name
    let file = try LocalDisk().open(path, .create)
    try identity.withUnsafeBytes { try file.write($0, at: 0) }
    try file.sync()
    try LocalDisk().syncDirectory(directory)
  }
}
