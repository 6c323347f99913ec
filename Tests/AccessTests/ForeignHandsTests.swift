import Ground
import Metadata
import NIOHTTP1
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access
@testable import HTTPService

/// What others' registries let somebody do with what was not theirs; docs/hostile.md names where.
@Suite struct `In the hands of somebody else` {
  private static func items(_ path: String, _ registry: ClosedRegistry) async throws -> [JSONValue] {
    let answer = try await registry.api("GET", path, as: ClosedRegistry.admin)
    return answer.json["items"]?.array ?? answer.json.array ?? []
  }

  private static var exception: String {
    #"{"vulnerability":"CVE-2026-1","reason":"why","until":"\#(SystemTime().now + .seconds(86_400))"}"#
  }

  @Test func `the id of something of another namespace names nothing`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      try await administration.makeNamespace("other", isPublic: false, owner: "stranger", by: registry.admin)
      let (acme, other) = ("/api/v1/namespaces/acme", "/api/v1/namespaces/other")
      for namespace in [acme, other] {
        for (path, body) in [
          ("robots", #"{"name":"ci","role":"reader"}"#), ("robots/ci/tokens", #"{"name":"x"}"#),
          ("exceptions", Self.exception),
          ("robots/ci/certificates", #"{"field":"dns","value":"\#(namespace.suffix(4)).test"}"#),
        ] {
          let made = try await registry.api("POST", "\(namespace)/\(path)", as: ClosedRegistry.admin, body)
          #expect(made.status < 300, "\(namespace)/\(path): \(made)")
        }
      }
      let trust = #"{"name":"main","issuer":"\#(registry.issuer.url)","claims":{"a":"b"},"role":"reader"}"#
      #expect(try await registry.api("POST", "\(acme)/trust", as: ClosedRegistry.admin, trust).status < 300)
      let lists = ["grants", "robots/ci/tokens", "robots/ci/certificates", "exceptions", "trust"]
      for list in lists {
        let before = try await Self.items("\(acme)/\(list)", registry)
        let one = try #require(before.first, "\(list)")
        let id = one["id"]?.string ?? one["id"]?.integer.map { String($0) } ?? one["number"]?.integer.map { String($0) }
        let path = "\(other)/\(list)/\(id ?? "main")"
        // Certificates are for site admins alone, who name the robot of one namespace and the rule of another.
        for header in [ClosedRegistry.basic("stranger"), ClosedRegistry.admin] {
          let answer = try await registry.api("DELETE", path, as: header)
          #expect(answer.status == 404 || answer.status == 403 && list.hasSuffix("certificates"), "\(path): \(answer)")
        }
        #expect(try await Self.items("\(acme)/\(list)", registry) == before, "\(list)")
      }
    }
  }

  @Test func `the token of another account can neither be seen nor revoked as one's own`() async throws {
    try await ClosedRegistry.withOne { registry in
      let made = try await registry.api("POST", "/api/v1/tokens", as: ClosedRegistry.basic("writer"), #"{"name":"x"}"#)
      let id = try #require(made.json["id"]?.string)
      let own = try await registry.api("GET", "/api/v1/tokens", as: ClosedRegistry.basic("reader"))
      #expect(own.status == 200 && !own.text.contains(id))
      let path = "/api/v1/tokens/\(id)"
      #expect(try await registry.api("DELETE", path, as: ClosedRegistry.basic("reader")).status == 404)
      let header = ClosedRegistry.basic("writer", try #require(made.json["secret"]?.string))
      #expect(try await registry.ask("GET", "/v2/", as: header).status == 200)
    }
  }

  @Test func `whether another namespace has a robot is not explained to an owner`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      try await administration.makeNamespace("other", isPublic: false, owner: nil, by: registry.admin)
      for namespace in ["acme", "other"] {
        _ = try await administration.makeRobot("ci", in: namespace, role: "reader", pattern: nil, by: registry.admin)
      }
      func explained(_ name: String, as header: (String, String)) async throws -> (status: Int, text: String) {
        let answer = try await registry.api(
          "GET", "/api/v1/access/explain?account=\(name)&repository=acme/api&action=pull", as: header)
        return (answer.status, answer.text.replacing(/urn:berth:request:[^"]*/, with: "").replacing(name, with: ""))
      }
      let owner = ClosedRegistry.basic("owner")
      let there = try await explained("other%2Bci", as: owner)
      let nowhere = try await explained("other%2Bno", as: owner)
      #expect(there.status == 404 && there.text.replacing("other+ci", with: "other+no") == nowhere.text, "\(there)")
      #expect(try await explained("acme%2Bci", as: owner).status == 200)
      #expect(try await explained("stranger", as: owner).status == 200)
      #expect(try await explained("other%2Bci", as: ClosedRegistry.admin).status == 200)
    }
  }

  @Test func `a namespace whose name is like another's in SQL is told nothing of it`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      _ = try await administration.makeRobot("ci", in: "acme", role: "reader", pattern: nil, by: registry.admin)
      try await administration.makeNamespace("a_me", isPublic: false, owner: "stranger", by: registry.admin)
      for path in ["robots", "grants", "trust", "history", "environments", "exceptions", "rules"] {
        let answer = try await registry.api(
          "GET", "/api/v1/namespaces/a_me/\(path)", as: ClosedRegistry.basic("stranger"))
        #expect(answer.status == 200 && !answer.text.contains("acme"), "\(path): \(answer)")
      }
      let found = try await registry.api("GET", "/api/v1/search", as: ClosedRegistry.basic("stranger"))
      #expect(found.status == 200 && !found.text.contains("acme/api"), "\(found)")
    }
  }

  @Test func `who reads everything reads no secret, and cannot ask for one by a filter`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await `Who may do what`.makeSubjects(registry)
      for (path, header) in [
        ("/api/v1/namespaces/acme/robots/ci/tokens", ClosedRegistry.admin), ("/api/v1/tokens", ClosedRegistry.admin),
        ("/api/v1/tokens", ClosedRegistry.basic("auditor")),
      ] {
        let made = try await registry.api("POST", path, as: header, #"{"name":"x"}"#)
        #expect(made.text.firstMatch(of: /berth_(pat|rbt)_[0-9A-Za-z]{36}/) != nil, "shown once: \(made)")
      }
      for route in RegistryRoutes.apiRoutes where route.method == .GET {
        let call = "GET \(route.path)"
        for (role, header) in [("auditor", ClosedRegistry.basic("auditor")), ("admin", ClosedRegistry.admin)] {
          let answer = try await `Who may do what`.call(call, role, header, registry)
          #expect(answer.text.firstMatch(of: /berth_[a-z]{3}_[0-9A-Za-z]{36}/) == nil, "\(call)")
          #expect(!answer.text.contains("$y$") && !answer.text.contains("PRIVATE KEY"), "\(call)")
        }
      }
      for query in ["q=password%3D~%24y", "password=x", "sort=password", "fields=password"] {
        let answer = try await registry.api("GET", "/api/v1/users?\(query)", as: ClosedRegistry.admin)
        #expect(answer.status == 400, "\(query): \(answer)")
      }
    }
  }

  @Test func `a token that everybody gets is for this registry, whatever was asked, and changes nothing`() async throws
  {
    try await ClosedRegistry.withOne { registry in
      let keys = try await registry.ask("GET", "/.well-known/jwks.json").text
      for (who, status) in [(nil, 401), (ClosedRegistry.basic("reader"), 403), (ClosedRegistry.admin, 403)] {
        let answer = try await registry.ask(
          "GET", "/token?service=elsewhere.test&aud=elsewhere.test&scope=repository:acme/api:pull,push,delete", as: who)
        let token = try #require(answer.json["token"]?.string)
        #expect(try SignedToken(parsing: token).audiences == ["registry.test"])
        let rotated = try await registry.api(
          "POST", "/api/v1/signing-keys/rotate", as: ("Authorization", "Bearer \(token)"))
        #expect(rotated.status == status, "\(rotated)")
      }
      #expect(try await registry.ask("GET", "/.well-known/jwks.json").text == keys)
    }
  }

  @Test func `a token is not of who has the number of somebody who is gone`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      let database = registry.server.registry.database
      func trust(_ name: String, on namespace: String) async throws {
        try await administration.makeTrustRule(
          name, on: namespace, issuer: registry.issuer.url, audience: nil, claims: [("job", name)], role: "writer",
          pattern: nil, lifetime: .seconds(900), by: registry.admin)
      }
      try await trust("gone", on: "acme")
      let exchanged = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": registry.issuer.token(["sub": "x", "aud": "registry.test", "job": "gone"]),
      ])
      let job = ("Authorization", "Bearer \(try #require(exchanged.json["access_token"]?.string))")
      try await administration.makeUser("gone", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
      let person = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.basic("gone"))
      // As after a backup was restored: what came next begins with the number that was free.
      let rule = try #require(
        try await administration.trustRules(on: "acme", after: "", limit: 10, by: registry.admin).first)
      let account = try #require(try await database.read { try $0.account(named: "gone") })
      try await administration.deleteTrustRule("gone", on: "acme", by: registry.admin)
      try await administration.deleteUser("gone", by: registry.admin)
      try await trust("heir", on: "acme")
      try await administration.makeUser(
        "heir", password: ClosedRegistry.password, siteRole: .auditor, by: registry.admin)
      try await database.tamper("UPDATE trust_rule SET id = \(rule.id) WHERE name = 'heir'")
      try await database.tamper("UPDATE account SET id = \(account.id) WHERE name = 'heir'")
      try await registry.server.access.memory.changed()
      for header in [job, person] {
        for _ in 0..<2 {
          let answer = try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header)
          #expect(answer.status == 401, "\(answer)")
        }
      }
    }
  }

  @Test func `a session ends on the server when its owner logs out`() async throws {
    try await ClosedRegistry.withOne { registry in
      let session = try await registry.session(of: "reader")
      #expect(try await registry.api("GET", "/api/v1/whoami", as: session).json["name"] == "reader")
      let out = try await registry.ask(
        "POST", "/auth/logout", as: session,
        [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")], body: .text(""))
      #expect(out.status == 303, "\(out)")
      #expect(try await registry.api("GET", "/api/v1/whoami", as: session).status == 401)
    }
  }

  @Test func `a header that a proxy might set for whom it let in makes nobody anybody`() async throws {
    try await ClosedRegistry.withOne { registry in
      for name in [
        "X-Webauth-User", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-User",
        "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Client-Cert", "X-SSL-Client-S-DN",
        "Ssl-Client-Cert", "X-Original-User",
      ] {
        for path in ["/v2/", "/v2/acme/api/manifests/1", "/api/v1/whoami"] {
          let answer = try await registry.ask("GET", path, as: nil, [(name, "admin")])
          #expect(answer.status == 401, "\(name) at \(path): \(answer)")
        }
      }
    }
  }

  @Test func `a wrong password is told alike for who exists and who does not, wherever it is shown`() async throws {
    try await ClosedRegistry.withOne { registry in
      func told(_ user: String) async throws -> [String] {
        let header = ClosedRegistry.basic(user, "wrong-password")
        let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")]
        let answers = [
          try await registry.api("GET", "/api/v1/whoami", as: header),
          try await registry.ask("GET", "/token", as: header),
          try await registry.ask(
            "POST", "/token", as: nil, form,
            body: .text("grant_type=password&service=x&username=\(user)&password=wrong-password")),
          try await registry.ask(
            "POST", "/auth/login", as: nil, form, body: .text("user=\(user)&password=wrong-password")),
        ]
        return answers.map { "\($0.status) " + $0.text.replacing(/urn:berth:request:[^"]*/, with: "") }
      }
      let ofOwner = try await told("owner")
      #expect(ofOwner.allSatisfy { $0.hasPrefix("401 ") }, "\(ofOwner)")
      #expect(try await told("nobody-at-all") == ofOwner)
    }
  }
}
