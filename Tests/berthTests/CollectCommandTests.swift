import BlobStorage
import Foundation
import Ground
import RegistryCore
import TestSupport
import Testing

@testable import Metadata
@testable import berth

/// `berth gc`, by hand.
@Suite struct `The command that collects` {
  private static let blob = SampleBlob(seed: 41, size: 300_000)
  private static let kept = SampleBlob(seed: 42, size: 500)

  /// Pushes one blob that nobody names and whose lease is over, and one whose is not.
  private static func fill(_ storage: Storage, _ settings: Settings) async throws {
    let registry = try await storage.registry(settings, logger: .silent)
    let client = try SimulatedClient(registry, "acme/api")
    try await client.upload(blob)
    registry.settings.lease = .seconds(3600)
    try await client.put(kept)
    try await storage.settle()
  }

  /// The files of a directory with their sizes; the database's own are looked at by their rows.
  private static func files(_ directory: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: directory).filter { !$0.hasPrefix("metadata.db") }.sorted()
  }

  @Test func `prints what it would free and changes nothing, beside a server too`() async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var settings = Settings()
    settings.storage.data = directory
    settings.collection.lease = .zero
    let storage = try await Storage(settings: settings)
    try await Self.fill(storage, settings)
    let before = (try Self.files(directory), try await storage.database.read { try $0.inventory() })
    for _ in 0..<2 {
      let lines = try await CollectCommand.plan(settings, nil)
      #expect(lines.contains { $0.contains("\(Self.blob.digest) in acme/api") }, "\(lines)")
      #expect(!lines.contains { $0.contains("\(Self.kept.digest)") }, "\(lines)")
      #expect(lines.contains("0 manifests, 1 blob, up to 293.0 KiB"), "\(lines)")
    }
    let after = (try Self.files(directory), try await storage.database.read { try $0.inventory() })
    #expect(before.0 == after.0)
    #expect(before.1 == after.1)
    await storage.close()
  }

  @Test(arguments: [false, true])
  func `frees it, says how much, and lets go of what it opened`(hasObjects: Bool) async throws {
    let directory = try temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var settings = Settings()
    settings.storage.data = directory
    settings.collection.lease = .zero
    if hasObjects {
      let bucket = try await ObjectStoreServer.shared().freshBucket()
      settings.storage.blobs = try BlobsURL(parsing: bucket.location)
      settings.s3.accessKeyID = bucket.accessKey
      settings.s3.secretAccessKey = bucket.secretKey
    }
    do {
      let storage = try await Storage(settings: settings)
      try await Self.fill(storage, settings)
      await storage.close()
    }
    #expect(try await CollectCommand.collect(settings, nil) == "freed 1 blob, 293.0 KiB, and 0 manifests")
    // Its connections are closed, and the directory is free for the next.
    #expect(try await CollectCommand.collect(settings, nil) == "freed 0 blobs, 0 B, and 0 manifests")
  }
}
