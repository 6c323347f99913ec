import Ground
import Metadata
import OCI
import TestSupport
import Testing

@testable import Access

/// Every transaction is committed, its answer is lost, and it is run again.
@Suite struct `A change of access whose answer was lost` {
  private static let issuer = "https://jobs.test"

  private static func start() async throws -> (access: AccessControl, base: any Database, admin: Caller) {
    let base = try SQLiteDatabase.inMemory()
    var settings = AccessSettings()
    settings.jobIssuers = [issuer]
    let access = try await AccessControl(
      database: ForgetfulDatabase(base: base), settings: settings, http: NoNetwork(), hasher: PasswordHasher(cost: 1))
    let password = try #require(try await access.administration.makeFirstAdmin(password: nil))
    let admin = try await access.authenticator.caller(
      .basic(user: "admin", password: password), address: "192.0.2.1", requestID: "r-1")
    return (access, base, admin)
  }

  private static func records(_ kind: String, _ base: any Database) async throws -> Int {
    var filter = AuditFilter()
    filter.kind = kind
    let found = filter
    return try await base.read { try $0.auditRecords(found, after: 0, newestFirst: true, limit: 1000) }.count
  }

  @Test func `does not lose the login of a device, whose token is had once`() async throws {
    let (access, base, admin) = try await Self.start()
    let login = try await access.beginDeviceLogin(client: "test")
    #expect(try await access.answerDeviceLogin(login.userCode, yes: true, by: admin))
    let state = try await access.pollDeviceLogin(login.deviceCode, address: "192.0.2.1", requestID: "r-2")
    guard case .granted(let token, "admin") = state else {
      Issue.record("the login is \(state)")
      return
    }
    let caller = try await access.authenticator.caller(
      .basic(user: "admin", password: token.secret), address: "192.0.2.1", requestID: "r-3")
    #expect(caller.accountName == "admin")
    let again = try await access.pollDeviceLogin(login.deviceCode, address: "192.0.2.1", requestID: "r-4")
    guard case .expired = again else {
      Issue.record("the login is \(again)")
      return
    }
    let tokens = try await access.administration.tokens(of: .own, after: "", limit: 10, by: admin)
    #expect(tokens.map(\.id) == [token.record.id])
    #expect(try await Self.records("token.create", base) == 1)
    #expect(try await Self.records("login.device", base) == 1)
  }

  @Test func `makes the last token and the last trust rule that fit, and no further`() async throws {
    let (access, base, admin) = try await Self.start()
    let administration = access.administration
    for _ in 0..<Administration.tokenLimit {
      _ = try await administration.makeToken("x", for: .own, scope: nil, lifetime: nil, by: admin)
    }
    await #expect(throws: AdministrationError.self) {
      try await administration.makeToken("x", for: .own, scope: nil, lifetime: nil, by: admin)
    }
    let owner = try #require(admin.account?.record.id)
    #expect(try await base.read { try $0.tokenCount(of: owner) } == Administration.tokenLimit)

    try await administration.makeNamespace("acme", isPublic: false, owner: nil, by: admin)
    func make(_ name: String) async throws {
      try await administration.makeTrustRule(
        name, on: "acme", issuer: Self.issuer, audience: nil, claims: [("repository", "acme/api")], role: "writer",
        pattern: nil, lifetime: .seconds(900), by: admin)
    }
    for number in 0..<Administration.trustLimit { try await make("rule-\(number)") }
    let full = await #expect(throws: AdministrationError.self) { try await make("one-more") }
    #expect(full?.message.contains("remove some first") ?? false)
    // One that is there is there, also at the limit.
    let known = await #expect(throws: AdministrationError.self) { try await make("rule-7") }
    #expect(known?.message.contains("already") ?? false)
    let rules = try await administration.trustRules(on: "acme", after: "", limit: 1000, by: admin)
    #expect(rules.count == Administration.trustLimit)
  }

  @Test func `is one record`() async throws {
    let (access, base, admin) = try await Self.start()
    let administration = access.administration
    try await administration.makeNamespace("acme", isPublic: false, owner: nil, by: admin)
    let robot = try await administration.makeRobot("ci", in: "acme", role: "writer", pattern: nil, by: admin)
    try await administration.setPublic(true, "acme", by: admin)
    try await administration.makeTeam("ops", ssoGroup: nil, by: admin)
    try await administration.addMember("admin", toTeam: "ops", by: admin)
    try await administration.removeMember("admin", fromTeam: "ops", by: admin)
    try await administration.deleteRobot(robot, in: "acme", by: admin)
    for kind in [
      "namespace.create", "robot.create", "namespace.change", "team.create", "team.member.add", "team.member.remove",
      "robot.delete",
    ] {
      #expect(try await Self.records(kind, base) == 1, "\(kind)")
    }
  }
}
