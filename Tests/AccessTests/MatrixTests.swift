import Foundation
import Ground
import Metadata
import NIOHTTP1
import OCI
import TestSupport
import Testing

@testable import Access
@testable import HTTPService

/// Every request × every role × every kind of credential, as docs/access.md says (invariant I7).
@Suite struct `Who may do what` {
  typealias Credential = (kind: String, header: (String, String))

  @Test func `to repositories is what the tables say, for every role and every kind of credential`() async throws {
    let rows = try AccessTable.rows("| request | action |")
    let actions = try AccessTable.actions()
    #expect(rows.count == 14)
    #expect(actions.count == 6)
    try await ClosedRegistry.withOne { registry in
      for (role, allowed) in actions.sorted(by: { $0.key < $1.key }) {
        for credential in try await Self.credentials(of: role, registry) {
          for row in rows {
            try await Self.check(
              row[0], needs: row[1], isAllowed: allowed.contains(row[1]), "\(role) with \(credential.kind)",
              credential.header, registry)
          }
        }
      }
      // Who showed nothing, or nothing good.
      for row in rows {
        let answer = try await Self.send(row[0], nil, registry)
        #expect(answer.status == 401, "\(row[0]) of nobody: \(answer)")
        #expect(answer.first("WWW-Authenticate")?.hasPrefix("Bearer realm=") ?? false)
        let stranger = try await Self.send(row[0], ClosedRegistry.basic("stranger"), registry)
        #expect(stranger.status == (row[1] == "pull" ? 404 : 403), "\(row[0]) of a stranger: \(stranger)")
        let wrong = try await Self.send(row[0], ClosedRegistry.basic("owner", "wrong-password"), registry)
        #expect(wrong.status == 401 || wrong.status == 429)
      }
    }
  }

  @Test func `everybody may pull from a public namespace, and no more`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.setPublic(true, "acme", by: registry.admin)
      let anonymous = try await registry.bearer("repository:acme/api:pull,push,delete")
      for header in [nil, anonymous, ClosedRegistry.basic("stranger")] {
        for row in try AccessTable.rows("| request | action |") {
          let answer = try await Self.send(row[0], header, registry)
          let isAllowed = row[1] == "pull"
          #expect(Self.wasAllowed(answer) == isAllowed, "\(row[0]): \(answer)")
        }
      }
    }
  }

  /// Every way in which somebody of a role can show who they are.
  static func credentials(of role: String, _ registry: ClosedRegistry) async throws -> [Credential] {
    let password = role == "admin" ? ClosedRegistry.admin : ClosedRegistry.basic(role)
    let scope = "repository:acme/api:pull,push,delete&scope=registry:catalog:*"
    let made = try await registry.api("POST", "/api/v1/tokens", as: password, #"{"name":"test"}"#)
    let secret = try #require(made.json["secret"]?.string)
    var all: [Credential] = [
      ("a password", password), ("a personal token", ClosedRegistry.basic(role, secret)),
      ("a personal token as bearer", ("Authorization", "Bearer \(secret)")),
      ("a token of the token endpoint", try await registry.bearer(scope, as: password)),
      ("one had for a token", try await registry.bearer(scope, as: ClosedRegistry.basic(role, secret))),
    ]
    guard let known = Role(rawValue: role), known <= .maintainer else { return all }
    let robot = try await registry.administration.makeRobot(
      role, in: "acme", role: role, pattern: nil, by: registry.admin)
    let token = try await registry.administration.makeToken(
      "test", for: .robot(robot, namespace: "acme"), scope: nil, lifetime: nil, by: registry.admin)
    all.append(("a robot token", ClosedRegistry.basic(robot, token.secret)))
    try await registry.administration.makeTrustRule(
      role, on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("job", role)], role: role, pattern: nil,
      lifetime: .seconds(900), by: registry.admin)
    let job = registry.issuer.token(["sub": .string("job:\(role)"), "aud": "registry.test", "job": .string(role)])
    all.append(("a job's own token", ClosedRegistry.basic("job", job)))
    all.append(("a token for a job's own", try await registry.bearer(scope, as: ClosedRegistry.basic("job", job))))
    let exchanged = try await registry.post(form: [
      "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
      "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": job,
    ])
    let ours = try #require(exchanged.json["access_token"]?.string)
    all.append(("an exchanged token", ("Authorization", "Bearer \(ours)")))
    all.append(("an exchanged token as password", ClosedRegistry.basic("job", ours)))
    return all
  }

  private static func check(
    _ request: String, needs action: String, isAllowed: Bool, _ who: String, _ header: (String, String),
    _ registry: ClosedRegistry
  ) async throws {
    let answer = try await send(request, header, registry)
    #expect(wasAllowed(answer) == isAllowed, "\(request) of \(who): \(answer)")
    if !isAllowed { #expect(answer.status == 403, "\(request) of \(who): \(answer)") }
    // Deletions are of things that are not there, so that what follows finds the image; those that are pushed stay.
  }

  /// 404 is what is told of things in a repository that may be seen.
  private static func wasAllowed(_ answer: RawResponse) -> Bool {
    answer.status != 401 && answer.status != 403 && answer.errorCode != "NAME_UNKNOWN"
  }

  static func send(
    _ request: String, _ header: (String, String)?, _ registry: ClosedRegistry
  ) async throws -> RawResponse {
    let parts = request.split(separator: " ")
    let method = String(parts[0])
    let target = parts[1].replacingOccurrences(of: "<name>", with: "acme/api")
      .replacingOccurrences(of: "<reference>", with: method == "DELETE" ? "gone" : "1")
      .replacingOccurrences(
        of: "<digest>",
        with: method == "DELETE"
          ? "sha256:\(String(repeating: "0", count: 64))" : ClosedRegistry.configDigest.description
      )
      .replacingOccurrences(of: "<session>", with: "0123456789abcdef")
    guard method == "PUT" && target.contains("/manifests/") else {
      return try await registry.ask(method, target, as: header)
    }
    return try await registry.ask(
      method, target, as: header, [("Content-Type", "application/vnd.oci.image.manifest.v1+json")],
      body: .bytes(ClosedRegistry.manifest))
  }

  // MARK: Administration

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `to access itself is what the table says, and the table has every operation`(
    kind: TestInstallation.Kind
  ) async throws {
    let rows = try AccessTable.rows("| operation | reader")
    let operations = RegistryRoutes.apiRoutes.map { "\($0.method.rawValue) \($0.path)" }
    #expect(rows.map { $0[0] }.sorted() == operations.sorted())
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.makeSubjects(registry)
      for row in rows {
        for (index, role) in ["reader", "writer", "maintainer", "owner", "auditor", "admin"].enumerated() {
          let header = role == "admin" ? ClosedRegistry.admin : ClosedRegistry.basic(role)
          let answer = try await Self.call(row[0], role, header, registry)
          let isAllowed = answer.status != 401 && answer.status != 403
          #expect(isAllowed == (row[index + 1] == "yes"), "\(row[0]) of \(role): \(answer)")
        }
        let nobody = try await Self.call(row[0], "nobody", nil, registry)
        #expect(nobody.status == 401, "\(row[0]) of nobody: \(nobody)")
        #expect(nobody.first("Content-Type") == "application/problem+json")
        // What a stranger may not see is as if it were not there.
        if row[0].contains("{repository}") {
          let stranger = try await Self.call(row[0], "stranger", ClosedRegistry.basic("stranger"), registry)
          #expect(stranger.status == (row[1] == "yes" ? 404 : 403), "\(row[0]) of a stranger: \(stranger)")
        }
        guard row[0].contains("{namespace}") else { continue }
        let stranger = try await Self.call(row[0], "stranger", ClosedRegistry.basic("stranger"), registry)
        let isForAdmins = row[5] == "no" && row[4] == "no"
        #expect(stranger.status == (isForAdmins ? 403 : 404), "\(row[0]) of a stranger: \(stranger)")
      }
    }
  }

  @Test func `a token that is limited to repositories administers nothing`() async throws {
    try await ClosedRegistry.withOne { registry in
      let made = try await registry.api(
        "POST", "/api/v1/tokens", as: ClosedRegistry.admin,
        #"{"name":"limited","scope":[{"repository":"acme/*","actions":["pull"]}]}"#)
      let header = ClosedRegistry.basic("admin", try #require(made.json["secret"]?.string))
      #expect(try await registry.ask("GET", "/v2/acme/api/tags/list", as: header).status == 200)
      #expect(try await registry.ask("DELETE", "/v2/acme/api/manifests/1", as: header).status == 403)
      #expect(try await registry.ask("GET", "/v2/other/api/tags/list", as: header).status == 403)
      for row in try AccessTable.rows("| operation | reader") where row[0] != "GET /api/v1/whoami" {
        let answer = try await Self.call(row[0], "limited", header, registry)
        // It reads what it is for, and asks environments for nothing that it may not push to.
        let isEnvironment = row[0].contains("/environments")
        let isReading =
          row[0].contains("{repository}")
          || ["GET /api/v1/search", "GET /api/v1/diff", "GET /api/v1/diff/contents"].contains(row[0])
        let isItsOwn = row[0].hasPrefix("GET") && (isReading || isEnvironment)
        let expected: Set = isItsOwn ? [200, 404] : isEnvironment ? [403, 404, 409] : [403]
        #expect(expected.contains(answer.status), "\(row[0]): \(answer)")
      }
    }
  }

  static func makeSubjects(_ registry: ClosedRegistry) async throws {
    try await registry.administration.makeUser("subject", password: nil, siteRole: nil, by: registry.admin)
    try await registry.administration.makeTeam("crew", ssoGroup: nil, by: registry.admin)
    let made = try await registry.api(
      "POST", "/api/v1/namespaces/acme/environments", as: ClosedRegistry.admin, #"{"name":"staging"}"#)
    #expect(made.status == 201, "\(made)")
    _ = try await registry.administration.makeRobot("ci", in: "acme", role: "reader", pattern: nil, by: registry.admin)
  }

  /// A call that would do something, but mostly to things that are not there.
  static func call(
    _ operation: String, _ role: String, _ header: (String, String)?, _ registry: ClosedRegistry
  ) async throws -> RawResponse {
    let parts = operation.split(separator: " ")
    let method = String(parts[0])
    var target = String(parts[1])
    let isDeletion = method == "DELETE"
    let values = [
      "{user}": isDeletion ? "nobody-there" : "subject",
      "{team}": isDeletion && !target.contains("members") ? "none" : "crew",
      "{namespace}": "acme", "{grant}": "99999", "{robot}": target.hasSuffix("{robot}") && isDeletion ? "none" : "ci",
      "{certificate}": "99999", "{token}": "ffffffffffffffff", "{rule}": "none", "{exception}": "99999",
      "{document}": isDeletion ? "none" : "ours",
      "{feed}": isDeletion ? "none" : "test", "{vulnerability}": "CVE-1",
      "{environment}": isDeletion ? "none" : "staging", "{release}": "99999", "{repository}": "acme/api",
      "{reference}": "1", "{tag}": "1",
      "{kind}": "retention",
      "{digest}": "sha256:\(String(repeating: "0", count: 64))",
    ]
    for (name, value) in values { target = target.replacingOccurrences(of: name, with: value) }
    if operation == "DELETE /api/v1/namespaces/{namespace}" { target = "/api/v1/namespaces/none" }
    if method == "GET", target.contains("/-/labels") { target += "?target=1" }
    if method == "POST", target == "/api/v1/advisories/test" { target += "?records=0" }
    if target == "/api/v1/access/explain" { target += "?account=subject&repository=acme/api&action=pull" }
    if target == "/api/v1/packages/images" { target += "?package=curl" }
    if target.hasPrefix("/api/v1/diff") { target += "?from=acme/api:1&to=acme/api:1" }
    let unique = "\(role)-\(UInt32.random(in: 0...UInt32.max))"
    let bodies = [
      "POST /api/v1/namespaces/{namespace}/environments": #"{"name":"\#(unique)"}"#,
      "PATCH /api/v1/namespaces/{namespace}/environments/{environment}": #"{"approvals":0}"#,
      "POST /api/v1/namespaces/{namespace}/environments/{environment}/promotions":
        #"{"images":["acme/api:1"],"dryRun":true}"#,
      "POST /api/v1/namespaces/{namespace}/environments/{environment}/rollback": #"{"dryRun":true}"#,
      "PUT /api/v1/repositories/{repository}/-/labels": #"{"target":"1","set":{"team":"payments"}}"#,
      "PUT /api/v1/namespaces/{namespace}/rules/{kind}": #"{"value":{"keepLast":100}}"#,
      "POST /api/v1/namespaces/{namespace}/exceptions":
        #"{"vulnerability":"CVE-2024-0001","reason":"why","until":"\#(SystemTime().now + .seconds(86_400))"}"#,
      "PUT /api/v1/namespaces/{namespace}/vex/{document}":
        #"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"us","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:deb/debian/curl"}],"status":"fixed"}]}"#,
      "POST /api/v1/namespaces/{namespace}/policy/dry-run": #"{"policy":{"block":{"severity":"high"}}}"#,
      "POST /api/v1/repositories/{repository}/-/tags/{tag}/restore": #"{"movesAgo":1}"#,
      "PUT /api/v1/whoami/password":
        #"{"current":"\#(role == "admin" ? TestRegistry.adminPassword : ClosedRegistry.password)","new":"\#(role == "admin" ? TestRegistry.adminPassword : ClosedRegistry.password)"}"#,
      "POST /api/v1/users": #"{"name":"\#(unique)"}"#, "POST /api/v1/users/import": ##"{"htpasswd":"#"}"##,
      "PATCH /api/v1/users/{user}": #"{"disabled":false}"#, "POST /api/v1/teams": #"{"name":"\#(unique)"}"#,
      "PATCH /api/v1/teams/{team}": #"{"ssoGroup":null}"#, "POST /api/v1/namespaces": #"{"name":"\#(unique)"}"#,
      "PATCH /api/v1/namespaces/{namespace}": #"{"public":false}"#,
      "POST /api/v1/namespaces/{namespace}/grants": #"{"role":"reader","account":"subject"}"#,
      "POST /api/v1/namespaces/{namespace}/robots": #"{"name":"\#(unique)","role":"reader"}"#,
      "POST /api/v1/namespaces/{namespace}/robots/{robot}/certificates": #"{"field":"dns","value":"\#(unique)"}"#,
      "POST /api/v1/namespaces/{namespace}/robots/{robot}/tokens": #"{"name":"x"}"#,
      "POST /api/v1/tokens": #"{"name":"x"}"#,
      "POST /api/v1/namespaces/{namespace}/trust":
        #"{"name":"\#(unique)","issuer":"\#(registry.issuer.url)","claims":{"a":"b"},"role":"reader"}"#,
    ]
    return try await registry.api(method, target, as: header, bodies[operation])
  }
}
