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
        end: {
          let grants = try await administration.grants(on: "acme", after: 0, limit: 10, by: admin)
          let grant = try #require(grants.first { $0.account == "writer" })
          try await administration.deleteGrant(grant.id, on: "acme", by: admin)
        }, status: 404),
      Shown(kind: "an account", header: maintainer) {
        var change = Administration.UserChange()
        change.isDisabled = true
        try await administration.changeUser("maintainer", change, by: admin)
      },
    ]
  }
}
