public import Metadata
import OCI

/// Somebody in a team, as it is shown.
public struct TeamMember: Sendable {
  public let name: String
  /// `manual`, or the provider that says so.
  public let source: String
  /// Why it gives nothing; nil: it counts.
  public let problem: String?
}

extension Administration {
  /// Namespaces that the caller may know of, in the order of their names, and where the next page begins.
  public func namespaces(
    after name: String, limit: Int, by caller: Caller
  ) async throws -> (elements: [NamespaceRecord], next: String?) {
    try requireLogin(caller)
    let visible = try await policy.visible(to: caller).namespaces
    var found: [NamespaceRecord] = []
    var position = name
    while found.count < limit {
      let from = position
      let page = try await database.read { try $0.namespaces(after: from, limit: limit) }
      let shown = page.filter { record in visible.map { $0.contains(record.name) } ?? true }
      for record in shown {
        if found.count == limit { return (found, found.last?.name) }
        found.append(record)
      }
      guard page.count == limit, let last = page.last else { return (found, nil) }
      position = last.name
    }
    return (found, found.last?.name)
  }

  public func namespace(_ name: String, by caller: Caller) async throws -> NamespaceRecord {
    try requireLogin(caller)
    guard try await isVisible(name, to: caller), let record = try await database.read({ try $0.namespace(name) })
    else { throw Self.noNamespace(name, for: caller) }
    return record
  }

  /// - Parameter owner: a user who becomes its owner.
  public func makeNamespace(_ name: String, isPublic: Bool, owner: String?, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try Self.checkNamespace(name)
    let making = Making()
    try await change { transaction in
      try making.check(
        try transaction.insertNamespace(name, isPublic: isPublic), "there is a namespace \(name) already")
      if let owner {
        try transaction.grant(
          Role.owner.rawValue, on: name, pattern: "*", account: try Self.person(owner, transaction).id, team: nil,
          by: caller.origin.actor)
      }
      try transaction.record(
        AuditEntry(
          "namespace.create", by: caller.origin, namespace: name, target: name,
          detail: Self.detail(("public", .bool(isPublic)), ("owner", owner.map { .string($0) } ?? .null))))
    }
  }

  /// Lets everybody pull, or only those who are granted it.
  public func setPublic(_ isPublic: Bool, _ name: String, by caller: Caller) async throws {
    try await require(.owner, in: name, caller)
    try await change { transaction in
      try transaction.setPublic(isPublic, name)
      try transaction.record(
        AuditEntry(
          "namespace.change", by: caller.origin, namespace: name, target: name,
          detail: Self.detail(("public", .bool(isPublic)))))
    }
  }

  /// Removes a namespace that holds no image, with its robots, grants and trust rules.
  public func deleteNamespace(_ name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let making = Making()
    try await change { transaction in
      try transaction.lockNamespace(name)
      try making.checkGone(try transaction.namespace(name) != nil, "there is no namespace \(name)")
      // Pushes of now end first, and are seen; later ones begin the namespace anew.
      try transaction.lockRepositories(of: name)
      guard try !transaction.hasRepositories(name) else {
        throw AdministrationError(.conflict, "the namespace \(name) holds images; delete them first")
      }
      try transaction.deleteNamespace(name)
      try transaction.record(AuditEntry("namespace.delete", by: caller.origin, namespace: name, target: name))
    }
  }

  // MARK: Grants

  public func grants(
    on namespace: String, after id: Int64, limit: Int, by caller: Caller
  ) async throws -> [GrantRecord] {
    try await requireToSee(.maintainer, in: namespace, caller)
    return try await database.read { try $0.grants(on: namespace, after: id, limit: limit) }
  }

  /// Who a grant is for.
  public enum Grantee: Sendable, Hashable {
    /// A user or a robot.
    case account(String)
    case team(String)
  }

  /// Grants a role on the repositories of a namespace that the pattern takes, in place of what was granted for the same
  /// pattern.
  ///
  /// A robot may have a role in its own namespace only, and at most maintainer: what it holds is stored somewhere.
  public func grant(
    _ roleText: String, to grantee: Grantee, on namespace: String, pattern patternText: String?, by caller: Caller
  ) async throws {
    try await require(.owner, in: namespace, caller)
    let role = try Self.role(roleText)
    let pattern = try Self.pattern(patternText, in: namespace)
    try await change { transaction in
      var account: AccountID?
      var team: Int64?
      let shown: String
      switch grantee {
      case .account(let name):
        guard let record = try transaction.account(named: name) else {
          throw AdministrationError(.notFound, "there is no user or robot \(name.prefix(80))")
        }
        if let home = record.namespace {
          // Another namespace's robots are nobody's business here.
          guard home == namespace else {
            throw AdministrationError(.notFound, "there is no user or robot \(name.prefix(80))")
          }
          guard role <= .maintainer else { throw AdministrationError(.invalid, "a robot can be at most maintainer") }
        }
        (account, shown) = (record.id, name)
      case .team(let name):
        guard let record = try transaction.team(named: name) else {
          throw AdministrationError(.notFound, "there is no team \(name.prefix(80))")
        }
        (team, shown) = (record.id, "team \(name)")
      }
      try transaction.grant(
        role.rawValue, on: namespace, pattern: pattern.text, account: account, team: team, by: caller.origin.actor)
      try transaction.record(
        AuditEntry(
          "grant.create", by: caller.origin, namespace: namespace, target: shown,
          detail: Self.detail(("role", .string(role.rawValue)), ("pattern", .string(pattern.text)))))
    }
  }

  public func deleteGrant(_ id: Int64, on namespace: String, by caller: Caller) async throws {
    try await require(.owner, in: namespace, caller)
    let making = Making()
    try await change { transaction in
      let found = try transaction.grant(id)
      let grant = found?.namespace == namespace ? found : nil
      try making.checkGone(grant != nil, "there is no grant \(id) on \(namespace)")
      guard let grant else { return }
      try transaction.deleteGrant(id)
      try transaction.record(
        AuditEntry(
          "grant.delete", by: caller.origin, namespace: namespace,
          target: grant.account ?? grant.team.map { "team \($0)" } ?? "",
          detail: Self.detail(("role", .string(grant.role)), ("pattern", .string(grant.pattern)))))
    }
  }

  // MARK: Teams

  public func teams(after name: String, limit: Int, by caller: Caller) async throws -> [TeamRecord] {
    try requireSiteReader(caller)
    return try await database.read { try $0.teams(after: name, limit: limit) }
  }

  /// A team and its members: for those who read everything, and for the members.
  public func team(
    _ name: String, by caller: Caller
  ) async throws -> (team: TeamRecord, members: [TeamMember]) {
    try requireLogin(caller)
    if !(caller.account?.teams.contains(name) ?? false) { try requireSiteReader(caller) }
    let settings = settings
    return try await database.read { transaction in
      let team = try Self.team(name, transaction)
      let members = try transaction.members(of: team.id, limit: Self.memberLimit)
      return (
        team,
        members.map { member in
          TeamMember(
            name: member.account, source: member.source,
            problem: settings.problem(ofMembershipBy: member.source, issuer: member.issuer))
        }
      )
    }
  }

  private static func team<R: Reading & ~Copyable>(_ name: String, _ transaction: borrowing R) throws -> TeamRecord {
    guard let team = try transaction.team(named: name) else {
      throw AdministrationError(.notFound, "there is no team \(name.prefix(80))")
    }
    return team
  }

  /// - Parameter ssoGroup: the group of single sign-on whose members are in the team: `acme:developers`, the provider's name
  ///   first.
  public func makeTeam(_ name: String, ssoGroup: String?, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try Self.checkName(name, of: "team")
    try checkGroup(ssoGroup)
    let making = Making()
    try await change { transaction in
      try making.check(try transaction.insertTeam(name, ssoGroup: ssoGroup), "there is a team \(name) already")
      try transaction.record(
        AuditEntry(
          "team.create", by: caller.origin, target: name,
          detail: Self.detail(("ssoGroup", ssoGroup.map { .string($0) } ?? .null))))
    }
  }

  /// A group that no provider could ever tell of leaves a team empty for ever.
  private func checkGroup(_ ssoGroup: String?) throws {
    guard let ssoGroup else { return }
    let names = settings.providers.map(\.name)
    guard names.contains(where: { ssoGroup.hasPrefix($0 + ":") && ssoGroup.count > $0.count + 1 }) else {
      let known = names.isEmpty ? "there is none" : "there are \(names.joined(separator: ", "))"
      throw AdministrationError(
        .invalid, "“\(ssoGroup.prefix(80))” is not PROVIDER:GROUP with a provider of access.sign_on; \(known)")
    }
  }

  public func setGroup(_ ssoGroup: String?, ofTeam name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try checkGroup(ssoGroup)
    try await change { transaction in
      try transaction.setGroup(ssoGroup, of: try Self.team(name, transaction).id)
      try transaction.record(
        AuditEntry(
          "team.change", by: caller.origin, target: name,
          detail: Self.detail(("ssoGroup", ssoGroup.map { .string($0) } ?? .null))))
    }
  }

  public func deleteTeam(_ name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let making = Making()
    try await change { transaction in
      let team = try transaction.team(named: name)
      try making.checkGone(team != nil, "there is no team \(name)")
      guard let team else { return }
      try NamedPeople.forget("team:\(name)", in: nil, transaction)
      try transaction.deleteTeam(team.id)
      try transaction.record(AuditEntry("team.delete", by: caller.origin, target: name))
    }
  }

  public func addMember(_ user: String, toTeam name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try await change { transaction in
      let team = try Self.team(name, transaction)
      try transaction.addMember(
        try Self.person(user, transaction).id, to: team.id, source: AccessSettings.sourceOfPeople)
      try transaction.record(
        AuditEntry("team.member.add", by: caller.origin, target: name, detail: Self.detail(("user", .string(user)))))
    }
  }

  /// Takes somebody out of a team whom people put there, or a provider whose word does not count any more. Out of one that a
  /// provider puts them into, they are taken there.
  public func removeMember(_ user: String, fromTeam name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let making = Making()
    let settings = settings
    try await change { transaction in
      let team = try Self.team(name, transaction)
      let member = try Self.person(user, transaction)
      let sources = try transaction.memberships(of: member.id).filter { $0.team == name }.map(\.source)
      var isGone = false
      for source in sources
      where source == AccessSettings.sourceOfPeople
        || settings.problem(ofMembershipBy: source, issuer: member.issuer) != nil
      {
        isGone = try transaction.removeMember(member.id, from: team.id, source: source) || isGone
      }
      try making.checkGone(isGone, "\(user) is not in the team \(name), or is in it by single sign-on")
      try transaction.record(
        AuditEntry("team.member.remove", by: caller.origin, target: name, detail: Self.detail(("user", .string(user)))))
    }
  }
}
