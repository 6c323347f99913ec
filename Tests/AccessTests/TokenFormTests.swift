import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// Replicas of two versions serve side by side while one is brought in, and tokens last up to 12 hours.
@Suite struct `The form of a token of the token endpoint` {
  @Test func `is the one that other versions read, and one without the moments of its holder is good`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.makeTrustRule(
        "main", on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("job", "x")], role: "reader",
        pattern: nil, lifetime: .seconds(900), by: registry.admin)
      let exchanged = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": registry.issuer.token(["sub": "x", "aud": "registry.test", "job": "x"]),
      ])
      let job = try #require(exchanged.json["access_token"]?.string)
      let person = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.basic("reader")).1
        .dropFirst(7)
      let database = registry.server.registry.database
      let account = try #require(try await database.read { try $0.account(named: "reader") })
      let rule = try #require(try await database.read { try $0.trustRules(on: "acme", after: "", limit: 1).first })
      #expect(try SignedToken(parsing: person).claims["berth_account"] == .integer(account.id.value))
      #expect(try SignedToken(parsing: job).claims["berth_rules"] == [.integer(rule.id)])
      for text in [String(person), job] {
        let claims = try SignedToken(parsing: text).claims
        func status(_ made: JSONValue?) async throws -> Int {
          var changed = JSONObject(claims.members.filter { $0.key != "berth_made" })
          if let made { changed.append("berth_made", made) }
          let signed = try SignedToken.sign(
            .object(changed), type: BearerToken.type, by: try registry.server.access.keys.signer())
          return try await registry.ask(
            "GET", "/v2/acme/api/manifests/1", as: ("Authorization", "Bearer \(signed)")
          ).status
        }
        #expect(claims["berth_made"]?.string?.count == 22)
        #expect(try await status(claims["berth_made"]) == 200)
        #expect(try await status(nil) == 200)
        #expect(try await status("AAAAAAAAAAAAAAAAAAAAAA") == 401)
        #expect(try await status(5) == 401)
      }
    }
  }

  /// nginx takes a line of 8 KiB (`large_client_header_buffers`); as a password a token grows by a third once more.
  @Test func `fits into the headers that proxies take, however many rules it is of`() throws {
    let now = SystemTime().now
    let rules = try (0..<Authenticator.totalLimit).map { number in
      try #require(
        TrustRule(
          TrustRuleRecord(
            id: Int64(1_000_000 + number), namespace: "n\(number)", name: "main", issuer: "https://ci.test",
            audience: nil, claims: #"{"job":"x"}"#, pattern: "n\(number)/**", role: "reader", lifetimeSeconds: 900,
            createdBy: "admin", createdAt: now)))
    }
    let origin = Origin(
      actor: "ci.test:" + String(repeating: "x", count: 200), credential: "job 1", address: "192.0.2.1", requestID: "r")
    let claims = BearerToken.claims(
      Caller(principal: .federated(rules), origin: origin), granted: [:], catalogue: true, isLogin: true,
      service: "registry.test", id: "0123456789abcdef", from: now, until: now + .seconds(900))
    let text = try SignedToken.sign(
      claims, type: BearerToken.type, by: PrivateKey(id: "k", der: try PrivateKey.generate()))
    #expect(ClosedRegistry.basic("job", text).1.utf8.count < 8000, "\(text.utf8.count)")
  }

  @Test func `gives nothing by a rule that was made before it had to name an owner`() async throws {
    try await ClosedRegistry.withOne {
      $0.jobIssuers.append("https://gitlab.com")
    } _: { registry in
      try await registry.administration.makeTrustRule(
        "main", on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("ref", "main")], role: "reader",
        pattern: nil, lifetime: .seconds(900), by: registry.admin)
      let job = registry.issuer.token(["sub": "x", "aud": "registry.test", "ref": "main"])
      let bearer = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.basic("job", job))
      func status() async throws -> Int { try await registry.ask("GET", "/v2/acme/api/manifests/1", as: bearer).status }
      #expect(try await status() == 200)
      try await registry.server.registry.database.tamper("UPDATE trust_rule SET issuer = 'https://gitlab.com'")
      try await registry.server.access.memory.changed()
      for _ in 0..<2 { #expect(try await status() >= 400) }
    }
  }

  @Test func `gives nothing by a rule whose issuer is accepted no more, and tells why, until it is again`() async throws
  {
    try await ClosedRegistry.withOne { registry in
      func make(_ name: String, _ claim: String) async throws {
        try await registry.administration.makeTrustRule(
          name, on: "acme", issuer: registry.issuer.url, audience: nil, claims: [(claim, "main")], role: "reader",
          pattern: nil, lifetime: .seconds(900), by: registry.admin)
      }
      func problems() async throws -> [String?] {
        let path = "/api/v1/namespaces/acme/trust"
        let trust = try await registry.api("GET", path, as: ClosedRegistry.basic("maintainer"))
        return trust.json["items"]?.array?.map { $0["problem"]?.string } ?? []
      }
      try await make("main", "ref")
      let token = registry.issuer.token(["sub": "x", "aud": "registry.test", "ref": "main"])
      let exchanged = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": token,
      ])
      let long = try #require(exchanged.json["access_token"]?.string, "\(exchanged)")
      let access = registry.server.access
      for accepted in [true, false, true] {
        access.settings.jobIssuers = accepted ? [registry.issuer.url] : []
        for credential in [token, long].map({ ClosedRegistry.basic("job", $0) }) {
          let status = try await registry.ask("GET", "/v2/acme/api/manifests/1", as: credential).status
          #expect(accepted ? status == 200 : status >= 400, "\(status)")
        }
        let found = try await problems()
        #expect(found.count == 1 && (found[0] == nil) == accepted, "\(found)")
        #expect(try await access.idleAccess().rules == (accepted ? [:] : ["acme": 1]))
      }
      // One that was made before it had to name an owner, beside one that names it.
      try await make("named", "project_path")
      try await registry.server.registry.database.tamper("UPDATE trust_rule SET issuer = 'https://gitlab.com'")
      access.settings.jobIssuers.append("https://gitlab.com")
      try await access.memory.changed()
      let found = try await problems()
      #expect(found.count == 2 && found[0]?.contains("names no owner") ?? false && found[1] == nil, "\(found)")
      #expect(try await access.idleAccess().rules == ["acme": 1])
    }
  }
}
