import Foundation
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Releases to environments, over the API as people and CI use it.
@Suite struct `An environment` {
  static let base = "/api/v1/namespaces/acme/environments"
  static let repositories = ["acme/api", "acme/web", "acme/db"]

  static func manifest(_ note: String) -> [UInt8] {
    Array(
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(ClosedRegistry.configDigest)","size":2},"layers":[],"annotations":{"note":"\#(note)"}}"#
        .utf8)
  }

  static func digest(_ note: String) -> String { Digest.ofTest(manifest(note)).description }

  @discardableResult
  static func push(
    _ note: String, to repository: String, as tag: String, _ registry: ClosedRegistry
  ) async throws -> RawResponse {
    _ = try await registry.ask(
      "POST", "/v2/\(repository)/blobs/uploads/?digest=\(ClosedRegistry.configDigest)", as: ClosedRegistry.admin,
      body: .bytes(ClosedRegistry.config))
    return try await registry.ask(
      "PUT", "/v2/\(repository)/manifests/\(tag)", as: ClosedRegistry.admin,
      [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(manifest(note)))
  }

  /// Versions 1 to 3 in three repositories.
  static func populate(_ registry: ClosedRegistry) async throws {
    for version in 1...3 {
      for repository in repositories {
        try await push("\(repository) \(version)", to: repository, as: "\(version).0.0", registry)
      }
    }
  }

  static func make(_ name: String, _ settings: String, _ registry: ClosedRegistry) async throws {
    let made = try await registry.api(
      "POST", base, as: ClosedRegistry.basic("owner"), #"{"name":"\#(name)"\#(settings)}"#)
    #expect(made.status == 201, "\(made)")
  }

  static func promote(
    _ images: [String], to name: String, _ more: String = "", key: String? = nil, by user: String = "maintainer",
    on registry: ClosedRegistry
  ) async throws -> RawResponse {
    let list = images.map { "\"\($0)\"" }.joined(separator: ",")
    let key = key.map { [("Idempotency-Key", $0)] } ?? []
    return try await registry.ask(
      "POST", "\(base)/\(name)/promotions", as: ClosedRegistry.basic(user),
      [("Content-Type", "application/json")] + key,
      body: .text(#"{"images":[\#(list)]\#(more)}"#))
  }

  static func post(
    _ path: String, _ body: String = "{}", by user: String = "maintainer", on registry: ClosedRegistry
  ) async throws -> RawResponse {
    try await registry.api("POST", "\(base)/\(path)", as: ClosedRegistry.basic(user), body)
  }

  /// What runs, by repository, as the API and as the tags tell it: they must agree.
  static func running(_ name: String, _ registry: ClosedRegistry) async throws -> [String: String] {
    let shown = try await registry.api("GET", "\(base)/\(name)", as: ClosedRegistry.basic("reader"))
    var found: [String: String] = [:]
    for image in shown.json["images"]?.array ?? [] {
      found[image["repository"]?.string ?? ""] = image["digest"]?.string
    }
    for repository in repositories {
      let pulled = try await registry.ask(
        "GET", "/v2/\(repository)/manifests/\(name)", as: ClosedRegistry.basic("reader"))
      #expect(found[repository] == pulled.first("Docker-Content-Digest"))
    }
    return found
  }

  static func version(_ version: Int) -> [String: String] {
    Dictionary(uniqueKeysWithValues: repositories.map { ($0, digest("\($0) \(version)")) })
  }

  static func images(_ version: Int) -> [String] { repositories.map { "\($0):\(version).0.0" } }

  static func expectConsistent(_ registry: ClosedRegistry) async throws {
    let found = try await registry.server.registry.database.read { try $0.inconsistencies(limit: 10) }
    #expect(found.isEmpty, "\(found)")
  }

  @Test func `needs the namespace in which it is made`() async throws {
    try await ClosedRegistry.withOne { registry in
      let path = "/api/v1/namespaces/nope/environments"
      let made = try await registry.api("POST", path, as: ClosedRegistry.admin, #"{"name":"production"}"#)
      #expect(made.status == 404)
      #expect(made.json["detail"]?.string == "there is no namespace nope, or you may not see it")
      #expect(try await registry.api("GET", path, as: ClosedRegistry.admin).status == 404)
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `moves three repositories as one, and goes back in one step, as often as there is a before`(
    kind: TestInstallation.Kind
  ) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.populate(registry)
      try await Self.make("production", "", registry)
      for version in 1...3 {
        let done = try await Self.promote(
          Self.images(version), to: "production", #","reason":"version \#(version)""#, on: registry)
        #expect(done.status == 200, "\(done)")
        #expect(try await Self.running("production", registry) == Self.version(version))
      }
      // What it runs cannot be changed by hand.
      #expect(try await Self.push("x", to: "acme/api", as: "production", registry).status == 403)
      let byHand = "/v2/acme/api/manifests/\(Self.digest("acme/api 3"))"
      #expect(try await registry.ask("DELETE", byHand, as: ClosedRegistry.basic("owner")).status == 403)
      // An image that it ran before may be deleted, and comes back with the way back.
      let old = "/v2/acme/web/manifests/\(Self.digest("acme/web 2"))"
      #expect(try await registry.ask("DELETE", old, as: ClosedRegistry.basic("owner")).status == 202)
      #expect(try await Self.post("production/rollback", #"{"reason":"bad"}"#, on: registry).status == 200)
      #expect(try await Self.running("production", registry) == Self.version(2))
      #expect(try await Self.post("production/rollback", on: registry).status == 200)
      #expect(try await Self.running("production", registry) == Self.version(1))
      let nothing = try await Self.post("production/rollback", on: registry)
      #expect(nothing.status == 409)
      #expect(nothing.json["detail"]?.string?.contains("nothing before") ?? false)
      #expect(try await Self.post("production/rollback", #"{"release":3}"#, on: registry).status == 200)
      #expect(try await Self.running("production", registry) == Self.version(3))
      let releases = try await registry.api(
        "GET", "\(Self.base)/production/releases", as: ClosedRegistry.basic("reader"))
      let list = releases.json["items"]?.array ?? []
      #expect(list.map { $0["effective"]?.integer } == [3, 1, 2, 3, 2, 1])
      #expect(list[3]["reason"]?.string == "version 3")
      #expect(list[3]["images"]?.array?.count == 3)
      // After going back, a promotion goes on from there.
      #expect(try await Self.promote(["acme/api:1.0.0"], to: "production", on: registry).status == 200)
      #expect(try await Self.post("production/rollback", on: registry).status == 200)
      #expect(try await Self.running("production", registry) == Self.version(3))
      try await Self.expectConsistent(registry)
    }
  }

  @Test func `refuses with every rule that is not met, and moves nothing`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.push("untried", to: "acme/web", as: "nightly", registry)
      try await Self.make("staging", "", registry)
      let from = Timestamp(microseconds: 0)
      let freeze = #","freezes":[{"from":"\#(from)","to":"2999-01-01T00:00:00Z"}]"#
      try await Self.make(
        "production",
        #","requires":["staging"],"tags":["semver"],"repositories":["acme/api","acme/web"]\#(freeze)"#, registry)
      let refused = try await Self.promote(
        ["acme/api:1.0.0", "acme/web:nightly", "acme/db:1.0.0", "acme/none:1"], to: "production", on: registry)
      #expect(refused.status == 409)
      #expect(refused.first("Content-Type") == "application/problem+json")
      let failures = (refused.json["failures"]?.array ?? []).map {
        "\($0["rule"]?.string ?? "") \($0["image"]?.string ?? "-")"
      }
      #expect(
        Set(failures) == [
          "exists acme/none:1", "covered acme/db:1.0.0", "freeze -", "tags acme/web:nightly", "requires acme/api:1.0.0",
          "requires acme/web:nightly", "requires acme/db:1.0.0",
        ])
      #expect(
        Set((refused.json["failures"]?.array ?? []).compactMap { $0["message"]?.string }) == [
          "there is no image acme/none:1", "production does not cover acme/db",
          "production is frozen from \(from) to 2999-01-01T00:00:00.000Z",
          "no tag of the kind semver points to acme/web:nightly", "acme/api:1.0.0 has not been in staging",
          "acme/web:nightly has not been in staging", "acme/db:1.0.0 has not been in staging",
        ], "\(refused)")
      #expect(try await Self.running("production", registry).isEmpty)
      // One rule after the other is met.
      #expect(try await Self.promote(["acme/api:1.0.0"], to: "staging", on: registry).status == 200)
      let thawed = try await registry.api(
        "PATCH", "\(Self.base)/production", as: ClosedRegistry.basic("owner"), #"{"freezes":[]}"#)
      #expect(thawed.status == 200, "\(thawed)")
      let all = try await registry.api(
        "POST", "\(Self.base)/production/promotions", as: ClosedRegistry.basic("maintainer"), #"{"from":"staging"}"#)
      #expect(all.status == 200, "\(all)")
      #expect(try await Self.running("production", registry) == ["acme/api": Self.digest("acme/api 1")])
      try await Self.expectConsistent(registry)
    }
  }

  @Test func `waits for others to agree, and asks the rules again when they have`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.make(
        "production", #","approvals":2,"promoters":["writer"],"approvers":["maintainer","owner"]"#, registry)
      #expect(try await Self.promote(Self.images(1), to: "production", on: registry).status == 403)
      let asked = try await Self.promote(Self.images(1), to: "production", by: "writer", on: registry)
      #expect(asked.json["outcome"]?.string == "pending")
      #expect(try await Self.running("production", registry).isEmpty)
      #expect(try await Self.post("production/releases/1/approve", by: "writer", on: registry).status == 403)
      #expect(try await Self.post("production/releases/1/approve", by: "reader", on: registry).status == 403)
      let first = try await Self.post("production/releases/1/approve", #"{"comment":"fine"}"#, on: registry)
      #expect(first.json["state"]?.string == "pending")
      // Said twice it counts once.
      #expect(
        try await Self.post("production/releases/1/approve", on: registry).json["approvals"]?.array?.count == 1)
      // An image that was deleted meanwhile stands in the way, and the agreement is not kept half.
      let web = "/v2/acme/web/manifests/\(Self.digest("acme/web 1"))"
      #expect(try await registry.ask("DELETE", web, as: ClosedRegistry.basic("owner")).status == 202)
      let late = try await Self.post("production/releases/1/approve", by: "owner", on: registry)
      #expect(late.status == 409)
      #expect(late.json["failures"]?.array?.first?["rule"]?.string == "exists", "\(late)")
      try await Self.push("acme/web 1", to: "acme/web", as: "1.0.0", registry)
      let second = try await Self.post("production/releases/1/approve", by: "owner", on: registry)
      #expect(second.json["state"]?.string == "applied", "\(second)")
      #expect(try await Self.running("production", registry) == Self.version(1))
      // Cancelled by who asked, rejected by who could agree.
      for (user, state) in [("writer", "cancelled"), ("owner", "rejected")] {
        let next = try await Self.promote(Self.images(2), to: "production", by: "writer", on: registry)
        let number = next.json["release"]?["number"]?.integer ?? 0
        let ended = try await Self.post("production/releases/\(number)/end", by: user, on: registry)
        #expect(ended.json["state"]?.string == state)
        #expect(try await Self.post("production/releases/\(number)/approve", by: "owner", on: registry).status == 409)
      }
      #expect(try await Self.running("production", registry) == Self.version(1))
      try await Self.expectConsistent(registry)
    }
  }

  @Test func `asks a limited token for what it changes, and tells who may not see an image nothing of it`() async throws
  {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await registry.administration.makeUser(
        "web", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
      try await Self.make("staging", "", registry)
      try await Self.make("production", #","approvals":1,"promoters":["web","maintainer"]"#, registry)
      #expect(try await Self.promote(Self.images(1), to: "staging", on: registry).status == 200)
      try await registry.administration.grant(
        "maintainer", to: .account("web"), on: "acme", pattern: "acme/web", by: registry.admin)
      // One of three repositories: neither its digest nor its name comes through.
      let all = try await registry.api(
        "POST", "\(Self.base)/production/promotions", as: ClosedRegistry.basic("web"), #"{"from":"staging"}"#)
      #expect(all.status == 403)
      #expect(!String(decoding: all.body, as: UTF8.self).contains("acme/db"))
      let hidden = try await Self.promote(["acme/db:1.0.0"], to: "production", by: "web", on: registry)
      #expect(hidden.json["failures"]?.array?.first?["rule"]?.string == "exists")
      let shown = try await registry.api("GET", "\(Self.base)/staging", as: ClosedRegistry.basic("web"))
      #expect(shown.json["images"]?.array?.count == 1)
      // A token that only pulls neither agrees nor takes that back nor ends.
      #expect(
        try await Self.promote(Self.images(1), to: "production", on: registry).json["outcome"]?.string == "pending")
      let made = try await registry.api(
        "POST", "/api/v1/tokens", as: ClosedRegistry.basic("owner"),
        #"{"name":"pulls","scope":[{"repository":"acme/*","actions":["pull"]}]}"#)
      let token = ClosedRegistry.basic("owner", try #require(made.json["secret"]?.string))
      for deed in ["approve", "withdraw", "end"] {
        let answer = try await registry.api("POST", "\(Self.base)/production/releases/1/\(deed)", as: token, "{}")
        #expect(answer.status == 403, "\(deed): \(answer)")
      }
      #expect(try await Self.running("production", registry).isEmpty)
      let early = try await registry.api(
        "GET", "\(Self.base)/staging?asOf=2020-01-01T00:00:00Z", as: ClosedRegistry.basic("reader"))
      #expect(early.status == 404)
      let now = try await registry.api(
        "GET", "\(Self.base)/staging?asOf=2999-01-01T00:00:00Z", as: ClosedRegistry.basic("reader"))
      #expect(now.json["release"]?.integer == 1)
      #expect(now.json["images"]?.array?.count == 3)
    }
  }

  @Test func `takes the same promotion twice for one release, and another under its key for a mistake`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.make("production", "", registry)
      let first = try await Self.promote(Self.images(1), to: "production", key: "ci-17", on: registry)
      let again = try await Self.promote(Self.images(1), to: "production", key: "ci-17", on: registry)
      #expect(first.json["release"]?["number"]?.integer == 1)
      #expect(again.json["release"] == first.json["release"])
      #expect(try await Self.promote(Self.images(2), to: "production", key: "ci-17", on: registry).status == 409)
      let unchanged = try await Self.promote(Self.images(1), to: "production", on: registry)
      #expect(unchanged.json["outcome"]?.string == "unchanged")
      let planned = try await Self.promote(Self.images(2), to: "production", #","dryRun":true"#, on: registry)
      #expect(planned.json["outcome"]?.string == "planned")
      #expect(planned.json["images"]?.array?.count == 3)
      #expect(try await Self.running("production", registry) == Self.version(1))
    }
  }

  @Test func `takes over tags of its name only when it is told to, and leaves them when it goes`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.populate(registry)
      try await Self.push("acme/api 1", to: "acme/api", as: "production", registry)
      let refused = try await registry.api(
        "POST", Self.base, as: ClosedRegistry.basic("owner"), #"{"name":"production"}"#)
      #expect(refused.status == 409)
      #expect(refused.json["detail"]?.string?.contains("acme/api:production") ?? false)
      try await Self.make("production", #","adopt":true"#, registry)
      #expect(try await Self.running("production", registry) == ["acme/api": Self.digest("acme/api 1")])
      #expect(try await Self.promote(Self.images(2), to: "production", on: registry).status == 200)
      #expect(try await Self.post("production/rollback", on: registry).status == 200)
      #expect(try await Self.running("production", registry) == ["acme/api": Self.digest("acme/api 1")])
      try await Self.expectConsistent(registry)
      let deleted = try await registry.api("DELETE", "\(Self.base)/production", as: ClosedRegistry.basic("owner"))
      #expect(deleted.status == 204)
      #expect(try await Self.push("x", to: "acme/api", as: "production", registry).status == 201)
      try await Self.expectConsistent(registry)
    }
  }

  @Test(arguments: [
    (#"{"name":"a b"}"#, 400), (#"{"name":"x","requires":["none"]}"#, 400), (#"{"name":"x","requires":["x"]}"#, 400),
    (#"{"name":"x","approvals":99}"#, 400), (#"{"name":"x","tags":["a b"]}"#, 400),
    (#"{"name":"x","repositories":["other/*"]}"#, 400), (#"{"name":"x","freezes":[{"from":"a","to":"b"}]}"#, 400),
    (#"{"name":"x","freezes":[{"days":["fri"],"from":"16:00","to":"25:00"}]}"#, 400), (#"{"name":"x","what":1}"#, 400),
    (#"{"name":"x","freezes":[{"days":["fri","sat"],"from":"16:00","to":"24:00"}]}"#, 201),
  ])
  func `is made of settings that mean something`(_ body: String, _ status: Int) async throws {
    try await ClosedRegistry.withOne { registry in
      let made = try await registry.api("POST", Self.base, as: ClosedRegistry.basic("owner"), body)
      #expect(made.status == status, "\(made)")
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `shows one of two promotions that come at once, never a mix`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.populate(registry)
      try await Self.make("production", "", registry)
      for _ in 0..<4 {
        try await withThrowingTaskGroup { group in
          for version in [1, 2, 3] {
            group.addTask {
              let done = try await Self.promote(Self.images(version), to: "production", on: registry)
              #expect(done.status == 200, "\(done)")
            }
          }
          group.addTask { _ = try await Self.post("production/rollback", on: registry) }
          try await group.waitForAll()
        }
        let found = try await Self.running("production", registry)
        #expect([Self.version(1), Self.version(2), Self.version(3)].contains(found), "\(found)")
      }
      try await Self.expectConsistent(registry)
    }
  }
}
