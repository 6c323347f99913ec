import Ground
import OCI
import TestSupport
import Testing

@testable import Access

/// Whatever has an end is good until then, and nothing afterwards.
@Suite struct `Credentials that end` {
  private struct Lasting: Sendable {
    let kind: String
    let seconds: Int
    /// What the registry says to it.
    let status: @Sendable () async throws -> Int
  }

  private static func all(_ registry: ClosedRegistry, _ clock: ManualClock) async throws -> [Lasting] {
    let pull = "repository:acme/api:pull"
    @Sendable func status(_ header: (String, String)) async throws -> Int {
      try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status
    }
    let reader = ClosedRegistry.basic("reader")
    let made = try await registry.api("POST", "/api/v1/tokens", as: reader, #"{"name":"x","seconds":3600}"#)
    let personal = ClosedRegistry.basic("reader", try #require(made.json["secret"]?.string))
    let name = try await registry.administration.makeRobot(
      "ci", in: "acme", role: "reader", pattern: nil, by: registry.admin)
    let token = try await registry.administration.makeToken(
      "x", for: .robot(name, namespace: "acme"), scope: nil, lifetime: .seconds(60), by: registry.admin)
    let robot = ClosedRegistry.basic(name, token.secret)
    let bearer = try await registry.bearer(pull, as: reader)
    let robotBearer = try await registry.bearer(pull, as: robot)
    let exchanged = try await Self.exchanged(registry, clock)
    let session = try await registry.session(of: "reader")
    let login = try await registry.post(form: [
      "grant_type": "password", "access_type": "offline", "username": "reader", "password": ClosedRegistry.password,
    ])
    let refresh = try #require(login.json["refresh_token"]?.string)
    return [
      Lasting(kind: "a robot token", seconds: 60) { try await status(robot) },
      Lasting(kind: "what was had for a robot token", seconds: 60) { try await status(robotBearer) },
      Lasting(kind: "a token of the token endpoint", seconds: 300) { try await status(bearer) },
      Lasting(kind: "an exchanged token", seconds: 900) { try await status(exchanged) },
      Lasting(kind: "a personal token", seconds: 3600) { try await status(personal) },
      Lasting(kind: "a session", seconds: 12 * 3600) {
        try await registry.api("GET", "/api/v1/whoami", as: session).status
      },
      Lasting(kind: "a refresh token", seconds: 30 * 86_400) {
        try await registry.post(form: ["grant_type": "refresh_token", "refresh_token": refresh, "scope": pull]).status
      },
    ]
  }

  private static func exchanged(_ registry: ClosedRegistry, _ clock: ManualClock) async throws -> (String, String) {
    try await registry.administration.makeTrustRule(
      "main", on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("ref", "main")], role: "reader",
      pattern: nil, lifetime: .seconds(900), by: registry.admin)
    let job = registry.issuer.token(["sub": "job", "aud": "registry.test", "ref": "main"], now: clock.now)
    let answer = try await registry.post(form: [
      "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
      "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": job,
    ])
    return ("Authorization", "Bearer \(try #require(answer.json["access_token"]?.string))")
  }

  @Test func `are good to their last second, and refused after it`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      let all = try await Self.all(registry, clock)
      var passed = 0
      func advance(to seconds: Int) {
        clock.advance(by: .seconds(seconds - passed))
        passed = seconds
      }
      for end in Set(all.map(\.seconds)).sorted() {
        advance(to: end - 2)
        for one in all {
          #expect(try await one.status() == (one.seconds >= end ? 200 : 401), "\(one.kind) after \(passed) s")
        }
        advance(to: end + 1)
        for one in all where one.seconds == end {
          #expect(try await one.status() == 401, "\(one.kind) after \(passed) s")
        }
      }
    }
  }
}
