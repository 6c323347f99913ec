public import Ground
import Metadata
import OCI

/// A person, as others may see them.
public struct UserView: Sendable {
  public let name: String
  public let siteRole: SiteRole?
  public let isDisabled: Bool
  /// Who vouches for them; nil: nobody but this registry.
  public let issuer: String?
  public let hasPassword: Bool
  /// Those that count.
  public let teams: [String]
  public let createdAt: Timestamp
  /// `distantPast`: never.
  public let seenAt: Timestamp
}

extension Administration {
  /// The account that makes all others. Only where there is none at all; nil when there is.
  ///
  /// - Parameter password: nil makes one up.
  /// - Returns: the password.
  public func makeFirstAdmin(password: String?) async throws -> String? {
    guard try await database.read({ try $0.accountCount() }) == 0 else { return nil }
    if let password { try Self.checkPassword(password) }
    let chosen = password ?? String((0..<24).map { _ in Base62.digit(random) })
    let kept = try await hasher.hash(chosen)
    let isMade = try await change { transaction in
      let isNew = try transaction.insertAccount(name: "admin", kind: "person", password: kept, siteRole: "admin")
      if isNew {
        try transaction.record(
          AuditEntry("user.create", by: .system, target: "admin", detail: #"{"siteRole":"admin"}"#))
      }
      // Another replica may have been first; or this body runs again, and finds its own.
      return try transaction.account(named: "admin")?.password == kept
    }
    return isMade ? chosen : nil
  }

  public func user(_ name: String, by caller: Caller) async throws -> UserView {
    try requireLogin(caller)
    if caller.accountName != name { try requireSiteReader(caller) }
    return try await database.read { transaction in
      try self.view(Self.person(name, transaction), transaction)
    }
  }

  public func users(after name: String, limit: Int, by caller: Caller) async throws -> [UserView] {
    try requireSiteReader(caller)
    return try await database.read { transaction in
      try transaction.accounts(kind: "person", after: name, limit: limit).map { try self.view($0, transaction) }
    }
  }

  private func view<R: Reading & ~Copyable>(_ record: AccountRecord, _ transaction: borrowing R) throws
    -> UserView
  {
    let teams = settings.teams(try transaction.memberships(of: record.id), of: record)
    return UserView(
      name: record.name, siteRole: record.siteRole.flatMap { SiteRole(rawValue: $0) }, isDisabled: record.isDisabled,
      issuer: record.issuer, hasPassword: record.password != nil, teams: teams.sorted(),
      createdAt: record.createdAt, seenAt: record.seenAt)
  }

  static func person<R: Reading & ~Copyable>(_ name: String, _ transaction: borrowing R) throws -> AccountRecord {
    guard let record = try transaction.account(named: name), record.kind == "person" else {
      throw AdministrationError(.notFound, "there is no user \(name.prefix(80))")
    }
    return record
  }

  /// - Parameters:
  ///   - password: nil: they sign on with a provider.
  public func makeUser(_ name: String, password: String?, siteRole: SiteRole?, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    try Self.checkName(name, of: "user")
    if let password { try Self.checkPassword(password) }
    var kept: String?
    if let password { kept = try await hasher.hash(password) }
    let hash = kept
    let making = Making()
    try await change { transaction in
      let isNew = try transaction.insertAccount(
        name: name, kind: "person", password: hash, siteRole: siteRole?.rawValue)
      try making.check(isNew, "there is a user \(name) already")
      try transaction.record(
        AuditEntry(
          "user.create", by: caller.origin, target: name,
          detail: Self.detail(("siteRole", siteRole.map { .string($0.rawValue) } ?? .null))))
    }
  }

  /// Takes over the accounts of an `htpasswd` file: those that are new, each with its bcrypt hash, which the first login
  /// replaces by a better one.
  ///
  /// - Returns: the names that were made, and what was passed over with the reason.
  public func importUsers(
    htpasswd text: String, by caller: Caller
  ) async throws -> (made: [String], skipped: [(name: String, reason: String)]) {
    try requireSiteAdmin(caller)
    var wanted: [(name: String, hash: String)] = []
    var skipped: [(name: String, reason: String)] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let trimmed = line.drop { $0 == " " || $0 == "\t" }
      guard !trimmed.isEmpty, !trimmed.hasPrefix("#") else { continue }
      let parts = trimmed.split(separator: ":", maxSplits: 1)
      let name = String(parts[0])
      guard parts.count == 2, PasswordHasher.isImportable(String(parts[1])) else {
        skipped.append((String(name.prefix(64)), "not a bcrypt hash (htpasswd -B)"))
        continue
      }
      guard (4...PasswordHasher.bcryptCostLimit).contains(PasswordHasher.bcryptCost(String(parts[1])) ?? 0) else {
        skipped.append((String(name.prefix(64)), "bcrypt at a cost beyond \(PasswordHasher.bcryptCostLimit)"))
        continue
      }
      do { try Self.checkName(name, of: "user") } catch {
        skipped.append((String(name.prefix(64)), "not a name that a user can have"))
        continue
      }
      wanted.append((name, String(parts[1])))
    }
    let list = wanted
    let made = try await change { transaction in
      var made: [String] = []
      for (name, hash) in list where try transaction.insertAccount(name: name, kind: "person", password: hash) {
        try transaction.record(
          AuditEntry("user.create", by: caller.origin, target: name, detail: #"{"from":"htpasswd"}"#))
        made.append(name)
      }
      return made
    }
    let known = Set(made)
    skipped += list.filter { !known.contains($0.name) }.map { ($0.name, "there already") }
    return (made, skipped)
  }

  /// What can be changed of a user. Nil leaves it.
  public struct UserChange: Sendable {
    public var password: String?
    public var siteRole: SiteRole??
    public var isDisabled: Bool?
    /// End everything that they have for their password or their sign-on, and all their tokens.
    public var logsOut = false
    public init() {}
  }

  public func changeUser(_ name: String, _ wish: UserChange, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    if let password = wish.password { try Self.checkPassword(password) }
    var made: String?
    if let password = wish.password { made = try await hasher.hash(password) }
    let kept = made
    try await change { transaction in
      let record = try Self.person(name, transaction)
      let before = try self.adminCount(transaction)
      var changes: [JSONObject.Member] = []
      if let kept {
        try transaction.setPassword(kept, of: record.id)
        changes.append(.init(key: "password", value: true))
      }
      if let role = wish.siteRole {
        try transaction.setSiteRole(role?.rawValue, of: record.id)
        changes.append(.init(key: "siteRole", value: role.map { .string($0.rawValue) } ?? .null))
      }
      if let isDisabled = wish.isDisabled {
        try transaction.setDisabled(isDisabled, record.id)
        changes.append(.init(key: "disabled", value: .bool(isDisabled)))
      }
      if wish.logsOut {
        try transaction.logOutEverywhere(record.id)
        changes.append(.init(key: "loggedOut", value: true))
      }
      try self.checkAdminIsLeft(of: before, transaction)
      try transaction.record(
        AuditEntry("user.change", by: caller.origin, target: name, detail: JSONValue.object(JSONObject(changes)).text))
    }
  }

  public func deleteUser(_ name: String, by caller: Caller) async throws {
    try requireSiteAdmin(caller)
    let making = Making()
    try await change { transaction in
      let record = try transaction.account(named: name)
      try making.checkGone(record?.kind == "person", "there is no user \(name)")
      guard let record else { return }
      let before = try self.adminCount(transaction)
      try NamedPeople.forget(name, in: nil, transaction)
      try transaction.deleteAccount(record.id)
      try self.checkAdminIsLeft(of: before, transaction)
      try transaction.record(AuditEntry("user.delete", by: caller.origin, target: name))
    }
  }

  /// Site admins who can log in: with a password, or with a provider that is there.
  private func adminCount(_ transaction: borrowing Transaction) throws -> Int {
    try transaction.siteAdminCount(signingOnWith: settings.providers.map(\.issuer))
  }

  /// - Parameter before: how many there were. Where a provider was taken away with all of them, other changes go on; one of
  ///   them must be left, who can log in when it is back.
  private func checkAdminIsLeft(of before: Int, _ transaction: borrowing Transaction) throws {
    let left = try before == 0 ? transaction.siteAdminCount(signingOnWith: nil) : adminCount(transaction)
    guard left > 0 else {
      throw AdministrationError(.conflict, "this is the last site admin who can log in; make another one first")
    }
  }

  /// Somebody's own password. What was had for the old one ends.
  ///
  /// - Throws: ``AuthenticationFailure`` for who has guessed the old one too often.
  public func changeOwnPassword(from old: String, to new: String, by caller: Caller) async throws {
    try requireLogin(caller)
    guard let account = caller.account, account.record.kind == "person" else {
      throw AdministrationError(.denied, "only a user has a password")
    }
    try Self.checkPassword(new)
    // Who has somebody's token could otherwise guess without being slowed down.
    if let delay = throttle.delay(account: account.name, address: caller.origin.address) {
      throw AuthenticationFailure.slowedDown(delay)
    }
    let attempt = throttle.began(account: account.name, address: caller.origin.address, fromFirst: true)
    guard try await hasher.verify(old, against: account.record.password, attempt, throttle) else {
      throttle.failed(attempt)
      throw AdministrationError(.denied, "the old password is not right")
    }
    throttle.succeeded(attempt)
    let kept = try await hasher.hash(new)
    try await change { transaction in
      try transaction.setPassword(kept, of: account.record.id)
      try transaction.record(
        AuditEntry("user.change", by: caller.origin, target: account.name, detail: #"{"password":true}"#))
    }
  }
}
