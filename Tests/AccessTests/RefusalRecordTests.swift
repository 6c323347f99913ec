import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// Every refusal is a record, whoever refused.
@Suite struct `Refusals in the record` {
  private static func refusals(_ registry: ClosedRegistry, of actor: String) async throws -> [AuditRecord] {
    var filter = AuditFilter()
    filter.actor = actor
    filter.kind = "refusal"
    return try await registry.administration.auditRecords(
      filter, after: 0, newestFirst: false, limit: 100, by: registry.admin)
  }

  private static let otherManifest = Array(
    String(decoding: ClosedRegistry.manifest, as: UTF8.self).replacing("\"layers\":[]", with: "\"layers\":[ ]").utf8)

  @Test func `of an immutable tag are records of its repository, with the rule`() async throws {
    try await ClosedRegistry.withOne { registry in
      let rules = "/api/v1/namespaces/acme/rules/immutable"
      let set = try await registry.api("PUT", rules, as: ClosedRegistry.basic("owner"), #"{"value":["1"]}"#)
      #expect(set.status < 300, "\(set)")
      let header = ClosedRegistry.basic("maintainer")
      let push = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/1", as: header,
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(Self.otherManifest))
      #expect(push.status == 403, "\(push)")
      #expect(try await registry.ask("DELETE", "/v2/acme/api/manifests/1", as: header).status == 403)
      let found = try await Self.refusals(registry, of: "maintainer")
      #expect(found.map(\.target) == ["acme/api:1", "acme/api:1"])
      #expect(found.allSatisfy { $0.outcome == "refused" && $0.namespace == "acme" })
      #expect(found.allSatisfy { $0.detail.contains("is immutable") })
      #expect(found.first?.requestID == push.first("X-Request-ID"))
    }
  }

  @Test func `of a release are records with the names of the rules that were not met`() async throws {
    try await ClosedRegistry.withOne { registry in
      let environments = "/api/v1/namespaces/acme/environments"
      for body in [#"{"name":"staging"}"#, #"{"name":"production","requires":["staging"]}"#] {
        let made = try await registry.api("POST", environments, as: ClosedRegistry.basic("owner"), body)
        #expect(made.status == 201, "\(made)")
      }
      let asked = try await registry.api(
        "POST", "\(environments)/production/promotions", as: ClosedRegistry.basic("maintainer"),
        #"{"images":["acme/api:1"]}"#)
      #expect(asked.status == 409, "\(asked)")
      let record = try #require(try await Self.refusals(registry, of: "maintainer").first)
      #expect(record.namespace == "acme")
      #expect(record.target == "\(environments)/production/promotions")
      let told = asked.json["failures"]?.array?.compactMap { $0["rule"]?.string } ?? []
      #expect(!told.isEmpty)
      #expect(try JSONValue.parse(record.detail)["rules"]?.array?.compactMap(\.string) == Set(told).sorted())
    }
  }

  @Test func `of what is hidden are records, and of what is not there are none`() async throws {
    try await ClosedRegistry.withOne { registry in
      let stranger = ClosedRegistry.basic("stranger")
      let hidden = [
        "/api/v1/namespaces/acme", "/api/v1/namespaces/acme/robots", "/api/v1/namespaces/acme/environments",
        "/api/v1/namespaces/acme/rules", "/api/v1/repositories/acme/api/-/tags", "/v2/acme/api/tags/list",
      ]
      for path in hidden { #expect(try await registry.api("GET", path, as: stranger).status == 404, "\(path)") }
      let found = try await Self.refusals(registry, of: "stranger")
      let targets = hidden[..<4] + ["acme/api"]
      #expect(Set(found.map(\.target)) == Set(targets))
      #expect(found.allSatisfy { $0.outcome == "refused" && $0.namespace == "acme" })
      // Their owners read of it.
      let shown = try await registry.api(
        "GET", "/api/v1/audit?namespace=acme&actor=stranger", as: ClosedRegistry.basic("owner"))
      #expect(shown.json["items"]?.array?.count ?? 0 >= targets.count, "\(shown)")
      #expect(try await registry.api("GET", "/api/v1/namespaces/none", as: ClosedRegistry.admin).status == 404)
      #expect(try await Self.refusals(registry, of: "admin").isEmpty)
    }
  }
}
