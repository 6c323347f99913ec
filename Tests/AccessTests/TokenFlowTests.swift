import Foundation
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport
import Testing

@testable import Access

/// The token endpoint, and what ends what was had from it.
@Suite struct `The token endpoint` {
  private static let scope = "repository:acme/api:pull,push"

  @Test func `grants as much of what is asked as one may, and refuses only who is nobody`() async throws {
    try await ClosedRegistry.withOne { registry in
      let answer = try await registry.ask(
        "GET",
        "/token?service=x&scope=repository:acme/api:pull,push,delete&scope=repository:other/x:pull&scope=nonsense"
          + "&scope=registry:catalog:*&account=reader",
        as: ClosedRegistry.basic("reader"))
      #expect(answer.status == 200)
      #expect(answer.json["scope"]?.string == "repository:acme/api:pull registry:catalog:*")
      #expect(answer.json["expires_in"]?.integer == 300)
      #expect(answer.json["token"] == answer.json["access_token"])
      #expect(answer.json["refresh_token"] == nil)
      #expect(answer.first("Cache-Control") == "no-store")
      #expect(try await registry.ask("GET", "/token?scope=\(Self.scope)").json["scope"]?.string == "")
      #expect(try await registry.ask("GET", "/token", as: ClosedRegistry.basic("reader", "wrong")).status == 401)
      #expect(try await registry.ask("GET", "/token", as: ("Authorization", "Basic !")).status == 401)
      #expect(try await registry.ask("PUT", "/token").status == 405)
      let page = try await registry.ask("PUT", "/auth/device")
      #expect(page.status == 405 && page.first("Allow") == "GET, POST", "\(page)")
      #expect(try await registry.ask("PUT", "/auth/nothing").status == 404)
    }
  }

  @Test func `takes the form of OAuth2, renews a login, and ends it with the password`() async throws {
    try await ClosedRegistry.withOne { registry in
      let login = try await registry.post(form: [
        "grant_type": "password", "service": "registry.test", "client_id": "containerd", "access_type": "offline",
        "username": "writer", "password": ClosedRegistry.password,
        "scope": "repository:acme/api:pull,push repository:acme/web:pull",
      ])
      #expect(login.status == 200, "\(login)")
      #expect(login.json["scope"]?.string == "repository:acme/api:pull,push repository:acme/web:pull")
      let refresh = try #require(login.json["refresh_token"]?.string)
      let first = ("Authorization", "Bearer \(try #require(login.json["access_token"]?.string))")
      func renew() async throws -> RawResponse {
        try await registry.post(form: ["grant_type": "refresh_token", "refresh_token": refresh, "scope": Self.scope])
      }
      let renewed = try await renew()
      #expect(renewed.json["refresh_token"]?.string == refresh)
      #expect(renewed.json["scope"]?.string == Self.scope)
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: first).status == 200)
      // A refresh token renews, and is nothing else.
      #expect(try await registry.ask("GET", "/v2/", as: ("Authorization", "Bearer \(refresh)")).status == 401)
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("writer", refresh)).status == 401)
      var change = Administration.UserChange()
      change.password = "another-password"
      try await registry.administration.changeUser("writer", change, by: registry.admin)
      #expect(try await renew().status == 401)
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: first).status == 401)
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("writer")).status == 401)
      #expect(
        try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("writer", "another-password")).status == 200)
    }
  }

  @Test(arguments: [
    ("", "application/x-www-form-urlencoded", 400), ("grant_type=implicit", "application/x-www-form-urlencoded", 400),
    ("grant_type=password&username=a&password=b", "application/x-www-form-urlencoded", 401),
    ("grant_type=refresh_token&refresh_token=x", "application/x-www-form-urlencoded", 401),
    ("grant_type=password", "application/json", 415), ("grant_type=%zz", "application/x-www-form-urlencoded", 400),
    ("grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "application/x-www-form-urlencoded", 400),
  ])
  func `says what is wrong with a form`(form: String, type: String, status: Int) async throws {
    try await ClosedRegistry.withOne { registry in
      let answer = try await registry.ask("POST", "/token", as: nil, [("Content-Type", type)], body: .text(form))
      #expect(answer.status == status, "\(answer)")
    }
  }

  @Test(arguments: TestInstallation.Kind.allCases)
  func `a token that was revoked ends, with all that was had for it, on every replica`(
    kind: TestInstallation.Kind
  ) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let made = try await registry.administration.makeToken(
        "x",
        for: .robot(
          try await registry.administration.makeRobot(
            "ci", in: "acme", role: "reader", pattern: nil, by: registry.admin),
          namespace: "acme"), scope: nil, lifetime: nil, by: registry.admin)
      let basic = ClosedRegistry.basic("acme+ci", made.secret)
      let bearer = try await registry.bearer("repository:acme/api:pull", as: basic)
      let login = try await registry.post(form: [
        "grant_type": "password", "username": "acme+ci", "password": made.secret, "access_type": "offline",
      ])
      let refresh = try #require(login.json["refresh_token"]?.string)
      for header in [basic, bearer] {
        #expect(try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status == 200)
      }
      // Another replica, which remembers it; on SQLite this process is alone, and forgets at once.
      let database = registry.server.registry.database
      let other = try await AccessControl(
        database: database, settings: registry.server.access.settings, http: NoNetwork())
      let shown = Presented(authorization: basic.1)
      #expect(try await other.authenticator.caller(shown, address: "", requestID: "").isAuthenticated)
      try await registry.administration.revokeToken(
        made.record.id, of: .robot("ci", namespace: "acme"), by: registry.admin)
      for header in [basic, bearer] {
        #expect(try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status == 401)
      }
      let renewed = try await registry.post(form: ["grant_type": "refresh_token", "refresh_token": refresh])
      #expect(renewed.status == 401)
      guard database.isShared else { return }
      try await Task.sleep(for: AccessMemory.bound)
      #expect(other.authenticator.callerAtHand(shown, address: "", requestID: "") == nil)
      await #expect(throws: AuthenticationFailure.self) {
        try await other.authenticator.caller(shown, address: "", requestID: "")
      }
    }
  }

  @Test func `what it gives out is no login, and cannot be renewed with itself`() async throws {
    try await ClosedRegistry.withOne { registry in
      let admin = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.admin)
      let anonymous = try await registry.bearer("repository:acme/api:pull")
      for header in [admin, anonymous] {
        for target in ["/token?scope=\(Self.scope)", "/token?offline_token=true", "/token"] {
          let answer = try await registry.ask("GET", target, as: header)
          #expect(answer.status == 401, "\(answer)")
          #expect(answer.json["refresh_token"] == nil)
        }
      }
      // It administers nothing, and is no password.
      #expect(try await registry.api("GET", "/api/v1/users", as: admin).status == 403)
      let asPassword = ClosedRegistry.basic("admin", String(admin.1.dropFirst(7)))
      #expect(try await registry.ask("GET", "/v2/", as: asPassword).status == 401)
    }
  }

  @Test func `a stored token begins no login that outlives it`() async throws {
    try await ClosedRegistry.withOne { registry in
      let made = try await registry.api(
        "POST", "/api/v1/tokens", as: ClosedRegistry.basic("reader"), #"{"name":"a","seconds":60}"#)
      let secret = try #require(made.json["secret"]?.string)
      let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")]
      let login = try await registry.ask(
        "POST", "/auth/login", as: nil, form, body: .text("user=reader&password=\(secret)"))
      #expect(login.status == 403)
      #expect(login.first("Set-Cookie") == nil)
      var filter = AuditFilter()
      filter.kind = "login"
      let logins = try await registry.administration.auditRecords(
        filter, after: 0, newestFirst: true, limit: 100, by: registry.admin)
      #expect(logins.first { $0.outcome == "refused" }?.target == "reader", "it is known whose token it was")
      let begun = try await registry.ask("POST", "/auth/device/code", as: nil, form, body: .text("client_id=x"))
      let code = try #require(begun.json["user_code"]?.string)
      let confirmed = try await registry.ask(
        "POST", "/auth/device", as: ClosedRegistry.basic("reader", secret), form,
        body: .text("user_code=\(code)&answer=yes"))
      #expect(confirmed.status == 403)
      // A robot that may make tokens for robots makes none for itself that outlive the one it has.
      let robot = try await registry.administration.makeRobot(
        "ci", in: "acme", role: "maintainer", pattern: nil, by: registry.admin)
      let own = try await registry.administration.makeToken(
        "x", for: .robot(robot, namespace: "acme"), scope: nil, lifetime: .seconds(60), by: registry.admin)
      let again = try await registry.api(
        "POST", "/api/v1/namespaces/acme/robots/ci/tokens", as: ClosedRegistry.basic(robot, own.secret),
        #"{"name":"y"}"#)
      #expect(again.json["expiresAt"]?.string == own.record.expiresAt?.description)
      // Nor for another robot, which could make the next for it.
      let robots = "/api/v1/namespaces/acme/robots"
      let header = ClosedRegistry.basic(robot, own.secret)
      let another = try await registry.api("POST", robots, as: header, #"{"name":"next","role":"maintainer"}"#)
      #expect(another.status == 201, "\(another)")
      let next = try await registry.api("POST", "\(robots)/next/tokens", as: header, #"{"name":"z"}"#)
      #expect(next.json["expiresAt"]?.string == own.record.expiresAt?.description, "\(next)")
    }
  }

  @Test func `a token that is made with a token ends with it at the latest`() async throws {
    try await ClosedRegistry.withOne { registry in
      func make(_ json: String, _ header: (String, String)) async throws -> JSONValue {
        try await registry.api("POST", "/api/v1/tokens", as: header, json).json
      }
      let first = try await make(#"{"name":"a","seconds":3600}"#, ClosedRegistry.basic("reader"))
      let header = ClosedRegistry.basic("reader", try #require(first["secret"]?.string))
      let end = try #require(first["expiresAt"]?.string)
      #expect(try await make(#"{"name":"b"}"#, header)["expiresAt"]?.string == end)
      #expect(try await make(#"{"name":"c","seconds":999999}"#, header)["expiresAt"]?.string == end)
      #expect(try await make(#"{"name":"d","seconds":60}"#, header)["expiresAt"]?.string ?? end < end)
      #expect(try await make(#"{"name":"e"}"#, ClosedRegistry.basic("reader"))["expiresAt"] == .null)
    }
  }

  @Test func `goes on with the tokens of the old key when there is a new one`() async throws {
    try await ClosedRegistry.withOne { registry in
      let old = try await registry.bearer(Self.scope, as: ClosedRegistry.basic("writer"))
      let before = try await registry.ask("GET", "/.well-known/jwks.json").json["keys"]?.array ?? []
      let id = try await registry.administration.rotateSigningKey(by: registry.admin)
      let after = try await registry.ask("GET", "/.well-known/jwks.json").json["keys"]?.array ?? []
      #expect(before.count == 1)
      #expect(after.count == 2)
      #expect(after[0]["kid"]?.string == id)
      #expect(after.allSatisfy { $0["d"] == nil })
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: old).status == 200)
      let new = try await registry.bearer(Self.scope, as: ClosedRegistry.basic("writer"))
      #expect(try SignedToken(parsing: new.1.dropFirst(7)).keyID == id)
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: new).status == 200)
    }
  }

  @Test func `a grant that was taken away ends at once, whatever a token says`() async throws {
    try await ClosedRegistry.withOne { registry in
      let header = try await registry.bearer(Self.scope, as: ClosedRegistry.basic("writer"))
      #expect(try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status == 200)
      let grants = try await registry.administration.grants(on: "acme", after: 0, limit: 10, by: registry.admin)
      let grant = try #require(grants.first { $0.account == "writer" })
      try await registry.administration.deleteGrant(grant.id, on: "acme", by: registry.admin)
      #expect(try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status == 404)
      var change = Administration.UserChange()
      change.isDisabled = true
      try await registry.administration.changeUser("writer", change, by: registry.admin)
      #expect(try await registry.ask("GET", "/v2/acme/api/manifests/1", as: header).status == 401)
    }
  }

  @Test func `a token that lacks the action is told to get another, when its holder may`() async throws {
    try await ClosedRegistry.withOne { registry in
      let pull = try await registry.bearer("repository:acme/api:pull", as: ClosedRegistry.basic("writer"))
      let answer = try await registry.ask("POST", "/v2/acme/api/blobs/uploads/", as: pull)
      #expect(answer.status == 401)
      let challenge = try #require(answer.first("WWW-Authenticate"))
      #expect(challenge.contains(#"scope="repository:acme/api:pull,push""#))
      #expect(challenge.contains(#"error="insufficient_scope""#))
      #expect(challenge.contains("Bearer realm=\"http://\(registry.http.authority)/token\",service=\"registry.test\""))
      let reader = try await registry.bearer(Self.scope, as: ClosedRegistry.basic("reader"))
      #expect(try await registry.ask("POST", "/v2/acme/api/blobs/uploads/", as: reader).status == 403)
    }
  }

  @Test func `tokens that were tampered with, or are somebody else's, are refused`() async throws {
    try await ClosedRegistry.withOne { registry in
      let (_, value) = try await registry.bearer(Self.scope, as: ClosedRegistry.basic("writer"))
      let good = String(value.dropFirst(7))
      let parts = good.split(separator: ".").map { String($0) }
      let claims = String(decoding: try #require(Base64URL.decode(parts[1])), as: UTF8.self)
      func with(_ from: String, _ to: String) -> String {
        parts[0] + "." + Base64URL.encode(Array(claims.replacingOccurrences(of: from, with: to).utf8)) + "." + parts[2]
      }
      let stranger = try PrivateKey(id: SignedToken(parsing: good).keyID ?? "", der: PrivateKey.generate())
      let unsigned = Base64URL.encode(Array(#"{"alg":"none","typ":"at+jwt"}"#.utf8)) + "." + parts[1] + "."
      let confused =
        Base64URL.encode(Array(#"{"alg":"HS256","typ":"at+jwt","kid":"x"}"#.utf8)) + "." + parts[1] + ".AAAA"
      let keys = try #require(registry.server.access.publishedKeys["keys"]?.array)
      let bringing = try Self.withKey(keys[0], parts[1])
      let forged = try SignedToken.sign(try JSONValue.parse(claims), type: "at+jwt", by: stranger)
      let job = registry.issuer.token(["sub": "x", "aud": "registry.test"])
      let signer = try registry.server.access.keys.signer()
      func ours(_ from: String, _ to: String, type: String = "at+jwt") throws -> String {
        try SignedToken.sign(JSONValue.parse(claims.replacingOccurrences(of: from, with: to)), type: type, by: signer)
      }
      let expiry = try #require(claims.firstMatch(of: /"exp":(\d+)/)).1
      let notBefore = try #require(claims.firstMatch(of: /"nbf":(\d+)/)).1
      let bad = [
        with("writer", "owner"), with("acme/api", "acme/web"), unsigned, confused, bringing, forged, job,
        try ours("\"exp\":\(expiry)", "\"exp\":1000000"), try ours("\"nbf\":\(notBefore)", "\"nbf\":4000000000"),
        try ours("\"aud\":\"registry.test\"", "\"aud\":\"other.test\""),
        try ours("\"iss\":\"registry.test\"", "\"iss\":\"other.test\""), try ours("x", "x", type: "JWT"), good + "A",
        good + ".A", String(good.dropLast()), String(repeating: "A", count: 20_000), "", "null",
      ]
      for (index, token) in bad.enumerated() {
        let answer = try await registry.ask("GET", "/v2/acme/api/tags/list", as: ("Authorization", "Bearer \(token)"))
        #expect(answer.status == 401, "\(index): \(answer)")
        #expect(answer.errorCode == "UNAUTHORIZED")
        #expect(answer.first("WWW-Authenticate")?.contains(#"scope="repository:acme/api:pull""#) ?? false)
      }
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: ("Authorization", value)).status == 200)
    }
  }

  private static func withKey(_ key: JSONValue, _ claims: String) throws -> String {
    let header: JSONValue = ["alg": "ES256", "typ": "at+jwt", "jwk": key]
    return Base64URL.encode(header.bytes) + "." + claims + "." + Base64URL.encode(Array(repeating: 7, count: 64))
  }
}

/// What ends logins, and how long they last.
@Suite struct `A login` {
  @Test func `of a client ends when a site admin ends all of a user's, as a browser's does`() async throws {
    try await ClosedRegistry.withOne { registry in
      let writer = ClosedRegistry.basic("writer")
      let made = try await registry.api("POST", "/api/v1/tokens", as: writer, #"{"name":"berth login on laptop"}"#)
      let token = ClosedRegistry.basic("writer", try #require(made.json["secret"]?.string))
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: token).status == 200)
      let changed = try await registry.api(
        "PATCH", "/api/v1/users/writer", as: ClosedRegistry.admin, #"{"logOut":true}"#)
      #expect(changed.status == 200, "\(changed)")
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: token).status == 401)
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: writer).status == 200)
    }
  }

  @Test func `lasts as long as a token may where nothing else is asked`() async throws {
    try await ClosedRegistry.withOne {
      $0.longestToken = .seconds(2 * 86_400)
    } _: { registry in
      let writer = ClosedRegistry.basic("writer")
      let own = try await registry.api("GET", "/api/v1/whoami", as: writer)
      #expect(own.json["longestTokenSeconds"] == 172_800, "\(own)")
      let made = try await registry.api("POST", "/api/v1/tokens", as: writer, #"{"name":"x"}"#)
      #expect(made.status == 201, "\(made)")
      let end = Timestamp(parsing: made.json["expiresAt"]?.string ?? "")
      let begin = Timestamp(parsing: made.json["createdAt"]?.string ?? "")
      #expect(try #require(end) - (try #require(begin)) == .seconds(172_800))
      let longer = try await registry.api("POST", "/api/v1/tokens", as: writer, #"{"name":"x","seconds":172801}"#)
      #expect(longer.status == 400 && longer.text.contains("2 days"), "\(longer)")
    }
  }

  @Test func `by a wrong old password is slowed down as any other, and says for how long`() async throws {
    try await ClosedRegistry.withOne { registry in
      let writer = ClosedRegistry.basic("writer")
      #expect(try await registry.ask("GET", "/v2/", as: writer).status == 200)
      let made = try await registry.api("POST", "/api/v1/tokens", as: writer, #"{"name":"x"}"#)
      let token = ClosedRegistry.basic("writer", try #require(made.json["secret"]?.string))
      let throttle = registry.server.access.authenticator.throttle
      for _ in 0..<20 { throttle.failed(account: "writer", address: "127.0.0.1") }
      let answer = try await registry.api(
        "PUT", "/api/v1/whoami/password", as: token, #"{"current":"wrong-password","new":"another-password"}"#)
      #expect(answer.status == 429, "\(answer)")
      #expect(Int(answer.first("Retry-After") ?? "") ?? 0 >= 1)
    }
  }

  @Test func `by old passwords that come at the same time is not faster, and a flood of them is told to come again`()
    async throws
  {
    try await ClosedRegistry.withOne { registry in
      func token(of user: String) async throws -> (String, String) {
        let made = try await registry.api("POST", "/api/v1/tokens", as: ClosedRegistry.basic(user), #"{"name":"x"}"#)
        return ClosedRegistry.basic(user, try #require(made.json["secret"]?.string))
      }
      func change(_ token: (String, String), from old: String, count: Int) async throws -> [Int] {
        try await withThrowingTaskGroup { group in
          for _ in 0..<count {
            group.addTask {
              try await registry.api(
                "PUT", "/api/v1/whoami/password", as: token,
                #"{"current":"\#(old)","new":"\#(ClosedRegistry.password)"}"#
              ).status
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
      }
      let (writer, reader) = (try await token(of: "writer"), try await token(of: "reader"))
      let throttle = registry.server.access.authenticator.throttle
      for _ in 0..<LoginThrottle.freeForPair { throttle.failed(account: "writer", address: "127.0.0.1") }
      let guesses = try await change(writer, from: "wrong-password", count: 40)
      #expect(guesses.allSatisfy { [403, 429].contains($0) }, "\(guesses)")
      #expect(guesses.count { $0 == 403 } <= 8, "\(guesses)")
      let flood = try await change(reader, from: ClosedRegistry.password, count: 150)
      #expect(flood.contains { $0 < 300 } && flood.allSatisfy { $0 < 300 || $0 == 429 }, "\(flood)")
    }
  }
}
