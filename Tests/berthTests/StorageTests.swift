import BlobStorage
import Foundation
import Ground
import Logging
import RegistryCore
import TestSupport
import Testing

@testable import Metadata
@testable import berth

/// The parts are opened together, or it is said why not: what is opened wrongly would be emptied.
@Suite struct `The parts of a registry` {
  private static func settings(_ directory: String, database: String? = nil, blobs: String? = nil) throws -> Settings {
    var settings = Settings()
    settings.storage.data = directory
    settings.storage.database = try database.map { try DatabaseURL(parsing: $0) }
    settings.storage.blobs = try blobs.map { try BlobsURL(parsing: $0) }
    return settings
  }

  private static func open(_ settings: Settings, for purpose: Storage.Purpose = .serving) async throws {
    let storage = try await Storage(settings: settings, for: purpose)
    await storage.close()
  }

  private static func leaveBlob(in directory: String) throws {
    let name = String(repeating: "ab", count: 32)
    let shard = "\(directory)/blobs/sha256/ab"
    try FileManager.default.createDirectory(atPath: shard, withIntermediateDirectories: true)
    try Data("bytes".utf8).write(to: URL(fileURLWithPath: "\(shard)/\(name)"))
  }

  @Test func `are not made anew beside blobs whose database is gone`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let settings = try Self.settings(directory)
    try Self.leaveBlob(in: directory)
    for purpose in [Storage.Purpose.serving, .examining] {
      await #expect(throws: DataDirectory.Unusable.self) { try await Self.open(settings, for: purpose) }
      // Who only looks leaves nothing.
      let left = try FileManager.default.contentsOfDirectory(atPath: directory)
      #expect(Set(left).subtracting(["lock"]) == ["blobs"], "\(left)")
    }
    // An empty file is what a copy leaves that broke off.
    try Data().write(to: URL(fileURLWithPath: directory + "/metadata.db"))
    await #expect(throws: DataDirectory.Unusable.self) { try await Self.open(settings) }
    try await Self.open(settings, for: .rebuilding(takesOver: false))
    try await Self.open(settings)
  }

  @Test func `are examined where they are, and nowhere made by it`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let nowhere = try Self.settings(directory + "/none")
    await #expect(throws: DataDirectory.Unusable.self) { try await Self.open(nowhere, for: .examining) }
    #expect(!FileManager.default.fileExists(atPath: directory + "/none"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: directory + "/file"))
    await #expect(throws: DataDirectory.Unusable.self) { try await Self.open(try Self.settings(directory + "/file")) }
    try await Self.open(nowhere)
    try await Self.open(nowhere, for: .examining)
  }

  @Test func `belong together from the first start on`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let database = try await PostgresServer.shared().freshDatabase()
    let here = try Self.settings(directory + "/here", database: database)
    try await Self.open(here)
    // No blob is there yet, and yet another place is not the same registry.
    let elsewhere = try Self.settings(directory + "/elsewhere", database: database)
    for purpose in [Storage.Purpose.serving, .examining] {
      await #expect(throws: StoreIdentity.Mismatch.self) { try await Self.open(elsewhere, for: purpose) }
    }
    let other = try await PostgresServer.shared().freshDatabase()
    let stranger = try Self.settings(directory + "/here", database: other)
    for purpose in [Storage.Purpose.serving, .rebuilding(takesOver: false)] {
      await #expect(throws: StoreIdentity.Mismatch.self) { try await Self.open(stranger, for: purpose) }
    }
    try await Self.open(here)
    // Its database is lost: the store's name is taken over, and stays.
    try await Self.open(stranger, for: .rebuilding(takesOver: true))
    try await Self.open(stranger)
    try await Self.open(here)
  }

  @Test func `are joined by the next start where the first broke off between them`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let url = try await PostgresServer.shared().freshDatabase()
    let here = try Self.settings(directory + "/here", database: url)
    try await Self.open(here)
    let database = try await PostgresDatabase(PostgresSettings(url: url))
    try await database.write { _ = try $0.execute("DELETE FROM keepsake WHERE name = 'store-id'") }
    try await Self.open(here)
    // Elsewhere it begins anew, and what was named before is another's.
    try await database.write { _ = try $0.execute("DELETE FROM keepsake WHERE name = 'store-id'") }
    try await Self.open(try Self.settings(directory + "/there", database: url))
    await #expect(throws: StoreIdentity.Mismatch.self) { try await Self.open(here) }
  }

  @Test func `are joined once by replicas that start together`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let bucket = try await ObjectStoreServer.shared().freshBucket()
    var settings = try Self.settings(
      directory, database: try await PostgresServer.shared().freshDatabase(), blobs: bucket.location)
    settings.s3.accessKeyID = bucket.accessKey
    settings.s3.secretAccessKey = bucket.secretKey
    settings.database.connections = 3
    let all = settings
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 { group.addTask { try await Self.open(all) } }
      try await group.waitForAll()
    }
    try await Self.open(all)
  }

  @Test func `keep bytes without a row for a week`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let storage = try await Storage(settings: try Self.settings(directory))
    try Self.leaveBlob(in: directory)
    let registry = try await storage.registry(try Self.settings(directory), logger: .silent)
    func sweep() async throws -> Int {
      try await registry.removeOrphans(try await storage.store.list(after: nil, limit: 10)).blobs
    }
    #expect(try await sweep() == 0)
    let file = "\(directory)/blobs/sha256/ab/" + String(repeating: "ab", count: 32)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -8 * 86_400)], ofItemAtPath: file)
    #expect(try await sweep() == 1)
    await storage.close()
  }
}
