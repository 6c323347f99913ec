import Ground
import HTTPService
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// The ways in which other registries were fooled; docs/hostile.md names them.
@Suite struct `What fooled other registries` {
  private static let misspeltNames = [
    "acme%2fapi", "acme/%61pi", "/acme/api", "acme//api", "./acme/api", "public/../acme/api", "public/%2e%2e/acme/api",
    "ACME/api", "public/api/manifests/1/../../../../acme/api", "public\\..\\acme/api", "acme/api;x",
    "public/api#/../acme/api", "_catalog/../acme/api",
  ].map { ("/v2/\($0)/manifests/1", [401, 400, 400]) }

  /// Answers to nobody, to who may pull from `public/api`, and to a user without rights.
  @Test(
    arguments: misspeltNames + [
      ("/v2/acme/api/manifests/1", [401, 401, 404]), ("/v2/acme/none/manifests/1", [401, 401, 404]),
      ("/v2/acme/api/manifests/1?x=/v2/public/api/manifests/1", [401, 401, 404]),
      ("/v2/acme/api/manifests/sha256:0000", [401, 400, 400]), ("/v2/acme/api/manifests/1%00", [401, 404, 404]),
      ("/V2/acme/api/manifests/1", [404, 404, 404]), ("//v2/acme/api/manifests/1", [404, 404, 404]),
      ("/v2/acme/api/manifests/1/", [404, 404, 404]),
    ])
  func `no path reaches a repository without its permit`(path: String, expected: [Int]) async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.makeNamespace("public", isPublic: true, owner: nil, by: registry.admin)
      try await registry.pushImage("public/api", "1")
      let anonymous = try await registry.bearer("repository:public/api:pull")
      for (header, status) in zip([nil, anonymous, ClosedRegistry.basic("stranger")], expected) {
        let answer = try await registry.ask("GET", path, as: header)
        #expect(answer.status == status, "\(answer)")
        #expect(answer.body != ClosedRegistry.manifest)
      }
    }
  }

  @Test(arguments: [
    ("/api/v1/users/..%2fusers", 404), ("/api/v1//users", 404), ("/api/v1/users/%2e%2e/namespaces", 404),
    ("/API/v1/users", 404), ("/api/v1/users/", 403), ("/api/v1/namespaces/acme%2frobots", 404),
    ("/api/v1/users?%", 400),
    ("/api/v2/users", 404), ("/api/", 404),
  ])
  func `no path reaches an operation by another name`(path: String, expected: Int) async throws {
    try await ClosedRegistry.withOne { registry in
      let answer = try await registry.api("GET", path, as: ClosedRegistry.basic("reader"))
      #expect(answer.status == expected, "\(answer)")
    }
  }

  @Test func `nobody makes themselves more than they are`() async throws {
    try await ClosedRegistry.withOne { registry in
      // A field that is not asked for: CVE-2019-16097.
      let admin = ClosedRegistry.admin
      for body in [
        #"{"name":"eve","has_admin_role":true}"#, #"{"name":"eve","siteRole":"owner"}"#, #"{"name":"eve","name":"x"}"#,
        #"{"name":"eve","id":1}"#, #"["eve"]"#, #"{"name":["eve"]}"#, #"{"name":"-eve"}"#, #"{"name":"e/ve"}"#,
        #"{"name":"anonymous"}"#, #"{"name":"acme+ci"}"#, #"{"name":"eve","password":"short"}"#, "{",
      ] {
        let answer = try await registry.api("POST", "/api/v1/users", as: admin, body)
        #expect(answer.status == 400, "\(body): \(answer)")
      }
      // A maintainer's robot is no more than a maintainer; an owner reaches no other namespace.
      let maintainer = ClosedRegistry.basic("maintainer")
      let robots = "/api/v1/namespaces/acme/robots"
      #expect(try await registry.api("POST", robots, as: maintainer, #"{"name":"r","role":"owner"}"#).status == 400)
      #expect(
        try await registry.api("POST", robots, as: maintainer, #"{"name":"r","role":"reader","pattern":"other/*"}"#)
          .status
          == 400)
      #expect(
        try await registry.api("POST", robots, as: maintainer, #"{"name":"r","role":"maintainer"}"#).status == 201)
      let owner = ClosedRegistry.basic("owner")
      let grants = "/api/v1/namespaces/acme/grants"
      for body in [
        #"{"role":"owner","account":"acme+r"}"#, #"{"role":"reader","account":"stranger","pattern":"*/*"}"#,
        #"{"role":"reader","account":"stranger","pattern":"acme-evil/x"}"#, #"{"role":"admin","account":"stranger"}"#,
        #"{"role":"reader","account":"stranger","team":"x"}"#, #"{"role":"reader"}"#,
      ] {
        #expect(try await registry.api("POST", grants, as: owner, body).status == 400, "\(body)")
      }
      // A robot of another namespace, by an id or a name that one knows: CVE-2022-31667, CVE-2022-31666.
      try await registry.administration.makeNamespace("other", isPublic: false, owner: nil, by: registry.admin)
      _ = try await registry.administration.makeRobot(
        "ci", in: "other", role: "writer", pattern: nil, by: registry.admin)
      #expect(try await registry.api("DELETE", "\(robots)/other+ci", as: owner).status == 400)
      #expect(try await registry.api("GET", "/api/v1/namespaces/other/robots", as: owner).status == 404)
      #expect(try await registry.api("POST", "\(robots)/other+ci/tokens", as: owner, #"{"name":"x"}"#).status == 400)
      let foreign = try await registry.api("POST", grants, as: owner, #"{"role":"reader","account":"other+ci"}"#)
      let none = try await registry.api("POST", grants, as: owner, #"{"role":"reader","account":"other+no"}"#)
      #expect(foreign.status == 404)
      #expect(none.status == 404)
    }
  }

  @Test func `the last site admin stays`() async throws {
    try await ClosedRegistry.withOne { (registry) async throws -> Void in
      let path = "/api/v1/users/admin"
      #expect(try await registry.api("DELETE", path, as: ClosedRegistry.admin).status == 409)
      #expect(try await registry.api("PATCH", path, as: ClosedRegistry.admin, #"{"disabled":true}"#).status == 409)
      #expect(try await registry.api("PATCH", path, as: ClosedRegistry.admin, #"{"siteRole":null}"#).status == 409)
      #expect(try await registry.api("GET", "/api/v1/whoami", as: ClosedRegistry.admin).status == 200)
    }
  }

  @Test func `lists show what one may see, and what one may not is as if it were not there`() async throws {
    try await ClosedRegistry.withOne { registry in
      for name in ["other/x", "public/api", "acme-evil/x", "acme/web"] { try await registry.pushImage(name, "1") }
      try await registry.administration.setPublic(true, "public", by: registry.admin)
      try await registry.administration.grant(
        "reader", to: .account("stranger"), on: "acme", pattern: "acme/w*", by: registry.admin)
      func catalogue(_ credential: (String, String)?, page: Int = 1000) async throws -> [String] {
        var found: [String] = []
        var target: String? = "/v2/_catalog?n=\(page)"
        let bearer = try await registry.bearer("registry:catalog:*", as: credential)
        while let next = target {
          let answer = try await registry.ask("GET", next, as: bearer)
          found += answer.json["repositories"]?.array?.compactMap(\.string) ?? []
          target = answer.first("Link").flatMap { $0.firstMatch(of: /<([^>]+)>/) }.map { String($0.1) }
        }
        return found
      }
      #expect(try await catalogue(nil) == ["public/api"])
      #expect(try await catalogue(ClosedRegistry.basic("stranger")) == ["acme/web", "public/api"])
      #expect(try await catalogue(ClosedRegistry.basic("stranger"), page: 1) == ["acme/web", "public/api"])
      #expect(try await catalogue(ClosedRegistry.basic("reader"), page: 1) == ["acme/api", "acme/web", "public/api"])
      #expect(
        try await catalogue(ClosedRegistry.basic("auditor"), page: 2)
          == ["acme-evil/x", "acme/api", "acme/web", "other/x", "public/api"])
      let stranger = ClosedRegistry.basic("stranger")
      let there = try await registry.ask("GET", "/v2/other/x/tags/list", as: stranger)
      let nowhere = try await registry.ask("GET", "/v2/other/y/tags/list", as: stranger)
      #expect(there.status == nowhere.status)
      #expect(there.text.replacing("other/x", with: "other/y") == nowhere.text)
      let namespaces = try await registry.api("GET", "/api/v1/namespaces", as: stranger).json["items"]?.array ?? []
      #expect(namespaces.compactMap { $0["name"]?.string } == ["acme", "public"])
      // A blob of a repository that one may not read cannot be mounted from it.
      try await registry.administration.grant(
        "writer", to: .account("stranger"), on: "public", pattern: nil, by: registry.admin)
      let secret = Array("a secret layer".utf8)
      let digest = Digest.ofTest(secret)
      _ = try await registry.ask(
        "POST", "/v2/other/x/blobs/uploads/?digest=\(digest)", as: ClosedRegistry.admin, body: .bytes(secret))
      for target in ["&from=other/x", ""] {
        let mount = try await registry.ask(
          "POST", "/v2/public/api/blobs/uploads/?mount=\(digest)\(target)", as: stranger)
        #expect(mount.status == 202, "\(mount)")
      }
      #expect(try await registry.ask("GET", "/v2/public/api/blobs/\(digest)", as: stranger).status == 404)
    }
  }

  @Test func `guessing is slowed down, and does not tell who exists`() async throws {
    try await ClosedRegistry.withOne { registry in
      let wrong = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("owner", "wrong-password"))
      let nobody = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("nobody-at-all", "wrong-password"))
      #expect(wrong.status == nobody.status)
      #expect(wrong.text == nobody.text)
      var last = wrong
      // The wait doubles with each failure, so that it is longer than any pause between two of ours at last.
      for number in 0..<30 where last.status != 429 {
        last = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("owner", "wrong-password-\(number)"))
      }
      #expect(last.status == 429)
      #expect(last.errorCode == "TOOMANYREQUESTS")
      #expect(Int(last.first("Retry-After") ?? "") ?? 0 >= 1)
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("reader")).status == 200)
    }
  }

  @Test func `who goes on guessing is told to wait longer each time`() async throws {
    let clock = ManualClock()
    try await ClosedRegistry.withOne(time: clock) { registry in
      var waits: [Int] = []
      for number in 0..<40 where waits.count < 5 {
        let guess = ClosedRegistry.basic("owner", "wrong-password-\(number)")
        let answer = try await registry.ask("GET", "/v2/", as: guess)
        guard answer.status == 429 else {
          #expect(answer.status == 401, "\(answer)")
          continue
        }
        #expect(answer.errorCode == "TOOMANYREQUESTS")
        let seconds = try #require(Int(answer.first("Retry-After") ?? ""))
        waits.append(seconds)
        clock.advance(by: .seconds(seconds))
      }
      #expect(waits == [1, 2, 4, 8, 16])
    }
  }

  /// A request as a proxy on this machine passes it on for a client at an address.
  private static func ask(
    from address: String, as credential: (String, String), _ registry: ClosedRegistry
  ) async throws -> RawResponse {
    try await registry.ask("GET", "/v2/", as: credential, [("X-Forwarded-For", address)])
  }

  @Test func `who names an address beside the one that the proxy saw does not choose it`() async throws {
    try await ClosedRegistry.withOne { registry in
      func ask(_ number: Int, _ password: String) async throws -> RawResponse {
        try await registry.ask(
          "GET", "/v2/", as: ClosedRegistry.basic("owner", password),
          [("Forwarded", "for=203.0.113.\(number)"), ("X-Forwarded-For", "192.0.2.9")])
      }
      var last = try await ask(0, "wrong-password")
      for number in 1..<40 where last.status != 429 { last = try await ask(number, "wrong-password-\(number)") }
      #expect(last.status == 429, "\(last)")
      // A proxy that sets both is believed.
      let right = ClosedRegistry.basic("owner")
      let both = [("Forwarded", "for=198.51.100.1;proto=https"), ("X-Forwarded-For", "198.51.100.1")]
      #expect(try await registry.ask("GET", "/v2/", as: right, both).status == 200)
    }
  }

  @Test func `who is slowed down is not told by an answer which guess is right, though its owner is logged in`()
    async throws
  {
    try await ClosedRegistry.withOne { registry in
      let right = ClosedRegistry.basic("writer")
      for _ in 0..<2 { #expect(try await Self.ask(from: "192.0.2.1", as: right, registry).status == 200) }
      let throttle = registry.server.access.authenticator.throttle
      for _ in 0..<20 { throttle.failed(account: "writer", address: "198.51.100.7") }
      let wrong = try await Self.ask(
        from: "198.51.100.7", as: ClosedRegistry.basic("writer", "wrong-password"), registry)
      let guessed = try await Self.ask(from: "198.51.100.7", as: right, registry)
      #expect(wrong.status == 429 && guessed.status == 429, "\(wrong) \(guessed)")
      #expect(wrong.text == guessed.text)
      let form = try await registry.ask(
        "POST", "/token", as: nil,
        [("Content-Type", "application/x-www-form-urlencoded"), ("X-Forwarded-For", "198.51.100.7")],
        body: .text("grant_type=password&service=x&username=writer&password=\(ClosedRegistry.password)"))
      #expect(form.status == 429, "\(form)")
      #expect(try await Self.ask(from: "192.0.2.1", as: right, registry).status == 200)
    }
  }

  @Test func `a machine that shows an old password slows nobody down beside it, and makes none right`() async throws {
    try await ClosedRegistry.withOne { registry in
      let site = "192.0.2.77"
      let old = ClosedRegistry.basic("writer")
      let new = "another-password-of-tests"
      func setPassword(_ password: String) async throws {
        var change = Administration.UserChange()
        change.password = password
        try await registry.administration.changeUser("writer", change, by: registry.admin)
      }
      try await setPassword(new)
      let nobody = ClosedRegistry.basic("nobody-at-all", "wrong-password")
      for credential in [old, nobody] {
        let answers = try await withThrowingTaskGroup { group in
          // The first is over before the others come.
          let first = try await Self.ask(from: site, as: credential, registry)
          for _ in 0..<60 { group.addTask { try await Self.ask(from: site, as: credential, registry) } }
          return try await group.reduce(into: [first]) { $0.append($1) }
        }
        #expect(answers.allSatisfy { $0.status == 401 && $0.text == answers[0].text })
      }
      #expect(try await Self.ask(from: site, as: ClosedRegistry.basic("writer", new), registry).status == 200)
      #expect(try await Self.ask(from: site, as: ClosedRegistry.basic("reader"), registry).status == 200)
      // What was wrong is right once it is the password.
      try await setPassword(ClosedRegistry.password)
      #expect(try await Self.ask(from: site, as: old, registry).status == 200)
    }
  }

  @Test func `a right password that was refused while its account was disabled is right again later`() async throws {
    try await ClosedRegistry.withOne { registry in
      for isDisabled in [true, false] {
        var change = Administration.UserChange()
        change.isDisabled = isDisabled
        try await registry.administration.changeUser("writer", change, by: registry.admin)
        for _ in 0..<2 {
          let answer = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("writer"))
          #expect(answer.status == (isDisabled ? 401 : 200), "\(answer)")
        }
      }
    }
  }

  @Test func `a machine that shows a token which has ended keeps nobody out beside it`() async throws {
    try await ClosedRegistry.withOne { registry in
      let dead = SecretToken(.robot, random: SystemRandom()).text
      for _ in 0..<40 {
        let answer = try await Self.ask(from: "192.0.2.77", as: ClosedRegistry.basic("acme+ci", dead), registry)
        #expect(answer.status == 401)
      }
      let first = try await Self.ask(from: "192.0.2.77", as: ClosedRegistry.basic("writer"), registry)
      #expect(first.status == 200, "\(first)")
    }
  }

  @Test func `two credentials are none`() async throws {
    try await ClosedRegistry.withOne { registry in
      for path in ["/v2/", "/v2/acme/api/manifests/1", "/token", "/api/v1/whoami"] {
        let answer = try await registry.ask(
          "GET", path, as: ClosedRegistry.basic("reader"), [ClosedRegistry.basic("admin", "x")])
        #expect(answer.status == 400, "\(path): \(answer)")
      }
    }
  }

  @Test(arguments: [
    #"{"name":"x","seconds":1000000000000000000}"#, #"{"name":"x","seconds":0}"#, #"{"name":"x","seconds":-1}"#,
  ])
  func `a token ends within a century`(body: String) async throws {
    try await ClosedRegistry.withOne { registry in
      let answer = try await registry.api("POST", "/api/v1/tokens", as: ClosedRegistry.basic("reader"), body)
      #expect(answer.status == 400, "\(answer)")
    }
  }

  @Test(arguments: [#"\u0000"#, #"\u001b[2J"#, #"a\nb"#, #"\u009b"#, #"\u202e"#])
  func `texts that are stored hold nothing that could pass for something else`(text: String) async throws {
    try await ClosedRegistry.withOne { registry in
      let owner = ClosedRegistry.basic("owner")
      let environments = "/api/v1/namespaces/acme/environments"
      #expect(try await registry.api("POST", environments, as: owner, #"{"name":"production"}"#).status == 201)
      let trust = #""issuer":"\#(registry.issuer.url)","role":"reader","name":"main""#
      for (method, path, body) in [
        ("PUT", "/api/v1/repositories/acme/api/-/labels", #"{"target":"1","set":{"a":"b"},"reason":"\#(text)"}"#),
        ("PUT", "/api/v1/repositories/acme/api/-/labels", #"{"target":"1","set":{"a":"\#(text)"}}"#),
        ("POST", "/api/v1/repositories/acme/api/-/tags/1/restore", #"{"reason":"\#(text)"}"#),
        ("POST", "\(environments)/production/promotions", #"{"images":["acme/api:1"],"reason":"\#(text)"}"#),
        ("POST", "\(environments)/production/releases/1/approve", #"{"comment":"\#(text)"}"#),
        ("POST", "/api/v1/namespaces/acme/trust", #"{\#(trust),"claims":{"a":"b"},"audience":"\#(text)"}"#),
        ("POST", "/api/v1/namespaces/acme/trust", #"{\#(trust),"claims":{"a\#(text)":"b"}}"#),
        ("POST", "/api/v1/tokens", #"{"name":"\#(text)"}"#),
      ] {
        let answer = try await registry.api(method, path, as: owner, body)
        #expect(answer.status == 400, "\(path) \(body): \(answer)")
      }
    }
  }

  @Test func `headers say nothing that a client made up`() async throws {
    try await ClosedRegistry.withOne { registry in
      for host in ["evil\"x", "a b", "x,y=\"z", String(repeating: "a", count: 300)] {
        let answer = try await registry.ask("GET", "/v2/", as: nil, [("Host", host)])
        let challenge = answer.first("WWW-Authenticate") ?? ""
        #expect(!challenge.contains("evil"), "\(answer)")
        #expect(!challenge.contains("z\""))
      }
      let scope = try await registry.ask("GET", "/token?scope=repository:acme/api:pull%0d%0aX-Evil:1&service=a%0d%0ab")
      #expect(scope.first("X-Evil") == nil)
      let name = try await registry.ask("GET", "/v2/acme/api%0d%0aX-Evil:1/tags/list")
      #expect(name.first("X-Evil") == nil)
    }
  }

  /// What many are answered who come together: one after the other would be within the rate on a slow machine.
  private static func atOnce(
    _ ask: @escaping @Sendable () async throws -> RawResponse
  ) async throws -> [RawResponse] {
    let answers = try await withThrowingTaskGroup { group in
      for _ in 0..<60 { group.addTask(operation: ask) }
      return try await group.reduce(into: [RawResponse]()) { $0.append($1) }
    }
    let refused = answers.filter { $0.status == 429 }
    #expect(!refused.isEmpty)
    #expect(refused.allSatisfy { $0.errorCode == "TOOMANYREQUESTS" && Int($0.first("Retry-After") ?? "") ?? 0 >= 1 })
    #expect(refused.allSatisfy { $0.text.contains("try again in \($0.first("Retry-After") ?? "?") s") })
    return answers
  }

  @Test func `a rate that is set is kept, for accounts and for addresses`() async throws {
    try await ClosedRegistry.withOne { registry in
      var settings = registry.server.server.settings
      settings.accountRate = 1
      registry.server.server.settings = settings
      let answers = try await Self.atOnce {
        try await registry.ask("GET", "/v2/acme/api/tags/list", as: ClosedRegistry.basic("reader"))
      }
      #expect(answers.count { $0.status == 200 } >= 10)
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: ClosedRegistry.basic("writer")).status == 200)
      settings.accountRate = 0
      settings.addressRate = 1
      registry.server.server.settings = settings
      _ = try await Self.atOnce { try await registry.ask("GET", "/v2/") }
      #expect(try await registry.ask("GET", "/healthz").status == 200)
    }
  }
}
