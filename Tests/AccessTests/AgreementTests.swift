import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// Who may ask for a release and who may agree to it, as it is when it is carried out.
@Suite struct `Those who release` {
  private static let base = "/api/v1/namespaces/acme/environments"

  private static func post(
    _ path: String, _ body: String, by credential: (String, String), _ registry: ClosedRegistry
  ) async throws -> RawResponse {
    try await registry.api("POST", path, as: credential, body)
  }

  private static func make(_ settings: String, _ registry: ClosedRegistry) async throws {
    let made = try await post(
      base, #"{"name":"production",\#(settings)}"#, by: ClosedRegistry.basic("owner"), registry)
    try #require(made.status == 201, "\(made)")
  }

  private static func promote(by credential: (String, String), _ registry: ClosedRegistry) async throws -> RawResponse {
    try await post("\(base)/production/promotions", #"{"images":["acme/api:1"]}"#, by: credential, registry)
  }

  private static func agree(by user: String, _ registry: ClosedRegistry) async throws -> RawResponse {
    try await post("\(base)/production/releases/1/approve", "{}", by: ClosedRegistry.basic(user), registry)
  }

  private static func change(_ settings: String, _ registry: ClosedRegistry) async throws {
    let changed = try await registry.api(
      "PATCH", "\(base)/production", as: ClosedRegistry.basic("owner"), settings)
    try #require(changed.status == 200, "\(changed)")
  }

  /// How the right to agree is lost.
  enum Loss: String, CaseIterable, Sendable {
    case leftTeam, isDisabled, isDeleted, isNamedNoMore, lostRole, providerIsGone
  }

  /// Makes somebody's membership one that a provider told.
  private static func signOn(_ user: String, _ registry: ClosedRegistry) async throws {
    let database = registry.server.access.memory.database
    try await database.tamper("UPDATE account SET issuer = 'https://id.test', subject = 'x' WHERE name = \(user)")
    try await database.tamper("UPDATE team_member SET source = 'acme'")
    registry.server.access.settings.providers = [
      SignOnProvider(
        name: "acme", issuer: "https://id.test", clientID: "berth", clientSecret: nil, scopes: ["openid"],
        nameClaim: "sub", groupsClaim: "groups")
    ]
    try await registry.server.access.memory.changed()
  }

  @Test(arguments: Loss.allCases)
  func `have not agreed when they lost the right before it was carried out`(_ loss: Loss) async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      try await administration.makeTeam("ops", ssoGroup: nil, by: registry.admin)
      try await administration.makeUser("olga", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
      let role = loss == .lostRole ? "maintainer" : "reader"
      try await administration.grant(role, to: .account("olga"), on: "acme", pattern: nil, by: registry.admin)
      try await administration.addMember("olga", toTeam: "ops", by: registry.admin)
      if loss == .providerIsGone { try await Self.signOn("olga", registry) }
      let approvers = loss == .lostRole ? "" : #","approvers":["team:ops","maintainer","owner"]"#
      try await Self.make(#""approvals":2,"promoters":["writer"]\#(approvers)"#, registry)
      let asked = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      #expect(asked.json["outcome"]?.string == "pending", "\(asked)")
      #expect(try await Self.agree(by: "olga", registry).json["state"]?.string == "pending")
      switch loss {
      case .leftTeam: try await administration.removeMember("olga", fromTeam: "ops", by: registry.admin)
      case .isDisabled:
        var change = Administration.UserChange()
        change.isDisabled = true
        try await administration.changeUser("olga", change, by: registry.admin)
      case .isDeleted: try await administration.deleteUser("olga", by: registry.admin)
      case .providerIsGone: registry.server.access.settings.providers = []
      case .isNamedNoMore: try await Self.change(#"{"approvers":["maintainer","owner"]}"#, registry)
      case .lostRole:
        try await administration.grant("reader", to: .account("olga"), on: "acme", pattern: nil, by: registry.admin)
      }
      let first = try await Self.agree(by: "maintainer", registry)
      #expect(first.json["state"]?.string == "pending", "\(first)")
      // Who lost it is shown to have agreed, and not counted.
      let shown = try await registry.api("GET", "\(Self.base)/production/releases", as: ClosedRegistry.basic("reader"))
      for release in [first.json, try #require(shown.json["items"]?.array?.first)] {
        #expect(release["approvals"]?.array?.count == 2, "\(release)")
        #expect(release["approvalsCounted"] == 1 && release["approvalsNeeded"] == 2, "\(release)")
      }
      let second = try await Self.agree(by: "owner", registry)
      #expect(second.json["state"]?.string == "applied", "\(second)")
      #expect(second.json["approvalsCounted"] == .null, "\(second)")
    }
  }

  /// A robot of the namespace, as a maintainer makes one.
  ///
  /// - Parameter other: who makes its token; nil: who makes the robot.
  private static func robot(
    _ name: String, by maker: (String, String) = ClosedRegistry.basic("maintainer"),
    tokenBy other: (String, String)? = nil, _ registry: ClosedRegistry
  ) async throws -> (String, String) {
    let robots = "/api/v1/namespaces/acme/robots"
    let made = try await post(robots, #"{"name":"\#(name)","role":"maintainer"}"#, by: maker, registry)
    try #require(made.status == 201, "\(made)")
    let token = try await post("\(robots)/acme+\(name)/tokens", #"{"name":"test"}"#, by: other ?? maker, registry)
    return ClosedRegistry.basic("acme+\(name)", try #require(token.json["secret"]?.string))
  }

  /// A second maintainer.
  private static func makeSecond(_ registry: ClosedRegistry) async throws -> (String, String) {
    let administration = registry.administration
    try await administration.makeUser("second", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
    try await administration.grant("maintainer", to: .account("second"), on: "acme", pattern: nil, by: registry.admin)
    return ClosedRegistry.basic("second")
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `are others than who made the robot that asked, or its token`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let second = try await Self.makeSecond(registry)
      try await Self.make(#""approvals":1"#, registry)
      let sock = try await Self.robot("sock", tokenBy: second, registry)
      let asked = try await Self.promote(by: sock, registry)
      #expect(asked.json["outcome"]?.string == "pending", "\(asked)")
      // Nor is it enough that the robot, or its token, is gone by then.
      let deleted = try await registry.api(
        "DELETE", "/api/v1/namespaces/acme/robots/acme+sock", as: ClosedRegistry.basic("maintainer"))
      #expect(deleted.status == 204, "\(deleted)")
      for maker in [ClosedRegistry.basic("maintainer"), second] {
        let refused = try await Self.agree(by: maker, registry)
        #expect(refused.status == 403 && refused.text.contains("somebody else must agree"), "\(refused)")
      }
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "applied")
    }
  }

  @Test func `are others than who made the robot that made the robot, however its token is shown`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make(#""approvals":1"#, registry)
      let first = try await Self.robot("first", registry)
      let last = try await Self.robot("last", by: first, registry)
      let bearer = try await registry.bearer("repository:acme/api:pull,push", as: last)
      let asked = try await Self.promote(by: bearer, registry)
      #expect(asked.json["outcome"]?.string == "pending", "\(asked)")
      #expect(try await Self.agree(by: "maintainer", registry).status == 403)
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "applied")
    }
  }

  @Test func `are not two because one of them is a robot of the other`() async throws {
    try await ClosedRegistry.withOne { registry in
      let second = try await Self.makeSecond(registry)
      let checks = try await Self.robot("checks", tokenBy: second, registry)
      try await Self.make(
        #""approvals":2,"promoters":["writer","owner"],"approvers":["acme+checks","maintainer","second"]"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      #expect(try await Self.agree(by: checks, registry).json["state"]?.string == "pending")
      let own = try await Self.agree(by: "maintainer", registry)
      #expect(own.json["state"]?.string == "pending", "\(own)")
      // Two people are two, whatever robot of theirs agreed too.
      let other = try await Self.agree(by: second, registry)
      #expect(other.json["state"]?.string == "applied", "\(other)")
    }
  }

  @Test func `do not agree by a robot of who asked, though it is named`() async throws {
    try await ClosedRegistry.withOne { registry in
      let checks = try await Self.robot("checks", registry)
      try await Self.make(#""approvals":1,"approvers":["acme+checks","owner"]"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("maintainer"), registry)
      let refused = try await Self.agree(by: checks, registry)
      #expect(refused.status == 403, "\(refused)")
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "applied")
    }
  }

  private static func agree(by credential: (String, String), _ registry: ClosedRegistry) async throws -> RawResponse {
    try await post("\(base)/production/releases/1/approve", "{}", by: credential, registry)
  }

  @Test func `are people: nobody agrees with themselves by a robot that they made`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make(#""approvals":1"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("maintainer"), registry)
      let sock = try await Self.robot("sock", registry)
      let refused = try await Self.agree(by: sock, registry)
      #expect(refused.status == 403, "\(refused)")
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "applied")
    }
  }

  @Test func `are robots only while they are named`() async throws {
    try await ClosedRegistry.withOne { registry in
      let checks = try await Self.robot("checks", registry)
      try await Self.make(#""approvals":2,"promoters":["writer"],"approvers":["acme+checks","owner"]"#, registry)
      let asked = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      #expect(asked.json["outcome"]?.string == "pending", "\(asked)")
      #expect(try await Self.agree(by: checks, registry).json["state"]?.string == "pending")
      // Of no list any more, what it said counts no more.
      try await Self.change(#"{"approvers":[]}"#, registry)
      let first = try await Self.agree(by: "owner", registry)
      #expect(first.json["state"]?.string == "pending", "\(first)")
    }
  }

  @Test func `are one, however many jobs of a trust rule say so`() async throws {
    try await ClosedRegistry.withOne { registry in
      for name in ["main", "checks"] {
        try await registry.administration.makeTrustRule(
          name, on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("ref", name)], role: "writer",
          pattern: nil, lifetime: .seconds(900), by: registry.admin)
      }
      func job(_ ref: String, _ number: Int) -> (String, String) {
        ClosedRegistry.basic(
          "job", registry.issuer.token(["sub": .string("job:\(number)"), "aud": "registry.test", "ref": .string(ref)]))
      }
      try await Self.make(
        #""approvals":2,"promoters":["trust:main"],"approvers":["trust:main","trust:checks","owner"]"#, registry)
      _ = try await Self.promote(by: job("main", 1), registry)
      let own = try await Self.agree(by: job("main", 2), registry)
      #expect(own.status == 403, "\(own)")
      #expect(try await Self.agree(by: job("checks", 3), registry).json["state"]?.string == "pending")
      let again = try await Self.agree(by: job("checks", 4), registry)
      #expect(again.json["state"]?.string == "pending", "\(again)")
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "applied")
    }
  }

  @Test(arguments: [#""promoters":["nobody"]"#, #""approvers":["team:nobody"]"#, #""approvers":["trust:nobody"]"#])
  func `must be there to be named`(_ settings: String) async throws {
    try await ClosedRegistry.withOne { registry in
      let body = #"{"name":"production",\#(settings)}"#
      let made = try await Self.post(Self.base, body, by: ClosedRegistry.basic("owner"), registry)
      #expect(made.status == 400 && made.text.contains("nobody"), "\(made)")
      try await Self.make(#""approvals":1"#, registry)
      let changed = try await registry.api(
        "PATCH", "\(Self.base)/production", as: ClosedRegistry.basic("owner"), "{\(settings)}")
      #expect(changed.status == 400, "\(changed)")
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `leave the lists with their account, and nobody inherits their name`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let administration = registry.administration
      func makeGhosts() async throws {
        try await administration.makeUser("ghost", password: ClosedRegistry.password, siteRole: nil, by: registry.admin)
        try await administration.makeTeam("ghosts", ssoGroup: nil, by: registry.admin)
        try await administration.addMember("ghost", toTeam: "ghosts", by: registry.admin)
        try await administration.grant("reader", to: .account("ghost"), on: "acme", pattern: nil, by: registry.admin)
      }
      try await makeGhosts()
      try await Self.make(#""promoters":["ghost"],"approvals":1,"approvers":["team:ghosts"]"#, registry)
      try await administration.deleteUser("ghost", by: registry.admin)
      try await administration.deleteTeam("ghosts", by: registry.admin)
      try await makeGhosts()
      #expect(try await Self.promote(by: ClosedRegistry.basic("ghost"), registry).status == 403)
      // A list that was for somebody is not for everybody now.
      #expect(try await Self.promote(by: ClosedRegistry.basic("maintainer"), registry).status == 403)
      #expect(try await Self.promote(by: ClosedRegistry.admin, registry).json["outcome"]?.string == "pending")
      #expect(try await Self.agree(by: "ghost", registry).status == 403)
      #expect(try await Self.agree(by: "maintainer", registry).status == 403)
      let shown = try await registry.api("GET", "\(Self.base)/production", as: ClosedRegistry.basic("owner"))
      #expect(shown.json["approvers"] == ["deleted:team:ghosts"], "\(shown)")
    }
  }

  @Test func `need not be more than are needed now`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make(#""approvals":2,"promoters":["writer"]"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      #expect(try await Self.agree(by: "maintainer", registry).json["state"]?.string == "pending")
      try await Self.change(#"{"approvals":1}"#, registry)
      #expect(try await Self.agree(by: "maintainer", registry).json["state"]?.string == "applied")
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `take back what they said, themselves alone, until it has gone out`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      try await Self.make(#""approvals":2,"promoters":["writer"]"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      func withdraw(by credential: (String, String)) async throws -> RawResponse {
        try await Self.post("\(Self.base)/production/releases/1/withdraw", "{}", by: credential, registry)
      }
      #expect(try await Self.agree(by: "maintainer", registry).json["state"]?.string == "pending")
      // Of who did not agree nothing is taken back, and of others neither.
      for user in ["owner", "writer", "reader"] {
        let answer = try await withdraw(by: ClosedRegistry.basic(user))
        #expect(answer.status == 200 && answer.json["approvalsCounted"] == 1, "\(user): \(answer)")
      }
      #expect(try await withdraw(by: ClosedRegistry.admin).json["approvals"]?.array?.count == 1)
      #expect(try await withdraw(by: ClosedRegistry.basic("stranger")).status == 404)
      for _ in 0..<2 {
        let taken = try await withdraw(by: ClosedRegistry.basic("maintainer"))
        #expect(taken.status == 200 && taken.json["approvals"] == [], "\(taken)")
        #expect(taken.json["approvalsCounted"] == 0 && taken.json["state"]?.string == "pending", "\(taken)")
      }
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "pending")
      #expect(try await Self.agree(by: "maintainer", registry).json["state"]?.string == "applied")
      let late = try await withdraw(by: ClosedRegistry.basic("maintainer"))
      #expect(late.status == 409 && late.text.contains("is applied already"), "\(late)")
      let trail = try await registry.api("GET", "/api/v1/audit?kind=release.withdraw", as: ClosedRegistry.admin)
      #expect(trail.json["items"]?.array?.map { $0["actor"]?.string } == ["maintainer"], "\(trail)")
    }
  }

  @Test func `take back what they said also when they have lost the right`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make(#""approvals":2,"promoters":["writer"],"approvers":["reader","owner"]"#, registry)
      _ = try await Self.promote(by: ClosedRegistry.basic("writer"), registry)
      #expect(try await Self.agree(by: "reader", registry).json["approvalsCounted"] == 1)
      try await Self.change(#"{"approvers":["owner"]}"#, registry)
      let taken = try await Self.post(
        "\(Self.base)/production/releases/1/withdraw", "{}", by: ClosedRegistry.basic("reader"), registry)
      #expect(taken.json["approvals"] == [], "\(taken)")
      try await Self.change(#"{"approvers":["reader","owner"]}"#, registry)
      #expect(try await Self.agree(by: "owner", registry).json["state"]?.string == "pending")
    }
  }

  @Test func `are people of a team and jobs of a trust rule, where those are named`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      try await administration.makeTeam("release", ssoGroup: nil, by: registry.admin)
      try await administration.addMember("reader", toTeam: "release", by: registry.admin)
      for name in ["main", "other"] {
        try await administration.makeTrustRule(
          name, on: "acme", issuer: registry.issuer.url, audience: nil, claims: [("ref", name)], role: "writer",
          pattern: nil, lifetime: .seconds(900), by: registry.admin)
      }
      try await Self.make(#""promoters":["team:release","trust:main"]"#, registry)
      func job(_ ref: String) -> (String, String) {
        ClosedRegistry.basic(
          "job", registry.issuer.token(["sub": "job", "aud": "registry.test", "ref": .string(ref)]))
      }
      #expect(try await Self.promote(by: ClosedRegistry.basic("maintainer"), registry).status == 403)
      #expect(try await Self.promote(by: job("other"), registry).status == 403)
      let byJob = try await Self.promote(by: job("main"), registry)
      #expect(byJob.status == 200 && byJob.json["outcome"]?.string == "released", "\(byJob)")
      let byTeam = try await Self.promote(by: ClosedRegistry.basic("reader"), registry)
      #expect(byTeam.json["outcome"]?.string == "unchanged", "\(byTeam)")
      try await administration.removeMember("reader", fromTeam: "release", by: registry.admin)
      #expect(try await Self.promote(by: ClosedRegistry.basic("reader"), registry).status == 403)
    }
  }

  @Test func `are told by a dry run what would be done now, whatever its key was used for`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await Self.make(#""approvals":0"#, registry)
      func ask(_ more: String) async throws -> RawResponse {
        try await registry.ask(
          "POST", "\(Self.base)/production/promotions", as: ClosedRegistry.basic("maintainer"),
          [("Content-Type", "application/json"), ("Idempotency-Key", "ci-1")],
          body: .text(#"{"images":["acme/api:1"]\#(more)}"#))
      }
      #expect(try await ask(#","dryRun":true"#).json["images"]?.array?.count == 1)
      #expect(try await ask("").json["release"]?["number"]?.integer == 1)
      let planned = try await ask(#","dryRun":true"#)
      #expect(planned.json["outcome"]?.string == "planned" && planned.json["images"] == [], "\(planned)")
    }
  }
}
