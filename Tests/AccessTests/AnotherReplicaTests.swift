import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// What one replica ends, another one has in its memory.
@Suite struct `On another replica` {
  private struct Shown: Sendable {
    let kind: String
    let header: (String, String)
    /// Ends it, on the first replica.
    let end: @Sendable () async throws -> Void
    /// What is told afterwards.
    var status = 401
  }

  private static let pull = "repository:acme/api:pull"

  @Test func `what was ended ends half a second later, and nothing else does`() async throws {
    let clock = ManualClock(SystemTime().now)
    try await ClosedRegistry.withOne(over: .postgresAndObjects) { registry in
      try await registry.withReplica(time: clock) { replica in
        func status(_ header: (String, String)) async throws -> Int {
          let request = RawRequest("GET", "/v2/acme/api/manifests/1", [RawField(header.0, header.1)])
          return try await replica.send(request).status
        }
        let all = try await Self.tokens(registry) + Self.accounts(registry)
        let others = ClosedRegistry.basic("owner")
        // Twice: from then on they are in its memory.
        for one in all + all { #expect(try await status(one.header) == 200, "\(one.kind)") }
        for one in all { try await one.end() }
        clock.advance(by: AccessMemory.bound + .milliseconds(1))
        for one in all { #expect(try await status(one.header) == one.status, "\(one.kind)") }
        #expect(try await status(others) == 200)
      }
    }
  }

  private static let reads = [
    ("GET", "manifests/1"), ("GET", "manifests/\(ClosedRegistry.manifestDigest)"), ("HEAD", "manifests/1"),
    ("GET", "blobs/\(ClosedRegistry.configDigest)"), ("HEAD", "blobs/\(ClosedRegistry.configDigest)"),
    ("GET", "tags/list"), ("GET", "referrers/\(ClosedRegistry.manifestDigest)"),
  ]

  /// Whether rights have changed is asked along with what is read; the first who asks after a change meets that.
  @Test func `what is read along with the question whether rights have changed is not given out when they have`()
    async throws
  {
    let clock = ManualClock(SystemTime().now)
    try await ClosedRegistry.withOne(over: .postgresAndObjects) { registry in
      let administration = registry.administration
      try await registry.withReplica(time: clock) { replica in
        func answer(_ read: (String, String), _ header: (String, String)) async throws -> RawResponse {
          try await replica.send(
            RawRequest(read.0, "/v2/acme/api/\(read.1)", [RawField(header.0, header.1)]))
        }
        let pause = AccessMemory.bound + .milliseconds(1)
        let stranger = ClosedRegistry.basic("stranger")
        for read in Self.reads {
          let label = "\(read.0) \(read.1)"
          #expect(try await answer(read, stranger).status == 404, "\(label)")
          try await administration.grant(
            "reader", to: .account("stranger"), on: "acme", pattern: nil, by: registry.admin)
          clock.advance(by: pause)
          #expect(try await answer(read, stranger).status == 200, "what was given is there: \(label)")
          clock.advance(by: pause)
          #expect(try await answer(read, stranger).status == 200, "and stays: \(label)")
          try await Self.removeGrant(of: "stranger", registry)
          clock.advance(by: pause)
          let refused = try await answer(read, stranger)
          #expect(refused.status == 404, "what was taken is gone: \(label)")
          #expect(read.0 == "HEAD" || refused.errorCode == "NAME_UNKNOWN", "\(label): \(refused)")
          #expect(refused.first("Docker-Content-Digest") == nil, "\(label)")
        }
      }
    }
  }

  @Test func `a policy that was set is asked at pulls a second later, and what was taken away no more`() async throws {
    let clock = ManualClock(SystemTime().now)
    try await ClosedRegistry.withOne(over: .postgresAndObjects) { registry in
      let rules = "/api/v1/namespaces/acme/rules/policy"
      let image = Array(
        String(decoding: ClosedRegistry.manifest, as: UTF8.self)
          .replacing("application/vnd.oci.empty.v1+json", with: "application/vnd.oci.image.config.v1+json").utf8)
      let pushed = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/unread", as: ClosedRegistry.admin,
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(image))
      try #require(pushed.status == 201, "\(pushed)")
      let owner = ClosedRegistry.basic("owner")
      try await registry.withReplica(time: clock) { replica in
        func pull() async throws -> RawResponse {
          clock.advance(by: .milliseconds(1001))
          return try await replica.send(
            RawRequest("GET", "/v2/acme/api/manifests/unread", [RawField(owner.0, owner.1)]))
        }
        for _ in 0..<2 { #expect(try await pull().status == 200) }
        let set = try await registry.api(
          "PUT", rules, as: owner, #"{"value":{"at":["pull"],"block":{"unscanned":true}}}"#)
        try #require(set.status == 204, "\(set)")
        let refused = try await pull()
        #expect(refused.status == 403 && refused.errorCode == "DENIED", "\(refused)")
        let removed = try await registry.api("DELETE", rules, as: owner)
        try #require(removed.status == 204, "\(removed)")
        #expect(try await pull().status == 200)
      }
    }
  }

  private static func tokens(_ registry: ClosedRegistry) async throws -> [Shown] {
    let administration = registry.administration
    let admin = registry.admin
    let robot = try await administration.makeRobot("ci", in: "acme", role: "reader", pattern: nil, by: admin)
    let token = try await administration.makeToken(
      "x", for: .robot(robot, namespace: "acme"), scope: nil, lifetime: nil, by: admin)
    let header = ClosedRegistry.basic(robot, token.secret)
    let bearer = try await registry.bearer(pull, as: header)
    try await administration.makeTrustRule(
      "main", on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("ref", "main")], role: "reader",
      pattern: nil, lifetime: .seconds(900), by: admin)
    let job = registry.issuer.token(["sub": "job", "aud": "registry.test", "ref": "main"])
    let jobBearer = try await registry.bearer(pull, as: ClosedRegistry.basic("job", job))
    return [
      Shown(kind: "a robot's token", header: header) {
        try await administration.revokeToken(token.record.id, of: .robot("ci", namespace: "acme"), by: admin)
      },
      Shown(kind: "what was had for it", header: bearer) {},
      Shown(kind: "what was had for a job", header: jobBearer) {
        try await administration.deleteTrustRule("main", on: "acme", by: admin)
      },
    ]
  }

  private static func removeGrant(of account: String, _ registry: ClosedRegistry) async throws {
    let administration = registry.administration
    let grants = try await administration.grants(on: "acme", after: 0, limit: 10, by: registry.admin)
    let grant = try #require(grants.first { $0.account == account })
    try await administration.deleteGrant(grant.id, on: "acme", by: registry.admin)
  }

  private static func accounts(_ registry: ClosedRegistry) async throws -> [Shown] {
    let administration = registry.administration
    let admin = registry.admin
    let (reader, writer, maintainer) = (
      ClosedRegistry.basic("reader"), ClosedRegistry.basic("writer"), ClosedRegistry.basic("maintainer")
    )
    let bearer = try await registry.bearer(pull, as: reader)
    return [
      Shown(kind: "a password", header: reader) {
        var change = Administration.UserChange()
        change.password = "another-password"
        try await administration.changeUser("reader", change, by: admin)
      },
      Shown(kind: "what was had for it", header: bearer) {},
      Shown(
        kind: "a right", header: writer,
        end: { try await removeGrant(of: "writer", registry) }, status: 404),
      Shown(kind: "an account", header: maintainer) {
        var change = Administration.UserChange()
        change.isDisabled = true
        try await administration.changeUser("maintainer", change, by: admin)
      },
    ]
  }
}
