public import Ground
internal import OCI

/// The first part of repositories' names, and whether everybody may pull from it.
public struct NamespaceRecord: Sendable, Hashable {
  public let name: String
  public let isPublic: Bool
  public let createdAt: Timestamp
}

/// A team.
public struct TeamRecord: Sendable, Hashable {
  public let id: Int64
  public let name: String
  /// The group of single sign-on whose members are in it.
  public let ssoGroup: String?
}

/// Somebody is in a team.
public struct TeamMembership: Sendable, Hashable {
  public let team: String
  public let account: String
  /// Who says so: `manual` for people, or the name of the provider that named the group.
  public let source: String
  /// Who vouches for the account.
  public let issuer: String?
}

/// A role on the repositories of a namespace that a pattern takes.
public struct GrantRecord: Sendable, Hashable {
  public let id: Int64
  public let namespace: String
  public let pattern: String
  public let role: String
  /// The name of the account, or nil.
  public let account: String?
  /// The name of the team, or nil.
  public let team: String?
  public let grantedBy: String
  public let createdAt: Timestamp
}

extension Row {
  fileprivate func namespace() -> NamespaceRecord {
    NamespaceRecord(name: text(0), isPublic: integer(1) != 0, createdAt: timestamp(2))
  }

  fileprivate func membership() -> TeamMembership {
    TeamMembership(team: text(0), account: text(1), source: text(2), issuer: optionalText(3))
  }

  fileprivate func grant() -> GrantRecord {
    GrantRecord(
      id: integer(0), namespace: text(1), pattern: text(2), role: text(3), account: optionalText(4),
      team: optionalText(5), grantedBy: text(6), createdAt: timestamp(7))
  }
}

extension Reading where Self: ~Copyable {
  public func namespace(_ name: String) throws -> NamespaceRecord? {
    try first("SELECT name, is_public, created_at FROM namespace WHERE name = \(name)") { $0.namespace() }
  }

  /// A page of namespaces in the order of their names.
  public func namespaces(after name: String, limit: Int) throws -> [NamespaceRecord] {
    try all("SELECT name, is_public, created_at FROM namespace WHERE name > \(name) ORDER BY name LIMIT \(limit)") {
      $0.namespace()
    }
  }

  public func publicNamespaces() throws -> [String] {
    try all("SELECT name FROM namespace WHERE is_public = 1 ORDER BY name") { $0.text(0) }
  }

  /// Everything that is granted to an account, itself or through its teams.
  public func grants(of account: AccountID) throws -> [GrantRecord] {
    try all(
      """
      SELECT g.id, g.namespace, g.pattern, g.role, a.name, NULL, g.granted_by, g.created_at
      FROM access_grant g JOIN account a ON a.id = g.account_id WHERE g.account_id = \(account)
      UNION ALL
      SELECT g.id, g.namespace, g.pattern, g.role, NULL, t.name, g.granted_by, g.created_at
      FROM access_grant g JOIN team t ON t.id = g.team_id
      WHERE g.team_id IN (SELECT team_id FROM team_member WHERE account_id = \(account))
      """
    ) { $0.grant() }
  }

  /// The grants on a namespace in the order in which they were made.
  public func grants(on namespace: String, after id: Int64, limit: Int) throws -> [GrantRecord] {
    try all(
      """
      SELECT g.id, g.namespace, g.pattern, g.role, a.name, t.name, g.granted_by, g.created_at
      FROM access_grant g LEFT JOIN account a ON a.id = g.account_id LEFT JOIN team t ON t.id = g.team_id
      WHERE g.namespace = \(namespace) AND g.id > \(id) ORDER BY g.id LIMIT \(limit)
      """
    ) { $0.grant() }
  }

  public func grant(_ id: Int64) throws -> GrantRecord? {
    try first(
      """
      SELECT g.id, g.namespace, g.pattern, g.role, a.name, t.name, g.granted_by, g.created_at
      FROM access_grant g LEFT JOIN account a ON a.id = g.account_id LEFT JOIN team t ON t.id = g.team_id
      WHERE g.id = \(id)
      """
    ) { $0.grant() }
  }

  public func team(named name: String) throws -> TeamRecord? {
    try first("SELECT id, name, sso_group FROM team WHERE name = \(name)") {
      TeamRecord(id: $0.integer(0), name: $0.text(1), ssoGroup: $0.optionalText(2))
    }
  }

  public func teams(after name: String, limit: Int) throws -> [TeamRecord] {
    try all("SELECT id, name, sso_group FROM team WHERE name > \(name) ORDER BY name LIMIT \(limit)") {
      TeamRecord(id: $0.integer(0), name: $0.text(1), ssoGroup: $0.optionalText(2))
    }
  }

  /// The teams that an account is in, and who says so. Whether their word counts is for the configuration to tell.
  public func memberships(of account: AccountID) throws -> [TeamMembership] {
    try all(
      """
      SELECT t.name, a.name, m.source, a.issuer
      FROM team_member m JOIN team t ON t.id = m.team_id JOIN account a ON a.id = m.account_id
      WHERE m.account_id = \(account) ORDER BY t.name, m.source
      """
    ) { $0.membership() }
  }

  /// Who is in a team, and who says so.
  public func members(of team: Int64, limit: Int) throws -> [TeamMembership] {
    try all(
      """
      SELECT t.name, a.name, m.source, a.issuer
      FROM team_member m JOIN team t ON t.id = m.team_id JOIN account a ON a.id = m.account_id
      WHERE m.team_id = \(team) ORDER BY a.name, m.source LIMIT \(limit)
      """
    ) { $0.membership() }
  }

  /// How many memberships there are by each source, for the people of each issuer.
  public func membershipCounts() throws -> [(source: String, issuer: String?, count: Int64)] {
    try all(
      """
      SELECT m.source, a.issuer, COUNT(*) FROM team_member m JOIN account a ON a.id = m.account_id
      GROUP BY m.source, a.issuer ORDER BY m.source, a.issuer
      """
    ) { (source: $0.text(0), issuer: $0.optionalText(1), count: $0.integer(2)) }
  }
}

extension Transaction {
  /// Makes a namespace. Answers false when it is there.
  public func insertNamespace(_ name: String, isPublic: Bool) throws -> Bool {
    try accessChanges()
    return try execute(
      """
      INSERT INTO namespace (name, is_public, created_at) VALUES (\(name), \(isPublic), \(now)) ON CONFLICT (name) DO NOTHING
      """) == 1
  }

  public func setPublic(_ isPublic: Bool, _ namespace: String) throws {
    try accessChanges()
    try enqueue("UPDATE namespace SET is_public = \(isPublic) WHERE name = \(namespace)")
  }

  /// Whether a repository of the namespace has ever been pushed to.
  public func hasRepositories(_ namespace: String) throws -> Bool {
    try number(
      """
      SELECT COUNT(*) FROM (SELECT 1 FROM repository
      WHERE (name = \(namespace) OR (name > \(namespace + "/") AND name < \(namespace + "0"))) AND manifests > 0 LIMIT 1) r
      """) > 0
  }

  /// Removes a namespace with its robots, grants, rules and environments. What was remembered of its tags and labels goes, and
  /// with it what history kept of its images: who makes a namespace of that name later has no claim to them.
  ///
  /// - Precondition: the namespace and its repositories are locked, and it shows no image.
  public func deleteNamespace(_ name: String) throws {
    try accessChanges()
    for robot in try robots(of: name, after: "", limit: .max) { try deleteAccount(robot.id) }
    try enqueue("DELETE FROM access_grant WHERE namespace = \(name)")
    try enqueue("DELETE FROM trust_rule WHERE namespace = \(name)")
    for environment in try environments(of: name) { try deleteEnvironment(environment.id) }
    try enqueue("DELETE FROM repository_rule WHERE namespace = \(name)")
    try enqueue("DELETE FROM finding_exception WHERE namespace = \(name)")
    try enqueue("DELETE FROM vex_statement WHERE namespace = \(name)")
    let repositories = try all(
      "SELECT id FROM repository WHERE name = \(name) OR (name > \(name + "/") AND name < \(name + "0"))"
    ) { RepositoryID(value: $0.integer(0)) }
    for repository in repositories { try forgetHistory(of: repository) }
    try enqueue("DELETE FROM namespace WHERE name = \(name)")
  }

  /// - Precondition: the repository is locked, and shows no image.
  private func forgetHistory(of repository: RepositoryID) throws {
    try enqueue("DELETE FROM tag_event WHERE repository_id = \(repository)")
    try enqueue("DELETE FROM label WHERE repository_id = \(repository)")
    try enqueue("DELETE FROM label_event WHERE repository_id = \(repository)")
    try enqueue("DELETE FROM label_word WHERE repository_id = \(repository)")
    try enqueue("UPDATE manifest SET events = 0 WHERE repository_id = \(repository) AND events > 0")
    try enqueue("UPDATE repository SET history_from = \(now) WHERE id = \(repository)")
  }

  public func insertTeam(_ name: String, ssoGroup: String?) throws -> Bool {
    try accessChanges()
    return try execute(
      """
      INSERT INTO team (name, sso_group, created_at) VALUES (\(name), \(ssoGroup), \(now)) ON CONFLICT (name) DO NOTHING
      """) == 1
  }

  public func setGroup(_ group: String?, of team: Int64) throws {
    try accessChanges()
    try enqueue("UPDATE team SET sso_group = \(group) WHERE id = \(team)")
    try enqueue("DELETE FROM team_member WHERE team_id = \(team) AND source <> 'manual'")
  }

  public func deleteTeam(_ team: Int64) throws {
    try accessChanges()
    try enqueue("DELETE FROM access_grant WHERE team_id = \(team)")
    try enqueue("DELETE FROM team_member WHERE team_id = \(team)")
    try enqueue("DELETE FROM team WHERE id = \(team)")
  }

  public func addMember(_ account: AccountID, to team: Int64, source: String) throws {
    try accessChanges()
    try enqueue(
      """
      INSERT INTO team_member (team_id, account_id, source) VALUES (\(team), \(account), \(source))
      ON CONFLICT (team_id, account_id, source) DO NOTHING
      """)
  }

  /// Takes somebody out of a team. Answers false when they were not in it by this source.
  public func removeMember(_ account: AccountID, from team: Int64, source: String) throws -> Bool {
    try accessChanges()
    return try execute(
      "DELETE FROM team_member WHERE team_id = \(team) AND account_id = \(account) AND source = \(source)") == 1
  }

  /// Makes somebody's teams by single sign-on those of the groups that the provider named just now.
  ///
  /// - Returns: the teams that they came into, and those that they left.
  public func setGroups(
    _ groups: [String], of account: AccountID, source: String
  ) throws -> (joined: [String], left: [String]) {
    let text = JSONValue.array(groups.map { .string($0) }).text
    try accessChanges()
    let before = try teamNames(of: account, by: source)
    try enqueue("DELETE FROM team_member WHERE account_id = \(account) AND source = \(source)")
    try enqueue(
      """
      INSERT INTO team_member (team_id, account_id, source)
      SELECT t.id, CAST(\(account) AS BIGINT), \(source) FROM team t
      WHERE t.sso_group IN (SELECT value FROM {LIST}(CAST(\(text) AS {JSON})))
      """)
    let after = try teamNames(of: account, by: source)
    return (after.filter { !before.contains($0) }, before.filter { !after.contains($0) })
  }

  private func teamNames(of account: AccountID, by source: String) throws -> [String] {
    try all(
      """
      SELECT t.name FROM team_member m JOIN team t ON t.id = m.team_id
      WHERE m.account_id = \(account) AND m.source = \(source) ORDER BY t.name
      """
    ) { $0.text(0) }
  }

  /// Grants a role, in place of the one that was granted for the same pattern.
  public func grant(
    _ role: String, on namespace: String, pattern: String, account: AccountID?, team: Int64?, by actor: String
  ) throws {
    try accessChanges()
    if let account {
      try enqueue(
        """
        INSERT INTO access_grant (namespace, pattern, account_id, team_id, role, granted_by, created_at)
        VALUES (\(namespace), \(pattern), \(account), NULL, \(role), \(actor), \(now))
        ON CONFLICT (account_id, namespace, pattern) WHERE account_id IS NOT NULL
        DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by
        """)
    } else if let team {
      try enqueue(
        """
        INSERT INTO access_grant (namespace, pattern, account_id, team_id, role, granted_by, created_at)
        VALUES (\(namespace), \(pattern), NULL, \(team), \(role), \(actor), \(now))
        ON CONFLICT (team_id, namespace, pattern) WHERE team_id IS NOT NULL
        DO UPDATE SET role = excluded.role, granted_by = excluded.granted_by
        """)
    }
  }

  public func deleteGrant(_ id: Int64) throws {
    try accessChanges()
    try enqueue("DELETE FROM access_grant WHERE id = \(id)")
  }
}
