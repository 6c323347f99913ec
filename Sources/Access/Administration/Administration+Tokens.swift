import Ground
public import Metadata
import OCI

/// A token that was just made, with the secret that is never shown again.
public struct NewToken: Sendable {
  public let record: TokenRecord
  public let secret: String
}

extension Administration {
  // MARK: Robots

  /// `acme+ci`: a robot of the namespace acme.
  static func robotName(_ name: String, in namespace: String) throws -> String {
    let own = name.hasPrefix(namespace + "+") ? String(name.dropFirst(namespace.count + 1)) : name
    try checkName(own, of: "robot")
    return "\(namespace)+\(own)"
  }

  public func robots(
    of namespace: String, after name: String, limit: Int, by caller: Caller
  ) async throws -> [AccountRecord] {
    try await requireToSee(.maintainer, in: namespace, caller)
    return try await database.read { try $0.robots(of: namespace, after: name, limit: limit) }
  }

  /// Makes a robot with a role on some repositories of its namespace.
  ///
  /// - Parameters:
  ///   - roleText: at most maintainer, and at most what the caller is.
  public func makeRobot(
    _ name: String, in namespace: String, role roleText: String, pattern patternText: String?, by caller: Caller
  ) async throws -> String {
    try await require(.maintainer, in: namespace, caller)
    let full = try Self.robotName(name, in: namespace)
    let role = try Self.role(roleText)
    guard role <= .maintainer else { throw AdministrationError(.invalid, "a robot can be at most maintainer") }
    let pattern = try Self.pattern(patternText, in: namespace)
    let makers = try await policy.makers(of: caller).union([caller.origin.actor])
    let making = Making()
    try await change { transaction in
      let isNew = try transaction.insertAccount(name: full, kind: "robot", namespace: namespace, makers: makers)
      try making.check(isNew, "there is a robot \(full) already")
      guard let robot = try transaction.account(named: full) else { return }
      try transaction.grant(
        role.rawValue, on: namespace, pattern: pattern.text, account: robot.id, team: nil, by: caller.origin.actor)
      try transaction.record(
        AuditEntry(
          "robot.create", by: caller.origin, namespace: namespace, target: full,
          detail: Self.detail(("role", .string(role.rawValue)), ("pattern", .string(pattern.text)))))
    }
    return full
  }

  public func deleteRobot(_ name: String, in namespace: String, by caller: Caller) async throws {
    try await require(.maintainer, in: namespace, caller)
    let full = try Self.robotName(name, in: namespace)
    let making = Making()
    try await change { transaction in
      let robot = try transaction.account(named: full)
      try making.checkGone(robot != nil, "there is no robot \(full)")
      guard let robot else { return }
      try NamedPeople.forget(full, in: namespace, transaction)
      try transaction.deleteAccount(robot.id)
      try transaction.record(AuditEntry("robot.delete", by: caller.origin, namespace: namespace, target: full))
    }
  }

  private func robot(_ name: String, in namespace: String) async throws -> AccountRecord {
    let full = try Self.robotName(name, in: namespace)
    guard let robot = try await database.read({ try $0.account(named: full) }), robot.namespace == namespace else {
      throw AdministrationError(.notFound, "there is no robot \(full)")
    }
    return robot
  }

  // MARK: Tokens

  /// Whose tokens are meant.
  public enum TokenOwner: Sendable, Hashable {
    case own
    case user(String)
    case robot(String, namespace: String)
  }

  /// The account whose tokens the caller may see, and with `changes` make and revoke.
  private func account(of owner: TokenOwner, changes: Bool, _ caller: Caller) async throws -> AccountRecord {
    switch owner {
    case .own:
      try requireLogin(caller)
      guard let account = caller.account else { throw AdministrationError(.denied, "only an account has tokens") }
      return account.record
    case .user(let name):
      if changes { try requireSiteAdmin(caller) } else { try requireSiteReader(caller) }
      return try await database.read { try Self.person(name, $0) }
    case .robot(let name, let namespace):
      if changes {
        try await require(.maintainer, in: namespace, caller)
      } else {
        try await requireToSee(.maintainer, in: namespace, caller)
      }
      return try await robot(name, in: namespace)
    }
  }

  public func tokens(
    of owner: TokenOwner, after id: String, limit: Int, by caller: Caller
  ) async throws -> [TokenRecord] {
    let account = try await account(of: owner, changes: false, caller)
    return try await database.read { try $0.tokens(of: account.id, after: id, limit: limit) }
  }

  /// Makes a token of one's own, or of a robot. Nobody makes one for another person. One that is made with a token of the same
  /// account, or of another robot, ends with that at the latest.
  ///
  /// - Parameters:
  ///   - scope: what it may at most; nil: whatever the account may.
  ///   - wanted: how long it lasts; nil: as long as a token may, or until it is revoked.
  public func makeToken(
    _ name: String, for owner: TokenOwner, scope: TokenScope?, lifetime wanted: Duration?, by caller: Caller
  ) async throws -> NewToken {
    try await makeToken(name, for: owner, scope: scope, lifetime: wanted, by: caller) { _ in }
  }

  /// - Parameter claim: takes away what the token is had for, in the same transaction; throws when another has had it.
  func makeToken(
    _ name: String, for owner: TokenOwner, scope: TokenScope?, lifetime wanted: Duration?, by caller: Caller,
    claim: @escaping @Sendable (borrowing Transaction) throws -> Void
  ) async throws -> NewToken {
    if case .user = owner { throw AdministrationError(.denied, "nobody makes tokens for another user") }
    let account = try await account(of: owner, changes: true, caller)
    guard (1...100).contains(name.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw AdministrationError(.invalid, "a token has a name of 1 to 100 characters, which tells what it is for")
    }
    let lifetime = try tokenLifetime(wanted)
    // A token that makes tokens that outlive it would never end; robots could go round by each other.
    let isBound = account.id == caller.account?.record.id || caller.account?.record.kind == "robot"
    let end = isBound ? try await endOfToken(of: caller) : nil
    let kind: SecretToken.Kind = account.kind == "robot" ? .robot : .personal
    let makers = kind == .robot ? try await policy.makers(of: caller).union([caller.origin.actor]) : []
    let secret = SecretToken(kind, random: random)
    let id = random.hexadecimal(byteCount: 8)
    let record = try await change { transaction -> TokenRecord in
      // Run again because the answer to its commit was lost, it finds its own work.
      if let made = try transaction.token(id) { return made }
      try claim(transaction)
      guard try transaction.tokenCount(of: account.id) < Self.tokenLimit else {
        throw AdministrationError(.conflict, "\(account.name) has \(Self.tokenLimit) tokens; revoke some first")
      }
      try transaction.insertToken(
        TokenRecord(
          id: id, account: account.id, kind: kind.rawValue, name: name, scope: scope?.json.text,
          expiresAt: [lifetime.map { transaction.now + $0 }, end].compactMap { $0 }.min(), madeBy: makers),
        hash: secret.hash)
      guard let record = try transaction.token(id) else { throw DatabaseError.corrupt("an insert answered no row") }
      try transaction.record(
        AuditEntry(
          "token.create", by: caller.origin, namespace: account.namespace, target: account.name,
          detail: Self.detail(
            ("token", .string(id)), ("name", .string(name)), ("scope", scope?.json ?? .null),
            ("expires", record.expiresAt.map { .string($0.description) } ?? .null))))
      return record
    }
    return NewToken(record: record, secret: secret.text)
  }

  /// What a century has: an end beyond it is a mistake.
  static let longestTokenLifetime: Duration = .seconds(36_525 * 86_400)

  private func tokenLifetime(_ wanted: Duration?) throws -> Duration? {
    guard let wanted else { return settings.longestToken }
    guard wanted >= .seconds(1) else { throw AdministrationError(.invalid, "a token lasts at least a second") }
    let longest = settings.longestToken ?? Self.longestTokenLifetime
    guard wanted <= longest else {
      let seconds = longest.components.seconds
      let shown = seconds % 86_400 == 0 ? "\(seconds / 86_400) days" : "\(seconds / 3600) hours"
      throw AdministrationError(.invalid, "a token lasts \(shown) at most here")
    }
    return wanted
  }

  /// When the stored token ends that the caller has shown; nil: never, or none was shown.
  private func endOfToken(of caller: Caller) async throws -> Timestamp? {
    guard caller.showedStoredToken, let id = caller.bond.token else { return nil }
    guard let token = try await memory.token(id: id) else {
      throw AdministrationError(.unauthenticated, "the token has ended")
    }
    return token.expiresAt
  }

  public func revokeToken(_ id: String, of owner: TokenOwner, by caller: Caller) async throws {
    let account = try await account(of: owner, changes: true, caller)
    let making = Making()
    try await change { transaction in
      let found = try transaction.token(id)
      let isTheirs = found?.account == account.id && (found?.kind == "personal" || found?.kind == "robot")
      try making.checkGone(isTheirs, "\(account.name) has no token \(id.prefix(40))")
      guard isTheirs else { return }
      try transaction.deleteToken(id)
      try transaction.record(
        AuditEntry(
          "token.revoke", by: caller.origin, namespace: account.namespace, target: account.name,
          detail: Self.detail(("token", .string(id)))))
    }
  }

  // MARK: Certificates of robots

  public static let certificateFields = ["subject", "dns", "uri", "email"]

  public func certificates(
    of robot: String, in namespace: String, by caller: Caller
  ) async throws -> [CertificateRuleRecord] {
    try await requireToSee(.maintainer, in: namespace, caller)
    let account = try await self.robot(robot, in: namespace)
    return try await database.read { try $0.certificateRules(of: account.id) }
  }

  /// Lets a client certificate stand for a robot. Only a site admin: what a certificate says is checked by the site's own
  /// authority, and a name in it may be another team's.
  public func addCertificate(
    field: String, value: String, to robot: String, in namespace: String, by caller: Caller
  ) async throws {
    try requireSiteAdmin(caller)
    guard Self.certificateFields.contains(field), (1...1024).contains(value.utf8.count) else {
      throw AdministrationError(
        .invalid, "a certificate is known by \(Self.certificateFields.joined(separator: ", ")), and a text")
    }
    let account = try await self.robot(robot, in: namespace)
    let making = Making()
    try await change { transaction in
      try making.check(
        try transaction.insertCertificateRule(account.id, field: field, value: value),
        "certificates with \(field) \(value) stand for a robot already")
      try transaction.record(
        AuditEntry(
          "certificate.add", by: caller.origin, namespace: namespace, target: account.name,
          detail: Self.detail((field, .string(value)))))
    }
  }

  public func removeCertificate(_ id: Int64, of robot: String, in namespace: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let account = try await self.robot(robot, in: namespace)
    let making = Making()
    try await change { transaction in
      try making.checkGone(
        try transaction.deleteCertificateRule(id, of: account.id), "\(account.name) has no certificate \(id)")
      try transaction.record(
        AuditEntry("certificate.remove", by: caller.origin, namespace: namespace, target: account.name))
    }
  }

  // MARK: Keys

  /// Makes a new key, which signs from now on; tokens of the old one go on being good until they expire.
  public func rotateSigningKey(by caller: Caller) async throws -> String {
    try requireSiteAdmin(caller)
    let id = try await keys.rotate(forgettingAfter: Self.longestTrust + .seconds(3600), by: caller.origin)
    try await memory.changed()
    try await keys.load(revision: -1)
    return id
  }
}
