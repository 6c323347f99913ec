import Ground
import Metadata
import OCI
import RegistryCore
import Synchronization
import TestSupport
import Testing

@testable import Access

@Suite struct `The record` {
  private static func records(_ registry: ClosedRegistry, _ filter: AuditFilter = AuditFilter()) async throws
    -> [AuditRecord]
  {
    try await registry.administration.auditRecords(
      filter, after: 0, newestFirst: false, limit: 1000, by: registry.admin)
  }

  @Test func `says who did what, on what, from where, with what, and how it ended`() async throws {
    try await ClosedRegistry.withOne { registry in
      let header = ClosedRegistry.basic("writer")
      _ = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/2", as: header,
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(ClosedRegistry.manifest))
      for _ in 0..<3 { _ = try await registry.ask("GET", "/v2/acme/api/manifests/2", as: header) }
      _ = try await registry.ask("HEAD", "/v2/acme/api/manifests/2", as: header)
      let refused = try await registry.ask("DELETE", "/v2/acme/api/manifests/2", as: header)
      _ = try await registry.ask("DELETE", "/v2/acme/api/manifests/2", as: ClosedRegistry.basic("maintainer"))
      _ = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("writer", "wrong-password"))
      _ = try await registry.ask("GET", "/v2/", as: ("Authorization", "Bearer a.b.c"))
      let all = try await Self.records(registry)
      func only(_ kind: String, _ actor: String) -> [AuditRecord] {
        all.filter { $0.kind == kind && $0.actor == actor }
      }
      let push = try #require(only("push", "writer").first)
      #expect(push.target == "acme/api")
      #expect(push.namespace == "acme")
      #expect(!push.requestID.isEmpty)
      #expect(only("refusal", "writer").first?.requestID == refused.first("X-Request-ID"))
      #expect(push.address == "127.0.0.1")
      #expect(push.credential == "password")
      #expect(try JSONValue.parse(push.detail)["tags"] == ["2"])
      let pulls = only("pull", "writer")
      #expect(pulls.reduce(0) { $0 + ((try? JSONValue.parse($1.detail))?["times"]?.integer ?? 1) } == 3)
      #expect(only("refusal", "writer").first?.outcome == "refused")
      #expect(
        try JSONValue.parse(only("refusal", "writer").first?.detail ?? "")["rule"]?.string?.contains("delete") ?? false)
      #expect(only("delete", "maintainer").first?.target == "acme/api:2")
      #expect(only("login", "anonymous").map(\.credential) == ["password", "bearer token"])
      #expect(only("login", "anonymous").first?.target == "writer")
      #expect(only("grant.create", "admin").count == 4)
      // Nothing in it is a secret.
      for record in all {
        let text = "\(record)"
        #expect(!text.contains(ClosedRegistry.password))
        #expect(!text.contains("wrong-password"))
        #expect(!text.contains("$y$"))
      }
      let page = try await registry.api("GET", "/api/v1/audit?kind=push&actor=writer&n=1", as: ClosedRegistry.admin)
      #expect(page.json["items"]?.array?.count == 1)
      let owner = ClosedRegistry.basic("owner")
      #expect(try await registry.api("GET", "/api/v1/audit?namespace=acme", as: owner).status == 200)
      #expect(try await registry.api("GET", "/api/v1/audit?since=yesterday", as: ClosedRegistry.admin).status == 400)
    }
  }

  @Test func `a tag that moves is a record of its own`() async throws {
    try await ClosedRegistry.withOne { registry in
      let other = Array(
        String(decoding: ClosedRegistry.manifest, as: UTF8.self).replacing("\"layers\":[]", with: "\"layers\":[ ]").utf8
      )
      _ = try await registry.ask(
        "PUT", "/v2/acme/api/manifests/1", as: ClosedRegistry.basic("writer"),
        [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: .bytes(other))
      let move = try #require(try await Self.records(registry).first { $0.kind == "tag.move" })
      #expect(move.target == "acme/api:1")
      let detail = try JSONValue.parse(move.detail)
      #expect(detail["from"]?.string == ClosedRegistry.manifestDigest.description)
      #expect(detail["to"]?.string == Digest.ofTest(other).description)
    }
  }

  @Test(arguments: TestInstallation.Kind.allCases)
  func `is a chain, in which a change, a gap and a new end are noticed`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let trail = registry.server.access.trail
      let database = registry.server.registry.database
      for number in 0..<20 {
        trail.note(AuditEntry("login", by: Origin(actor: "a\(number)"), target: "x"))
      }
      let first = try await trail.verify()
      #expect(first.problem == nil)
      #expect(first.recordCount == Int(first.lastPosition))
      // Two at once lengthen one chain.
      for number in 20..<60 { trail.note(AuditEntry("login", by: Origin(actor: "a\(number)"), target: "x")) }
      try await trail.flush()
      async let one: Void = trail.seal()
      async let two: Void = trail.seal()
      _ = try await (one, two)
      let second = try await trail.verify(expected: [first.lastPosition: first.lastHash])
      #expect(second.problem == nil)
      #expect(second.lastPosition == first.lastPosition + 40)
      #expect(try await trail.verify(expected: [first.lastPosition: "0"]).problem != nil)
      #expect(try await trail.verify(expected: [999_999: "0"]).problem != nil)
      let position = first.lastPosition - 5
      try await database.tamper("UPDATE audit_record SET actor = 'nobody' WHERE position = \(position)")
      #expect(try await trail.verify().problem == "the record at link \(position) was changed")
      try await database.tamper("DELETE FROM audit_record WHERE position = \(position)")
      #expect(try await trail.verify().problem == "the link \(position) is missing")
    }
  }

  @Test func `forgets what old records said, and keeps their links`() async throws {
    try await ClosedRegistry.withOne { registry in
      let trail = registry.server.access.trail
      let database = registry.server.registry.database
      for number in 0..<5 { trail.note(AuditEntry("pull", by: Origin(actor: "p\(number)"), target: "x")) }
      try await trail.flush()
      try await trail.seal()
      trail.note(AuditEntry("login", by: Origin(actor: "last"), target: "x"))
      let before = try await trail.verify()
      try await database.tamper("UPDATE audit_record SET at = at WHERE kind = 'pull'")
      try await trail.trim(["pull": .seconds(-60)])
      let after = try await trail.verify(expected: [before.lastPosition: before.lastHash])
      #expect(after.problem == nil)
      #expect(after.trimmedCount == 5)
      #expect(after.lastHash == before.lastHash)
      let left = try await Self.records(registry)
      #expect(!left.contains { $0.actor.hasPrefix("p") && $0.kind == "pull" })
      // What is at the beginning goes but for one link, from which the rest can still be followed.
      let kinds = Set(try await Self.records(registry).map(\.kind))
      for kind in kinds { try await trail.trim([kind: .seconds(-60)]) }
      let last = try await trail.verify(expected: [before.lastPosition: before.lastHash])
      #expect(last.problem == nil)
      #expect(last.recordCount <= 2)
      // What was written down of a link that is gone proves nothing, and is not passed over.
      let proof = try await trail.verify(expected: [1: before.lastHash])
      #expect(proof.problem?.contains("link 1 that was expected is not there any more") ?? false, "\(proof)")
    }
  }

  @Test func `keeps a family of kinds as long as it says, and a kind of it as long as that says`() async throws {
    try await ClosedRegistry.withOne { registry in
      try await registry.administration.changeUser("reader", Administration.UserChange(), by: registry.admin)
      func kinds() async throws -> Set<String> { Set(try await Self.records(registry).map(\.kind)) }
      #expect(try await kinds().isSuperset(of: ["user.create", "user.change", "grant.create"]))
      let trail = registry.server.access.trail
      try await trail.trim(["user.*": .seconds(-60), "user.create": .seconds(86_400), "grant.x": .zero])
      #expect(try await kinds().isSuperset(of: ["user.create", "grant.create"]))
      #expect(try await !kinds().contains("user.change"))
      // Of two families the narrower one.
      try await registry.administration.makeTeam("web", ssoGroup: nil, by: registry.admin)
      try await registry.administration.addMember("reader", toTeam: "web", by: registry.admin)
      #expect(try await kinds().isSuperset(of: ["team.create", "team.member.add"]))
      try await trail.trim(["team.*": .seconds(86_400), "team.member.*": .seconds(-60)])
      #expect(try await kinds().contains("team.create"))
      #expect(try await !kinds().contains("team.member.add"))
      #expect(try await trail.verify().problem == nil)
    }
  }

  @Test func `is followed in the order of its chain, page by page, and from where it was left`() async throws {
    try await ClosedRegistry.withOne { registry in
      var cursor = ""
      func next() async throws -> [Int64] {
        let page = try await registry.api(
          "GET", "/api/v1/audit?namespace=acme&order=chain&n=2&cursor=\(cursor)", as: ClosedRegistry.basic("owner"))
        try #require(page.status == 200, "\(page)")
        cursor = try #require(page.json["next"]?.string)
        return (page.json["items"]?.array ?? []).compactMap { $0["position"]?.integer }
      }
      func all() async throws -> [Int64] {
        var found: [Int64] = []
        while true {
          let page = try await next()
          found += page
          if page.isEmpty { return found }
        }
      }
      let before = try await all()
      #expect(before.count > 4 && before == Set(before).sorted(), "\(before)")
      #expect(try await all().isEmpty)
      try await registry.pushImage("acme/web", "1")
      let after = try await all()
      #expect(!after.isEmpty && after.allSatisfy { $0 > before.last ?? 0 }, "\(after)")
      // What was done elsewhere is not told, nor looked at again.
      let here = Int64(cursor) ?? .max
      try await registry.administration.makeTeam("web", ssoGroup: nil, by: registry.admin)
      #expect(try await next().isEmpty)
      #expect(Int64(cursor) ?? 0 > here)
    }
  }

  @Test func `is of the kinds that the documentation tells, and of no others`() throws {
    var told: Set<String> = []
    for row in try AccessTable.rows("| kind | of |") {
      for name in row[0].split(separator: ",") {
        let kinds = AuditEntry.kinds(named: String(name.drop { $0 == " " }))
        #expect(!kinds.isEmpty, "\(name)")
        told.formUnion(kinds)
      }
    }
    #expect(told == AuditEntry.kinds)
  }

  @Test func `holds little of strangers, whom it is not about`() async throws {
    try await ClosedRegistry.withOne { (registry) async throws -> Void in
      for number in 0..<100 {
        _ = try await registry.ask("GET", "/v2/made-up-\(number)/x/tags/list")
      }
      let all = try await Self.records(registry)
      #expect(!all.contains { $0.kind == "refusal" && $0.actor == "anonymous" })
    }
  }

  @Test(arguments: [TestInstallation.Kind.sqliteAndFiles, .postgresAndFiles])
  func `goes on whatever strangers call themselves, on lines of its own`(kind: TestInstallation.Kind) async throws {
    try await ClosedRegistry.withOne(over: kind) { registry in
      let name = "\u{1b}[31mEVIL\r\n2026-11-26T01:00:00.000Z  login  done  admin\u{9b}"
      let login = try await registry.post(form: [
        "grant_type": "password", "service": "registry.test", "username": name, "password": "x",
      ])
      #expect(login.status == 401, "\(login)")
      _ = try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic(name, "x"))
      let token = registry.issuer.token(["sub": "x\u{0}y\u{1b}", "aud": "registry.test", "jti": "\u{0}"])
      #expect(try await registry.ask("GET", "/v2/", as: ClosedRegistry.basic("job", token)).status == 401)
      let page = try await registry.api("GET", "/api/v1/audit", as: ClosedRegistry.admin)
      #expect(page.status == 200, "\(page)")
      let all = try await Self.records(registry)
      for record in all {
        let texts = [record.actor, record.credential, record.target, record.address, record.requestID]
        #expect(texts.allSatisfy(PlainText.isPlain), "\(record)")
      }
      #expect(all.contains { $0.target.contains("EVIL") })
      #expect(all.contains { $0.target.contains("x\u{FFFD}y") })
    }
  }

  @Test func `is not held up by one that the database does not take`() async throws {
    try await ClosedRegistry.withOne { registry in
      let trail = registry.server.access.trail
      try await registry.server.registry.database.tamper(
        """
        CREATE TRIGGER poisoned BEFORE INSERT ON audit_record WHEN NEW.target = 'poison'
        BEGIN INSERT INTO audit_record (kind) VALUES (NULL); END
        """)
      for target in ["before", "poison", "after"] {
        trail.note(AuditEntry("login", by: Origin(actor: "a"), target: target))
      }
      try await trail.flush()
      let all = try await Self.records(registry)
      #expect(Set(all.filter { $0.actor == "a" }.map(\.target)) == ["before", "after"])
      let lost = try #require(all.first { $0.kind == "audit.lost" })
      #expect(try JSONValue.parse(lost.detail)["count"] == 1)
    }
  }

  @Test func `of a namespace is for its owners, site admins and auditors`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      for (name, may) in [("reader", false), ("maintainer", false), ("owner", true), ("auditor", true)] {
        let caller = try await registry.server.access.authenticator.caller(
          .basic(user: name, password: ClosedRegistry.password), address: "test", requestID: "test")
        #expect((try await administration.auditBegin(of: "acme", by: caller) != nil) == may, "\(name)")
      }
      #expect(try await administration.auditBegin(of: "acme", by: registry.admin) == .distantPast)
      // Whoever had the name before is nobody's business.
      let made = try await registry.server.access.memory.database.read { try $0.namespace("acme") }?.createdAt
      let owner = try await registry.server.access.authenticator.caller(
        .basic(user: "owner", password: ClosedRegistry.password), address: "test", requestID: "test")
      let begin = try await administration.auditBegin(of: "acme", by: owner)
      #expect(made != nil && begin == made)
    }
  }

  @Test func `of a namespace that had the name before is not for who owns it now`() async throws {
    try await ClosedRegistry.withOne { registry in
      let administration = registry.administration
      func own(_ owner: String) async throws -> String {
        try await administration.makeNamespace("again", isPublic: false, owner: owner, by: registry.admin)
        _ = try await administration.makeRobot(
          "of-\(owner)", in: "again", role: "reader", pattern: nil, by: registry.admin)
        let answer = try await registry.api("GET", "/api/v1/audit?namespace=again", as: ClosedRegistry.basic(owner))
        #expect(answer.status == 200, "\(answer)")
        return answer.text
      }
      #expect(try await own("writer").contains("again+of-writer"))
      try await administration.deleteNamespace("again", by: registry.admin)
      let later = try await own("reader")
      #expect(later.contains("again+of-reader") && !later.contains("writer"), "\(later)")
      let all = try await registry.api("GET", "/api/v1/audit?namespace=again", as: ClosedRegistry.basic("auditor"))
      #expect(all.text.contains("again+of-writer"))
    }
  }

  @Test func `has once what was gathered and written, though the answer to that was lost`() async throws {
    try await ClosedRegistry.withOne { registry in
      let isLost = Mutex(true)
      let database = registry.server.registry.database
      let trail = AuditTrail(
        database: ForgetfulDatabase(base: database) {
          if isLost.withLock({ $0 }) { throw DatabaseError.outcomeUnknown("cut") }
        })
      let login = AuditEntry("login", by: Origin(actor: "zoe"), target: "x")
      trail.note(login)
      trail.note(login)
      await #expect(throws: DatabaseError.self) { try await trail.flush() }
      trail.note(login)
      isLost.withLock { $0 = false }
      try await trail.flush()
      var filter = AuditFilter()
      filter.actor = "zoe"
      let told = try await Self.records(registry, filter).map(\.detail).sorted()
      #expect(told == [#"{"times":2}"#, "{}"])
    }
  }

  @Test func `tells how many it could not keep`() async throws {
    try await ClosedRegistry.withOne { registry in
      let trail = registry.server.access.trail
      for number in 0..<AuditTrail.gatheredLimit + 7 {
        trail.note(AuditEntry("login", by: Origin(actor: "\(number)"), target: "x"))
      }
      var filter = AuditFilter()
      filter.kind = "audit.lost"
      let lost = try await Self.records(registry, filter)
      #expect(lost.count == 1)
      #expect(try JSONValue.parse(lost[0].detail)["count"]?.integer ?? 0 >= 7)
    }
  }
}

extension Database {
  /// Changes what is stored, as somebody would who has the database in their hands.
  func tamper(_ sql: SQL) async throws {
    try await write { _ = try $0.connection.run(sql) { _ in false } }
  }
}
