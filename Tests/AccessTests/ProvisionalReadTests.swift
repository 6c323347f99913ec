import Ground
import HTTPService
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Reads that begin by what memory knows, while another replica has changed rights, which this one is not told.
@Suite struct `A read that begins by what is remembered of rights` {
  private static let pause = AccessMemory.bound + .milliseconds(1)

  @Test func `is refused to who has lost them, also where what it meets is damaged`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(over: .postgresAndFiles, time: clock) { registry in
      let database = registry.server.registry.database
      let referrer =
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ClosedRegistry.configDigest)","size":2},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(ClosedRegistry.manifestDigest)","size":\#(ClosedRegistry.manifest.count)},"annotations":{"note":"x"}}"#
      let pushed = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/referrer", as: ClosedRegistry.basic("writer"),
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(Array(referrer.utf8)))
      try #require(pushed.status == 201, "\(pushed)")
      func read() async throws -> RawResponse {
        try await registry.ask(
          "GET", "/v2/acme/api/referrers/\(ClosedRegistry.manifestDigest)", as: ClosedRegistry.basic("reader"))
      }
      #expect(try await read().status == 200)
      try await database.tamper("UPDATE manifest SET annotations = 'not JSON' WHERE annotations IS NOT NULL")
      #expect(try await read().status == 500)
      let grants = try await registry.administration.grants(on: "acme", after: 0, limit: 10, by: registry.admin)
      let grant = try #require(grants.first { $0.account == "reader" })
      try await database.write { try $0.deleteGrant(grant.id) }
      clock.advance(by: Self.pause)
      let refused = try await read()
      #expect(refused.status == 404 && refused.errorCode == "NAME_UNKNOWN", "\(refused)")
    }
  }

  @Test func `counts once for the rate of its account when rights have changed`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(over: .postgresAndFiles, time: clock) { registry in
      let database = registry.server.registry.database
      func status() async throws -> Int {
        try await registry.ask("GET", "/v2/acme/api/manifests/1", as: ClosedRegistry.basic("reader")).status
      }
      #expect(try await status() == 200)
      var settings = registry.server.server.settings
      settings.accountRate = 1
      registry.server.server.settings = settings
      // As many as may come at once.
      for _ in 0..<10 {
        try await database.write { try $0.accessChanges() }
        clock.advance(by: Self.pause)
        #expect(try await status() == 200)
      }
    }
  }
}
