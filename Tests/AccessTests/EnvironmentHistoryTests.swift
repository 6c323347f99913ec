import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// What ran, and the way back to it.
extension `An environment` {
  @Test func `waits with going back too where it is told to, and no longer when it is not`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.make(
        "production", #","approvals":1,"approvers":["owner"],"rollbackNeedsApproval":true"#, registry)
      for version in 1...2 {
        let asked = try await Self.promote(Self.images(version), to: "production", on: registry)
        #expect(asked.json["outcome"]?.string == "pending")
        let agreed = try await Self.post("production/releases/\(version)/approve", by: "owner", on: registry)
        #expect(agreed.json["state"]?.string == "applied", "\(agreed)")
      }
      let back = try await Self.post("production/rollback", on: registry)
      #expect(back.json["outcome"]?.string == "pending", "\(back)")
      #expect(back.json["release"]?["kind"]?.string == "rollback")
      #expect(try await Self.running("production", registry) == Self.version(2))
      #expect(try await Self.post("production/releases/3/approve", on: registry).status == 403)
      let agreed = try await Self.post("production/releases/3/approve", by: "owner", on: registry)
      #expect(agreed.json["state"]?.string == "applied", "\(agreed)")
      #expect(try await Self.running("production", registry) == Self.version(1))
      let changed = try await registry.api(
        "PATCH", "\(Self.base)/production", as: ClosedRegistry.basic("owner"), #"{"rollbackNeedsApproval":false}"#)
      #expect(changed.status == 200, "\(changed)")
      let forth = try await Self.post("production/rollback", #"{"release":2}"#, on: registry)
      #expect(forth.json["outcome"]?.string == "released", "\(forth)")
      #expect(try await Self.running("production", registry) == Self.version(2))
      try await Self.expectConsistent(registry)
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `tells what ran between two releases, also of a repository that only the first changed`(
    kind: TestInstallation.Kind
  ) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.populate(registry)
      try await Self.make("production", "", registry)
      #expect(try await Self.promote(Self.images(1), to: "production", on: registry).status == 200)
      #expect(try await Self.promote(["acme/api:2.0.0"], to: "production", on: registry).status == 200)
      #expect(try await Self.post("production/rollback", on: registry).status == 200)
      let core = registry.server.registry
      let actor = try await registry.server.access.policy.releaseActor(in: "acme", for: registry.admin)
      let production = try OCI.Tag(parsing: "production")
      // Exact moments: the API shows whole milliseconds, in which several releases may be.
      let moments = try await core.database.read {
        try $0.tagEvents(.tag(RepositoryName(parsing: "acme/api"), production), limit: 10)
      }.reversed().map(\.at)
      try #require(moments.count == 3)
      func ran(_ moment: Timestamp) async throws -> (release: Int64?, images: [String: String]) {
        let state = try await core.environment(production, asOf: moment, by: actor)
        return (
          state.effective,
          Dictionary(state.images.map { ($0.repository.name.text, $0.digest.description) }) { first, _ in first }
        )
      }
      var second = Self.version(1)
      second["acme/api"] = Self.digest("acme/api 2")
      for (moment, expected) in zip(moments, [(1, Self.version(1)), (2, second), (1, Self.version(1))]) {
        let found = try await ran(moment)
        #expect(found.release == Int64(expected.0) && found.images == expected.1)
      }
      // Just before a release what ran before it runs still.
      #expect(try await ran(moments[1] - .microseconds(1)).images == Self.version(1))
      #expect(try await ran(moments[2] - .microseconds(1)).images == second)
      await #expect(throws: AdministrationError.self) { try await ran(moments[0] - .microseconds(1)) }
    }
  }

  @Test func `has no release of any number but those that it has, and says so of the highest number too`() async throws
  {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.make("production", "", registry)
      #expect(try await Self.promote(Self.images(1), to: "production", on: registry).status == 200)
      for number in [0, 2, -1, Int64.max, Int64.min] {
        for (method, end) in [("GET", ""), ("POST", "/approve"), ("POST", "/withdraw"), ("POST", "/end")] {
          let asked = try await registry.api(
            method, "\(Self.base)/production/releases/\(number)\(end)", as: ClosedRegistry.basic("maintainer"),
            method == "POST" ? "{}" : nil)
          #expect(asked.status == 404, "\(asked)")
          #expect(asked.json["detail"]?.string == "production has no release \(number)")
        }
      }
      let first = try await registry.api(
        "GET", "\(Self.base)/production/releases/1", as: ClosedRegistry.basic("reader"))
      #expect(first.json["number"]?.integer == 1 && first.json["images"]?.array?.count == 3, "\(first)")
    }
  }

  @Test func `is told nothing that it would not mind: rings of requirements, time zones of freezes`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make("test", "", registry)
      try await Self.make("staging", #","requires":["test"]"#, registry)
      try await Self.make("production", #","requires":["staging"]"#, registry)
      func change(_ name: String, _ json: String) async throws -> RawResponse {
        try await registry.api("PATCH", "\(Self.base)/\(name)", as: ClosedRegistry.basic("owner"), json)
      }
      for name in ["staging", "production"] {
        let ring = try await change("test", #"{"requires":["\#(name)"]}"#)
        #expect(ring.status == 400, "\(ring)")
        #expect(ring.json["detail"]?.string?.contains("requires test") ?? false, "\(ring)")
      }
      let zone = #"{"freezes":[{"days":["fri"],"from":"16:00","to":"24:00","timezone":"Europe/Berlin"}]}"#
      let refused = try await change("test", zone)
      #expect(refused.status == 400 && refused.json["detail"]?.string?.contains("timezone") ?? false, "\(refused)")
      #expect(try await change("test", #"{"requires":[],"approvals":1}"#).status == 200)
      // No ring: two ways to the same.
      #expect(try await change("production", #"{"requires":["staging","test"]}"#).status == 200)
    }
  }
}
