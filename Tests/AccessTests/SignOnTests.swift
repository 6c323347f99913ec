import Foundation
import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// Signing on in a browser, with a provider that is a real HTTP server.
@Suite struct `Signing on` {
  /// A browser, as far as it matters here: it keeps cookies and follows addresses when told to.
  private final class Browser {
    let registry: ClosedRegistry
    private var cookies: [String: String] = [:]
    init(_ registry: ClosedRegistry) { self.registry = registry }

    var session: String? { cookies["berth_session"] }
    var hasSession: Bool { session != nil }

    func ask(
      _ method: String, _ target: String, form: KeyValuePairs<String, String>? = nil, site: String? = "same-origin"
    ) async throws -> RawResponse {
      var fields: [(String, String)] = []
      if !cookies.isEmpty {
        fields.append(
          ("Cookie", cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")))
      }
      if let site { fields.append(("Sec-Fetch-Site", site)) }
      if form != nil { fields.append(("Content-Type", "application/x-www-form-urlencoded")) }
      let text = form?.map { "\($0.key)=\(PercentCoding.encoded($0.value))" }.joined(separator: "&")
      let answer = try await registry.ask(method, target, as: nil, fields, body: text.map { .text($0) } ?? .none)
      for field in answer.fields where field.name.lowercased() == "set-cookie" {
        let parts = field.value.split(separator: ";")
        let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        #expect(field.value.contains("HttpOnly"))
        #expect(field.value.contains("SameSite=Lax"))
        cookies[String(pair[0])] = field.value.contains("Max-Age=0") ? nil : String(pair[1])
      }
      return answer
    }

    /// Goes to the provider, which says yes, and answers where it sends the browser.
    func begin(with name: String = "acme") async throws -> String {
      let start = try await ask("GET", "/auth/sign-on?provider=\(name)&return=/auth/device")
      #expect(start.status == 303, "\(start)")
      let url = try #require(start.first("Location"))
      let parts = try #require(url.firstMatch(of: /^http:\/\/127\.0\.0\.1:(\d+)(\/.*)$/))
      let provider = RawHTTPClient(host: "127.0.0.1", port: try #require(Int(parts.1)))
      let back = try await provider("GET", String(parts.2)).text
      try await provider.close()
      #expect(back.hasPrefix("http://\(registry.http.authority)/auth/callback?"), "\(back)")
      return "/auth/callback?" + back.split(separator: "?")[1]
    }
  }

  private static func provider(_ name: String, _ issuer: String) -> SignOnProvider {
    SignOnProvider(
      name: name, issuer: issuer, clientID: "berth", clientSecret: "provider-secret", scopes: ["openid"],
      nameClaim: "preferred_username", groupsClaim: "groups")
  }

  private static func withProvider(
    over kind: TestInstallation.Kind = .sqliteAndFiles, time: any TimeSource = SystemTime(),
    _ body: (ClosedRegistry, TestIssuer) async throws -> Void
  ) async throws {
    let provider = try TestIssuer()
    provider.set(person: [
      "sub": "u-1", "preferred_username": "carol", "groups": ["developers", "others"],
    ])
    try await ClosedRegistry.withOne(over: kind, time: time) {
      $0.providers = [Self.provider("acme", provider.url)]
    } _: {
      try await body($0, provider)
    }
  }

  /// Who did something of a kind to what, as the record has it.
  private static func records(_ kind: String, _ registry: ClosedRegistry) async throws -> [String] {
    var filter = AuditFilter()
    filter.kind = kind
    return try await registry.administration.auditRecords(
      filter, after: 0, newestFirst: false, limit: 10, by: registry.admin
    ).map { "\($0.actor) \($0.target)" }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `makes the account, puts it into the teams of its groups, and gives it a token for docker`(
    kind: TestInstallation.Kind
  ) async throws {
    try await Self.withProvider(over: kind) { registry, provider in
      try await registry.administration.makeTeam("web", ssoGroup: "acme:developers", by: registry.admin)
      try await registry.administration.grant("writer", to: .team("web"), on: "acme", pattern: nil, by: registry.admin)
      let browser = Browser(registry)
      #expect(try await browser.ask("GET", "/auth/").text.contains("Log in with acme"))
      let done = try await browser.ask("GET", try await browser.begin())
      #expect(done.status == 303, "\(done)")
      #expect(done.first("Location") == "/auth/device" || done.first("Location")?.hasSuffix("/auth/device") ?? false)
      #expect(browser.hasSession)
      #expect(try await browser.ask("GET", "/auth/").text.contains("Logged in as carol"))
      #expect(try await browser.ask("GET", "/api/v1/whoami").json["teams"] == ["web"])
      let made = try await browser.ask("POST", "/auth/token", form: ["name": "docker <b>", "days": "30"])
      let secret = try #require(made.text.firstMatch(of: /berth_pat_[0-9A-Za-z]{36}/)).0
      let header = ClosedRegistry.basic("carol", String(secret))
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: header).status == 200)
      #expect(try await registry.ask("POST", "/v2/acme/api/blobs/uploads/", as: header).status == 202)
      #expect(try await Self.records("team.member.add", registry) == ["carol web"])
      // Out of the group at the provider: out of the team with the next sign-on.
      provider.set(person: ["sub": "u-1", "preferred_username": "renamed", "groups": []])
      _ = try await browser.ask("GET", try await browser.begin())
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: header).status == 404)
      #expect(try await browser.ask("GET", "/api/v1/whoami").json["name"] == "carol")
      #expect(try await Self.records("team.member.remove", registry) == ["carol web"])
      #expect(try await Self.records("team.member.add", registry) == ["carol web"], "what stays as it is, is no change")
      _ = try await browser.ask("POST", "/auth/logout", form: [:])
      #expect(!browser.hasSession)
      #expect(try await browser.ask("GET", "/auth/").text.contains("Log in with acme"))
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `puts into teams while its provider is configured, and again when it is so again`(
    kind: TestInstallation.Kind
  ) async throws {
    try await Self.withProvider(over: kind) { registry, provider in
      try await registry.administration.makeTeam("web", ssoGroup: "acme:developers", by: registry.admin)
      try await registry.administration.grant("writer", to: .team("web"), on: "acme", pattern: nil, by: registry.admin)
      let browser = Browser(registry)
      _ = try await browser.ask("GET", try await browser.begin())
      let made = try await browser.ask("POST", "/auth/token", form: ["name": "docker", "days": "30"])
      let secret = try #require(made.text.firstMatch(of: /berth_pat_[0-9A-Za-z]{36}/)).0
      let header = ClosedRegistry.basic("carol", String(secret))
      let bearer = try await registry.bearer("repository:acme/api:pull", as: header)
      func status(_ credential: (String, String)) async throws -> Int {
        try await registry.ask("GET", "/v2/acme/api/tags/list", as: credential).status
      }
      func member() async throws -> JSONValue? {
        try await registry.api("GET", "/api/v1/teams/web", as: ClosedRegistry.admin).json["members"]?.array?.first
      }
      #expect(try await status(header) == 200)
      #expect(try await member()?["problem"] == .null)
      let configured = registry.server.access.settings.providers
      let foreign = Self.provider("acme", "https://other.example")
      for (providers, problem) in [([], "there is no provider acme"), ([foreign], "is another issuer now")] {
        registry.server.access.settings.providers = providers
        for credential in [header, bearer] { #expect(try await status(credential) == 404) }
        #expect(try await registry.api("GET", "/api/v1/whoami", as: header).json["teams"] == [])
        #expect(try await registry.api("GET", "/api/v1/teams/web", as: header).status == 403)
        #expect(try await member()?["problem"]?.string?.contains(problem) ?? false)
        let why = try await registry.administration.explain(
          "carol", .push, on: RepositoryName(parsing: "acme/api"), by: registry.admin)
        #expect(!why.isAllowed && why.rule.contains("team web is writer") && why.rule.contains(problem), "\(why)")
        #expect(try await registry.server.access.idleAccess().memberships == ["acme": 1])
      }
      // Nothing is lost by a configuration that was wrong for a while.
      registry.server.access.settings.providers = configured
      for credential in [header, bearer] { #expect(try await status(credential) == 200) }
      #expect(try await registry.server.access.idleAccess() == IdleAccess())
      let member = "/api/v1/teams/web/members/carol"
      #expect(try await registry.api("DELETE", member, as: ClosedRegistry.admin).status == 404)
      // What does not count can be taken away for good.
      registry.server.access.settings.providers = []
      #expect(try await registry.api("DELETE", member, as: ClosedRegistry.admin).status < 300)
      registry.server.access.settings.providers = configured
      #expect(try await status(header) == 404)
      #expect(try await Self.records("team.member.remove", registry) == ["admin web"])
    }
  }

  @Test func `leaves a site admin who has a provider that is configured, and counts no other`() async throws {
    try await Self.withProvider { registry, _ in
      let browser = Browser(registry)
      _ = try await browser.ask("GET", try await browser.begin())
      var admin = Administration.UserChange()
      admin.siteRole = .some(.admin)
      try await registry.administration.changeUser("carol", admin, by: registry.admin)
      let configured = registry.server.access.settings.providers
      registry.server.access.settings.providers = []
      let own = "/api/v1/users/admin"
      #expect(try await registry.api("PATCH", own, as: ClosedRegistry.admin, #"{"siteRole":null}"#).status == 409)
      registry.server.access.settings.providers = configured
      #expect(try await registry.api("PATCH", own, as: ClosedRegistry.admin, #"{"siteRole":null}"#).status == 200)
      // Where none is left who can log in, changes go on, but for one that leaves nobody for when the provider is back.
      registry.server.access.settings.providers = []
      var change = Administration.UserChange()
      change.isDisabled = true
      let carol = try await registry.server.access.authenticator.caller(
        .session(try #require(browser.session)), address: "test", requestID: "test")
      try await registry.administration.changeUser("reader", change, by: carol)
      let administration = registry.administration
      await #expect(throws: AdministrationError.self) { try await administration.deleteUser("carol", by: carol) }
    }
  }

  @Test func `gives teams the groups of its providers, and of no others`() async throws {
    try await Self.withProvider { registry, _ in
      let admin = ClosedRegistry.admin
      for group in ["nope:x", "acme", "acme:", "developers", ":x", ""] {
        let made = try await registry.api(
          "POST", "/api/v1/teams", as: admin, #"{"name":"web","ssoGroup":"\#(group)"}"#)
        #expect(made.status == 400 && made.text.contains("acme"), "\(group): \(made)")
      }
      #expect(try await registry.api("POST", "/api/v1/teams", as: admin, #"{"name":"web"}"#).status < 300)
      let team = "/api/v1/teams/web"
      #expect(try await registry.api("PATCH", team, as: admin, #"{"ssoGroup":"nope:x"}"#).status == 400)
      #expect(try await registry.api("PATCH", team, as: admin, #"{"ssoGroup":"acme:developers"}"#).status < 300)
      #expect(try await registry.api("PATCH", team, as: admin, #"{"ssoGroup":null}"#).status < 300)
    }
  }

  @Test func `tells people of several providers apart, whatever is alike, and so their groups`() async throws {
    try await Self.withProvider { registry, _ in
      let second = try TestIssuer()
      second.set(person: ["sub": "u-1", "preferred_username": "carol", "groups": ["developers"]])
      registry.server.access.settings.providers.append(Self.provider("other", second.url))
      for name in ["acme", "other"] {
        try await registry.administration.makeTeam("of-\(name)", ssoGroup: "\(name):developers", by: registry.admin)
      }
      for (provider, name) in [("acme", "carol"), ("other", "carol-other"), ("acme", "carol")] {
        let browser = Browser(registry)
        #expect(try await browser.ask("GET", "/auth/").text.contains("Log in with \(provider)"))
        _ = try await browser.ask("GET", try await browser.begin(with: provider))
        let own = try await browser.ask("GET", "/api/v1/whoami").json
        #expect(own["name"]?.string == name && own["teams"] == [.string("of-\(provider)")], "\(own)")
      }
    }
  }

  @Test func `never takes over an account because its name is alike`() async throws {
    try await Self.withProvider { registry, provider in
      provider.set(person: ["sub": "u-2", "preferred_username": "admin"])
      let browser = Browser(registry)
      _ = try await browser.ask("GET", try await browser.begin())
      let own = try await browser.ask("GET", "/api/v1/whoami").json
      #expect(own["name"] == "admin-acme")
      #expect(own["siteRole"] == .null)
      #expect(try await browser.ask("GET", "/api/v1/users").status == 403)
    }
  }

  @Test(arguments: [
    "state", "code", "ticket", "nonce", "issuer", "audience", "audiences", "party", "other party", "answerer",
    "refusal",
    "disabled",
  ])
  func `is refused when anything is not as it was begun`(what: String) async throws {
    try await Self.withProvider { registry, provider in
      let browser = Browser(registry)
      switch what {
      case "nonce": provider.set(person: ["sub": "u-1", "nonce": "another", "preferred_username": "carol"])
      case "audience": provider.set(person: ["sub": "u-1", "aud": "other"])
      case "audiences": provider.set(person: ["sub": "u-1", "aud": ["other", "another"]])
      case "party": provider.set(person: ["sub": "u-1", "aud": ["berth", "other"], "azp": "other"])
      case "other party": provider.set(person: ["sub": "u-1", "azp": "other"])
      case "issuer": provider.set(person: ["sub": "u-1", "iss": "https://other.example"])
      case "disabled":
        _ = try await browser.ask("GET", try await browser.begin())
        var change = Administration.UserChange()
        change.isDisabled = true
        try await registry.administration.changeUser("carol", change, by: registry.admin)
        #expect(try await browser.ask("GET", "/auth/").text.contains("Log in with acme"))
      default: break
      }
      var target = try await browser.begin()
      if what == "state" { target = target.replacing(/state=[^&]*/, with: "state=other") }
      if what == "code" { target = target.replacing(/code=[^&]*/, with: "code=other") }
      if what == "answerer" { target += "&iss=https%3A%2F%2Fother.example" }
      if what == "refusal" { target = target.replacing(/code=[^&]*/, with: "error=access_denied") }
      let answerer = what == "ticket" ? Browser(registry) : browser
      let answer = try await answerer.ask("GET", target)
      #expect(answer.status == 403, "\(answer)")
      #expect(!answerer.hasSession || what == "disabled")
      #expect(answer.text.contains("That did not work"))
      var filter = AuditFilter()
      filter.kind = "login"
      let logins = try await registry.administration.auditRecords(
        filter, after: 0, newestFirst: true, limit: 10, by: registry.admin)
      #expect(logins.contains { $0.outcome == "refused" && $0.credential == "sign-on" }, "\(logins)")
      if what == "refusal" { #expect(logins.contains { $0.detail.contains("access_denied") }, "\(logins)") }
    }
  }

  @Test func `with a provider that names itself is with that one, and not without its name`() async throws {
    try await Self.withProvider { registry, provider in
      provider.nameItself()
      let browser = Browser(registry)
      let target = try await browser.begin()
      #expect(target.contains("&iss="), "\(target)")
      let nameless = try await browser.ask("GET", target.replacing(/&iss=[^&]*/, with: ""))
      #expect(nameless.status == 403 && !browser.hasSession, "\(nameless)")
      let answer = try await browser.ask("GET", target)
      #expect(browser.hasSession, "\(answer)")
    }
  }

  @Test func `takes an audience of several that names this client as the one that asked`() async throws {
    try await Self.withProvider { registry, provider in
      provider.set(person: ["sub": "u-1", "aud": ["other", "berth"], "azp": "berth", "preferred_username": "carol"])
      let browser = Browser(registry)
      _ = try await browser.ask("GET", try await browser.begin())
      #expect(browser.hasSession)
    }
  }

  @Test func `goes on when the provider changes its key`() async throws {
    let clock = ManualClock()
    try await Self.withProvider(time: clock) { registry, provider in
      provider.set(clock: clock)
      let browser = Browser(registry)
      _ = try await browser.ask("GET", try await browser.begin())
      #expect(browser.hasSession)
      try provider.rotate()
      clock.advance(by: .seconds(11))
      let later = Browser(registry)
      let answer = try await later.ask("GET", try await later.begin())
      #expect(later.hasSession, "\(answer)")
    }
  }

  @Test func `a form that another site makes a browser send is refused`() async throws {
    try await Self.withProvider { registry, _ in
      let browser = Browser(registry)
      let login = try await browser.ask(
        "POST", "/auth/login",
        form: ["user": "reader", "password": ClosedRegistry.password, "return": "//evil.example"])
      #expect(login.status == 303)
      #expect(login.first("Location")?.hasSuffix("/auth/") ?? false)
      for site in ["cross-site", "same-site", nil] {
        let answer = try await browser.ask("POST", "/auth/token", form: ["name": "x", "days": "1"], site: site)
        #expect(answer.status == 403, "\(answer)")
        let change = try await browser.ask("POST", "/auth/logout", form: [:], site: site)
        #expect(change.status == 403)
      }
      // The cookie is for pages and their API, not for clients of the registry.
      #expect(try await browser.ask("GET", "/v2/").status == 401)
      #expect(try await browser.ask("GET", "/token").json["scope"] == "")
      let wrong = try await Browser(registry).ask("POST", "/auth/login", form: ["user": "reader", "password": "x"])
      #expect(wrong.status == 401)
      for header in ["content-security-policy", "x-content-type-options", "x-frame-options", "cache-control"] {
        #expect(wrong.first(header) != nil)
      }
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `a program waits for a person to say yes, and gets a token of theirs`(
    kind: TestInstallation.Kind
  ) async throws {
    try await Self.withProvider(over: kind) { registry, _ in
      func begin() async throws -> (device: String, user: String) {
        let begun = try await registry.ask(
          "POST", "/auth/device/code", as: nil, [("Content-Type", "application/x-www-form-urlencoded")],
          body: .text("client_id=<script>alert(1)</script>"))
        #expect(begun.json["interval"] == 5)
        return (try #require(begun.json["device_code"]?.string), try #require(begun.json["user_code"]?.string))
      }
      func poll(_ code: String) async throws -> RawResponse {
        try await registry.post(form: [
          "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": code,
        ])
      }
      let (device, user) = try await begin()
      #expect(user.firstMatch(of: /^[A-Z]{4}-[A-Z]{4}$/) != nil)
      #expect(try await poll(device).json["error"] == "authorization_pending")
      #expect(try await poll(device).json["error"] == "slow_down")
      let browser = Browser(registry)
      let first = try await browser.ask("GET", "/auth/device?user_code=\(user)")
      #expect(first.status == 303)
      _ = try await browser.ask("POST", "/auth/login", form: ["user": "reader", "password": ClosedRegistry.password])
      let page = try await browser.ask("GET", "/auth/device?user_code=\(user)")
      #expect(page.text.contains(user))
      #expect(page.text.contains("&lt;script&gt;"))
      #expect(!page.text.contains("<script>"))
      #expect(try await browser.ask("POST", "/auth/device", form: ["user_code": user, "answer": "yes"]).status == 200)
      let granted = try await poll(device)
      #expect(granted.json["user"] == "reader")
      let secret = try #require(granted.json["access_token"]?.string)
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("reader", secret)).status == 200)
      #expect(try await poll(device).json["error"] == "expired_token")
      let (other, code) = try await begin()
      _ = try await browser.ask("POST", "/auth/device", form: ["user_code": code, "answer": "no"])
      #expect(try await poll(other).json["error"] == "access_denied")
      #expect(try await poll("berth_ses_x").json["error"] == "expired_token")
    }
  }

  @Test(arguments: [
    ("carol", "carol"), ("carol@acme.example", "carol@acme.example"), ("Élise", "lise"), ("../../x", "x"),
    ("a/b", "a-b"), ("anonymous", nil), ("", nil), ("---", nil),
    (String(repeating: "a", count: 500), String(repeating: "a", count: 48)),
  ])
  func `makes a name of what a provider calls somebody`(claim: String, name: String?) {
    let made = AccessControl.accountName(claim)
    if let name { #expect(made == name) } else { #expect(made.hasPrefix("user-")) }
  }
}

extension RawResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
}
