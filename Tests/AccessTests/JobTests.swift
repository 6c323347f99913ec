import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// CI jobs, by the tokens of an issuer that is a real HTTP server.
@Suite struct `A job without a stored secret` {
  private static let push = "/v2/acme/api/blobs/uploads/"

  private static func trust(_ registry: ClosedRegistry) async throws {
    try await registry.administration.makeTrustRule(
      "main", on: "acme", issuer: registry.issuer.url, audience: nil,
      claims: [("repository", "acme/api"), ("ref", "refs/heads/main")], role: "writer", pattern: "acme/api",
      lifetime: .seconds(900), by: registry.admin)
  }

  private static let good: JSONObject = [
    "sub": "repo:acme/api:ref:refs/heads/main", "aud": "registry.test", "repository": "acme/api",
    "ref": "refs/heads/main",
  ]

  private static func changed(_ name: String, _ value: JSONValue) -> JSONObject {
    JSONObject(good.members.filter { $0.key != name } + [.init(key: name, value: value)])
  }

  private static func status(_ token: String, _ registry: ClosedRegistry) async throws -> Int {
    try await registry.ask("POST", push, as: ClosedRegistry.basic("job", token)).status
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `pushes where its rule says, and nowhere else`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.trust(registry)
      let token = registry.issuer.token(Self.good)
      #expect(try await Self.status(token, registry) == 202)
      let header = ClosedRegistry.basic("job", token)
      #expect(try await registry.ask("POST", "/v2/acme/web/blobs/uploads/", as: header).status == 403)
      #expect(try await registry.ask("DELETE", "/v2/acme/api/manifests/1", as: header).status == 403)
      #expect(try await registry.ask("GET", "/v2/other/x/tags/list", as: header).status == 404)
      let catalogue = try await registry.bearer("registry:catalog:*", as: header)
      #expect(try await registry.ask("GET", "/v2/_catalog", as: catalogue).json["repositories"] == ["acme/api"])
      #expect(
        try await registry.api("GET", "/api/v1/whoami", as: header).json["name"]?.string?.hasSuffix("main") ?? false)
      #expect(try await registry.api("POST", "/api/v1/tokens", as: header, #"{"name":"x"}"#).status == 403)
      // The rule is taken away: the job ends, whatever it has in its hands.
      let bearer = try await registry.bearer("repository:acme/api:push", as: header)
      #expect(try await registry.ask("POST", Self.push, as: bearer).status == 202)
      try await registry.administration.deleteTrustRule("main", on: "acme", by: registry.admin)
      #expect(try await registry.ask("POST", Self.push, as: bearer).status == 401)
      #expect(try await Self.status(token, registry) == 401)
    }
  }

  @Test func `is refused when its token is not just as the rule and the issuer say`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      try await Self.trust(registry)
      let issuer = registry.issuer
      let now = clock.now.microseconds / 1_000_000
      let stranger = try TestIssuer()
      func signed(_ claims: JSONObject, _ header: JSONObject = JSONObject(), by other: TestIssuer? = nil) -> String {
        (other ?? issuer).token(claims, header: header, now: clock.now)
      }
      let bad: [(String, String)] = [
        ("another repository", signed(Self.changed("repository", "acme/api-evil"))),
        ("a repository with a prefix", signed(Self.changed("repository", "evil/acme/api"))),
        ("a repository in other letters", signed(Self.changed("repository", "ACME/api"))),
        ("another branch", signed(Self.changed("ref", "refs/heads/main2"))),
        ("no branch", signed(Self.changed("ref", .null))),
        ("a claim that is an object", signed(Self.changed("ref", ["a": "refs/heads/main"]))),
        ("another audience", signed(Self.changed("aud", "other.test"))),
        ("no audience", signed(Self.changed("aud", .null))),
        ("expired", signed(Self.changed("exp", .integer(now - 3600)))),
        ("no end", signed(Self.changed("exp", .null))),
        ("not yet valid", signed(Self.changed("nbf", .integer(now + 3600)))),
        ("another issuer's name", signed(Self.changed("iss", .string(stranger.url)))),
        ("another issuer", signed(Self.good, by: stranger)),
        ("another issuer that says it is ours", signed(Self.changed("iss", .string(issuer.url)), by: stranger)),
        ("alg none", signed(Self.good, ["alg": "none"])),
        ("alg HS256", signed(Self.good, ["alg": "HS256"])),
        ("an unknown key", signed(Self.good, ["kid": "nobody's"])),
        ("a key from its header", signed(Self.good, ["jku": .string(stranger.url + "/keys")])),
        ("a header extension", signed(Self.good, ["crit": ["b64"]])),
        ("giant", signed(Self.changed("x", .string(String(repeating: "x", count: 12_500))))),
      ]
      for (what, token) in bad { #expect(try await Self.status(token, registry) == 401, "\(what)") }
      #expect(try await Self.status(signed(Self.changed("aud", ["a", "registry.test"])), registry) == 202)
      #expect(try await Self.status(signed(Self.changed("exp", .integer(now - 30))), registry) == 202)
    }
  }

  @Test func `goes on when the issuer changes its key, and asks for keys not more often than every ten seconds`()
    async throws
  {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      try await Self.trust(registry)
      let issuer = registry.issuer
      func status(keyID: String? = nil) async throws -> Int {
        let header: JSONObject = keyID.map { ["kid": .string($0)] } ?? JSONObject()
        return try await Self.status(issuer.token(Self.good, header: header, now: clock.now), registry)
      }
      #expect(try await status() == 202)
      let asked = issuer.requests.count
      #expect(try await status() == 202)
      #expect(issuer.requests.count == asked, "keys are kept")
      try issuer.rotate()
      #expect(try await status() == 401)
      for number in 0..<20 { #expect(try await status(keyID: "made-up-\(number)") == 401) }
      #expect(issuer.requests.count == asked)
      clock.advance(by: .seconds(11))
      #expect(try await status() == 202, "the new key is fetched")
      #expect(issuer.requests.count == asked + 2)
      for number in 0..<20 { #expect(try await status(keyID: "made-up-\(number)") == 401) }
      #expect(issuer.requests.count == asked + 2)
    }
  }

  @Test func `is told when the issuer is down or slow, and others are served`() async throws {
    try await ClosedRegistry.withOne(patience: .milliseconds(500)) { registry in
      try await Self.trust(registry)
      for mood in [TestIssuer.Mood.down, .slow] {
        registry.issuer.set(mood)
        let answer = try await registry.ask(
          "POST", Self.push, as: ClosedRegistry.basic("job", registry.issuer.token(Self.good)))
        #expect(answer.status == 503 && answer.errorCode != "TOOMANYREQUESTS", "\(answer)")
        #expect(answer.first("Retry-After") != nil)
        #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("reader")).status == 200)
      }
    }
  }

  @Test func `an exchanged token lasts as long as its rule says, and only that one is a password`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.trust(registry)
      let answer = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "subject_token": registry.issuer.token(Self.good),
      ])
      #expect(answer.status == 200, "\(answer)")
      #expect(answer.json["expires_in"] == 900)
      #expect(answer.json["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token")
      let ours = try #require(answer.json["access_token"]?.string)
      #expect(try await Self.status(ours, registry) == 202)
      let again = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": ours,
      ])
      #expect(again.status == 401, "one that could be renewed with itself would never end")
      let usual = try await registry.bearer("repository:acme/api:push", as: ClosedRegistry.basic("writer"))
      #expect(try await Self.status(String(usual.1.dropFirst(7)), registry) == 401)
    }
  }

  @Test func `an exchanged token is for no more than was asked, and for nobody else`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.trust(registry)
      func exchange(_ parameter: (String, String)) async throws -> RawResponse {
        try await registry.post(form: [
          "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
          "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
          "subject_token": registry.issuer.token(Self.good), parameter.0: parameter.1,
        ])
      }
      let asked = "repository:acme/api:pull,delete repository:other/x:pull registry:catalog:*"
      let narrow = try await exchange(("scope", asked))
      #expect(narrow.json["scope"]?.string == "repository:acme/api:pull", "\(narrow)")
      let ours = try #require(narrow.json["access_token"]?.string)
      for header in [("Authorization", "Bearer \(ours)"), ClosedRegistry.basic("job", ours)] {
        #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: header).status == 200)
        #expect(try await registry.ask("POST", Self.push, as: header).status == 403)
      }
      // Nor is what is had for it.
      let bearer = try await registry.bearer("repository:acme/api:pull,push", as: ClosedRegistry.basic("job", ours))
      #expect(try await registry.ask("POST", Self.push, as: bearer).status == 401)
      for (name, value, error) in [
        ("scope", "everything", "invalid_scope"), ("scope", "registry:catalog:*", "invalid_scope"),
        ("audience", "elsewhere.test", "invalid_target"), ("resource", "https://elsewhere.test/", "invalid_target"),
        ("actor_token", "x", "invalid_request"), ("requested_token_type", "urn:x", "invalid_request"),
      ] {
        let answer = try await exchange((name, value))
        #expect(answer.status == 400 && answer.json["error"]?.string == error, "\(name)=\(value): \(answer)")
      }
      let usual = try await exchange(("audience", "registry.test"))
      #expect(try await Self.status(try #require(usual.json["access_token"]?.string), registry) == 202)
    }
  }

  @Test func `what one namespace trusts changes nothing for another`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.makeNamespace("evil", isPublic: false, owner: nil, by: registry.admin)
      for number in 0..<20 {
        try await registry.administration.makeTrustRule(
          "all-\(number)", on: "evil", issuer: registry.issuer.url, audience: nil, claims: [("sub", "repo:*")],
          role: "reader", pattern: nil, lifetime: .seconds(60), by: registry.admin)
      }
      try await Self.trust(registry)
      let answer = try await registry.post(form: [
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": registry.issuer.token(Self.good),
      ])
      #expect(answer.json["expires_in"] == 900)
      let ours = try #require(answer.json["access_token"]?.string)
      #expect(try await Self.status(ours, registry) == 202)
      // Each reads of its own.
      for namespace in ["acme", "evil"] {
        var filter = AuditFilter()
        filter.namespace = namespace
        filter.kind = "token.exchange"
        let records = try await registry.administration.auditRecords(
          filter, after: 0, newestFirst: false, limit: 10, by: registry.admin)
        #expect(records.count == 1)
        let other = namespace == "acme" ? "evil/" : "acme/main"
        #expect(records.allSatisfy { !$0.detail.contains(other) })
      }
    }
  }

  @Test(arguments: [
    ("https://token.actions.githubusercontent.com", "repository", "sub", "repo:"),
    ("https://gitlab.com", "project_path", "sub", "project_path:"),
  ])
  func `a rule names an owner where everybody has jobs`(issuer: String, path: String, sub: String, prefix: String)
    async throws
  {
    try await ClosedRegistry.withOne {
      $0.jobIssuers = [issuer]
    } _: { (registry) async throws -> Void in
      func status(_ claims: String) async throws -> Int {
        let body =
          #"{"name":"r\#(UInt32.random(in: 0...UInt32.max))","issuer":"\#(issuer)","role":"reader","claims":{\#(claims)}}"#
        return try await registry.api(
          "POST", "/api/v1/namespaces/acme/trust", as: ClosedRegistry.basic("owner"), body
        ).status
      }
      let open = [
        #""ref":"refs/heads/main""#, #""ref":"main","environment":"production""#, #""\#(path)":"*""#,
        #""\#(path)":"*/api""#, #""\#(path)":"acme*""#, #""\#(path)":"/*""#, #""\#(sub)":"\#(prefix)*""#,
        #""\#(sub)":"\#(prefix)""#, #""\#(sub)":"*acme/api*""#, #""job_workflow_ref":"acme/flows/x.yml@main""#,
      ]
      for claims in open { #expect(try await status(claims) == 400, "\(claims)") }
      let owned = [
        #""\#(path)":"acme/api""#, #""\#(path)":"acme/*","ref":"*""#, #""\#(sub)":"\#(prefix)acme/api:*""#,
        #""\#(sub)":"\#(prefix)acme/*""#,
      ]
      for claims in owned { #expect(try await status(claims) < 300, "\(claims)") }
    }
  }

  @Test func `a rule says whose jobs it means, of an issuer that the operator accepts`() async throws {
    try await ClosedRegistry.withOne { registry in
      func make(_ issuer: String, _ claims: [(String, String)], _ seconds: Int = 900) async throws {
        try await registry.administration.makeTrustRule(
          "x", on: "acme", issuer: issuer, audience: nil, claims: claims, role: "writer", pattern: nil,
          lifetime: .seconds(seconds), by: registry.admin)
      }
      let url = registry.issuer.url
      for (issuer, claims, seconds) in [
        ("https://attacker.example", [("a", "b")], 900), (url, [], 900), (url, [("a", "*")], 900),
        (url, [("iss", "https://*")], 900), (url, [("aud", "registry.test"), ("sub", "*")], 900),
        (url, [("a", "b")], 1), (url, [("a", "b")], 1_000_000), (url, [("", "b")], 900),
      ] {
        await #expect(throws: AdministrationError.self) { try await make(issuer, claims, seconds) }
      }
      try await make(url, [("a", "b")])
    }
  }
}
