import Ground
import Metadata
public import OCI
import Synchronization

/// Why something was not administered.
public struct AdministrationError: Error, Sendable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// Nobody showed who they are.
    case unauthenticated
    case denied
    /// There is no such thing.
    case notFound
    /// It is not to be seen, whether it is there or not: told as if there were no such thing, and recorded as a refusal.
    case hidden
    /// It is there already, or in use.
    case conflict
    case invalid
  }

  public let kind: Kind
  public let message: String
  public var description: String { message }

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

/// Changes who there is and what they may do. Each change is checked against what its caller may, and is recorded in the
/// transaction that makes it.
public final class Administration: Sendable {
  /// The most that a page of a list holds.
  public static let pageLimit = 1000
  /// Members of a team that are listed.
  static let memberLimit = 10_000
  /// Tokens that an account may have.
  static let tokenLimit = 1000

  let policy: Policy
  let memory: AccessMemory
  let hasher: PasswordHasher
  let throttle: LoginThrottle
  let keys: SigningKeys
  let trail: AuditTrail
  let random: any RandomSource
  private let liveSettings: Live<AccessSettings>

  init(
    policy: Policy, memory: AccessMemory, hasher: PasswordHasher, throttle: LoginThrottle, keys: SigningKeys,
    trail: AuditTrail,
    settings: Live<AccessSettings>, random: any RandomSource
  ) {
    self.policy = policy
    self.memory = memory
    self.hasher = hasher
    self.throttle = throttle
    self.keys = keys
    self.trail = trail
    liveSettings = settings
    self.random = random
  }

  var settings: AccessSettings { liveSettings.value }
  var database: any Database { memory.database }

  // MARK: Who may

  /// A credential that stands for all of an account.
  public func requireLogin(_ caller: Caller) throws {
    guard caller.isAuthenticated else { throw AdministrationError(.unauthenticated, "log in to do this") }
    guard !caller.isLimited else {
      throw AdministrationError(
        .denied, "this token is for repositories only; use one without a scope, or the password")
    }
  }

  func requireSiteAdmin(_ caller: Caller) throws {
    try requireLogin(caller)
    guard isSiteAdmin(caller) else { throw AdministrationError(.denied, "only a site admin may do this") }
  }

  /// Who reads everything.
  public func requireSiteReader(_ caller: Caller) throws {
    try requireLogin(caller)
    guard isSiteAdmin(caller) || caller.account?.siteRole == .auditor else {
      throw AdministrationError(.denied, "only a site admin or a site auditor may see this")
    }
  }

  func isSiteAdmin(_ caller: Caller) -> Bool { policy.isOpen || caller.account?.siteRole == .admin }

  /// Somebody with at least this role on the whole of a namespace that exists.
  func require(_ role: Role, in namespace: String, _ caller: Caller) async throws {
    try requireLogin(caller)
    guard try await isVisible(namespace, to: caller) else { throw Self.noNamespace(namespace, for: caller) }
    guard let own = policy.role(in: namespace, of: caller), own >= role else {
      throw AdministrationError(.denied, "only a \(role.rawValue) of \(namespace) may do this")
    }
  }

  /// Tells a namespace that nobody made from one that has nothing. Where accounts are switched off, a push makes it, and whatever
  /// is asked of it before holds then.
  public func requireNamespace(_ name: String) async throws {
    guard !policy.isOpen, try await database.read({ try $0.namespace(name) }) == nil else { return }
    throw Self.noNamespace(name)
  }

  /// As ``require(_:in:_:)``, and auditors, who read everything.
  func requireToSee(_ role: Role, in namespace: String, _ caller: Caller) async throws {
    if caller.account?.siteRole == .auditor, !caller.isLimited {
      guard try await isVisible(namespace, to: caller) else { throw Self.noNamespace(namespace, for: caller) }
      return
    }
    try await require(role, in: namespace, caller)
  }

  /// Whether somebody may know that a namespace is there.
  func isVisible(_ namespace: String, to caller: Caller) async throws -> Bool {
    guard let record = try await database.read({ try $0.namespace(namespace) }) else { return false }
    if record.isPublic || policy.isOpen { return true }
    guard let account = caller.account else { return false }
    return account.siteRole != nil || account.grants[namespace] != nil
  }

  /// Somebody with an account who may know that a namespace is there.
  public func requireVisible(_ namespace: String, to caller: Caller) async throws {
    try requireLogin(caller)
    guard try await isVisible(namespace, to: caller) else { throw Self.noNamespace(namespace, for: caller) }
  }

  /// - Parameter caller: from whom it may be hidden; nil: from nobody.
  static func noNamespace(_ name: String, for caller: Caller? = nil) -> AdministrationError {
    let isHidden = caller.map { !$0.seesAllNamespaces } ?? false
    return AdministrationError(isHidden ? .hidden : .notFound, "there is no namespace \(name), or you may not see it")
  }

  // MARK: Changes

  /// Runs a change, and returns when this process decides by it.
  func change<V: Sendable>(
    _ body: @escaping @Sendable (borrowing Transaction) throws -> V
  ) async throws -> V {
    let value = try await database.write(body)
    try await memory.changed()
    return value
  }

  /// What a body that makes something has to ask: run again because the answer to its commit was lost, it finds its own work.
  final class Making: Sendable {
    private let wasMade = Atomic<Bool>(false)

    func check(_ isNew: Bool, _ conflict: @autoclosure () -> String) throws {
      if isNew {
        wasMade.store(true, ordering: .relaxed)
      } else if !wasMade.load(ordering: .relaxed) {
        throw AdministrationError(.conflict, conflict())
      }
    }

    /// The same for what is taken away.
    func checkGone(_ wasThere: Bool, _ missing: @autoclosure () -> String) throws {
      if wasThere {
        wasMade.store(true, ordering: .relaxed)
      } else if !wasMade.load(ordering: .relaxed) {
        throw AdministrationError(.notFound, missing())
      }
    }
  }

  static func detail(_ members: (String, JSONValue)...) -> String {
    JSONValue.object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) })).text
  }

  // MARK: Names

  /// Of people and teams: letters, digits and `. _ - @`, so that an address of mail can be one.
  static func checkName(_ name: String, of what: String) throws {
    let isPlain = name.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
        || [0x2D, 0x2E, 0x5F, 0x40].contains(byte)
    }
    guard isPlain, (1...64).contains(name.utf8.count), name.utf8.first.map({ $0 != 0x2D && $0 != 0x2E }) ?? false,
      !reservedNames.contains(name.lowercased())
    else {
      throw AdministrationError(
        .invalid, "“\(name.prefix(80))” cannot be the name of a \(what): 1 to 64 letters, digits and . _ - @")
    }
  }

  private static let reservedNames: Set<String> = ["anonymous", "berth", "everybody", "oidc", "job"]

  /// A namespace's name is a repository's with one component.
  static func checkNamespace(_ name: String) throws {
    guard let parsed = try? RepositoryName(parsing: name), !name.contains("/"), parsed.text == name else {
      throw AdministrationError(
        .invalid, "“\(name.prefix(80))” cannot be a namespace: lower-case letters and digits, with . _ - between them")
    }
  }

  /// A pattern of repositories of a namespace; nil, `*` and `NAMESPACE/*` are all of them.
  public static func pattern(_ text: String?, in namespace: String) throws -> RepositoryPattern {
    guard let text, text != "*", text != "\(namespace)/*" else { return .everything }
    guard let pattern = RepositoryPattern(parsing: text), pattern.staysIn(namespace) else {
      throw AdministrationError(
        .invalid,
        "“\(text.prefix(80))” is no pattern of repositories of \(namespace), such as \(namespace)/api or \(namespace)/web-*"
      )
    }
    return pattern
  }

  static func role(_ text: String) throws -> Role {
    guard let role = Role(rawValue: text) else {
      throw AdministrationError(
        .invalid, "“\(text.prefix(40))” is no role; there are \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return role
  }

  static func checkPassword(_ password: String) throws {
    guard password.count >= PasswordHasher.leastLength else {
      throw AdministrationError(.invalid, "a password has at least \(PasswordHasher.leastLength) characters")
    }
    guard password.utf8.count <= PasswordHasher.lengthLimitBytes, !password.utf8.contains(0) else {
      throw AdministrationError(.invalid, "a password has at most \(PasswordHasher.lengthLimitBytes) bytes")
    }
  }
}
