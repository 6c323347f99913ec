import OCI
import TestSupport
import Testing

@testable import Metadata

/// Invariant I6: every change of what a tag points to is an event in the same transaction.
@Suite struct `Tag events` {
  private struct Event: Equatable {
    let tag, kind: String
    let from, to: String?
  }

  private func events(_ database: SQLiteDatabase) async throws -> [Event] {
    try await database.read { transaction in
      try transaction.all("SELECT tag, kind, from_digest, to_digest FROM tag_event ORDER BY id") {
        Event(tag: $0.text(0), kind: $0.text(1), from: $0.optionalText(2), to: $0.optionalText(3))
      }
    }
  }

  private static func index(_ annotation: String) throws -> ManifestRecord {
    let text =
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"#
      + #""annotations":{"a":"\#(annotation)"}}"#
    let bytes = Array(text.utf8)
    let manifest = try bytes.withUnsafeBytes { try Manifest(parsing: $0, contentType: .ociIndex) }
    let hex = String(repeating: annotation == "one" ? "1" : "2", count: 64)
    return ManifestRecord(digest: try Digest(parsing: "sha256:\(hex)"), manifest: manifest, bytes: bytes)
  }

  @Test func `tell of each creation, move and deletion, and of nothing else`() async throws {
    let database = try SQLiteDatabase.inMemory()
    let name = try RepositoryName(parsing: "acme/api")
    let tag = try Tag(parsing: "v1")
    let (one, two) = (try Self.index("one"), try Self.index("two"))
    for record in [one, one, two] {
      try await database.write { transaction in
        _ = try transaction.push(record, to: name, tags: [tag], allowsMissing: false, .test(.push))
      }
    }
    let deleted = try await database.write { transaction in
      let row = RepositoryRow(id: try transaction.ensureRepository(name), name: name)
      return try transaction.deleteManifest(two.digest, from: row, keptUntil: transaction.now, .test(.delete))
    }
    #expect(deleted?.tags == [tag])
    let (first, second) = (one.digest.description, two.digest.description)
    #expect(
      try await events(database) == [
        Event(tag: "v1", kind: "push", from: nil, to: first), Event(tag: "v1", kind: "push", from: first, to: second),
        Event(tag: "v1", kind: "delete", from: second, to: nil),
      ])
    #expect(try await database.read { try $0.inconsistencies(limit: 10) }.isEmpty)
  }

  @Test func `are not kept of a push that fails`() async throws {
    let database = try SQLiteDatabase.inMemory()
    let name = try RepositoryName(parsing: "acme/api")
    let record = try Self.index("one")
    struct Refusal: Error {}
    await #expect(throws: Refusal.self) {
      try await database.write { transaction in
        let tag = try Tag(parsing: "v1")
        _ = try transaction.push(record, to: name, tags: [tag], allowsMissing: false, .test(.push))
        throw Refusal()
      }
    }
    #expect(try await events(database).isEmpty)
  }
}
