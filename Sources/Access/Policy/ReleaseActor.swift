public import Metadata
public import OCI

/// Leave to ask for a change of what the environments of a namespace run, as far as the environment lets its holder (invariant
/// I7). Made by ``Policy`` only.
///
/// Which people an environment names is part of its settings, which a transaction reads; so the questions are asked there.
public struct ReleaseActor: Sendable {
  public let namespace: String
  public let origin: Origin
  /// The best role on the whole of the namespace; site admins are its owners.
  public let role: Role?
  public let isSiteAdmin: Bool
  /// A user, and no robot or job: whom agreeing is for unless an environment names others.
  public let isPerson: Bool
  /// The namespace's trust rules that took the holder, if it is a job.
  public let rules: Set<String>
  /// Who made the robot that this is, or the token that it showed.
  public let makers: Set<String>
  /// The credential is for some repositories only.
  public let isLimited: Bool
  /// Whose word counts on who else has agreed.
  let settings: AccessSettings
  private let names: Set<String>
  private let maySee: @Sendable (RepositoryName) -> Bool
  private let mayRelease: @Sendable (RepositoryName) -> Bool

  internal init(
    namespace: String, origin: Origin, role: Role?, isSiteAdmin: Bool, isPerson: Bool, rules: Set<String>,
    makers: Set<String>, isLimited: Bool, names: Set<String>, settings: AccessSettings,
    maySee: @escaping @Sendable (RepositoryName) -> Bool, mayRelease: @escaping @Sendable (RepositoryName) -> Bool
  ) {
    self.namespace = namespace
    self.origin = origin
    self.role = role
    self.isSiteAdmin = isSiteAdmin
    self.isPerson = isPerson
    self.rules = rules
    self.makers = makers
    self.isLimited = isLimited
    self.names = names
    self.settings = settings
    self.maySee = maySee
    self.mayRelease = mayRelease
  }

  /// All that stand behind what the holder says; see ``ReleaseApproval/behind``.
  public var behind: Set<String> { makers.union(rules.map { "trust:\($0)" }).union([origin.actor]) }

  /// Whether one of a list of people means the holder: an account, `team:NAME`, `trust:NAME` for a job.
  public func isNamed(in list: [String]) -> Bool { list.contains { names.contains($0) } }

  /// Whether the holder may know what runs in the repository.
  public func shows(_ repository: RepositoryName) -> Bool { maySee(repository) }

  /// Whether the holder may pull from the repository, and the credential is for changing it: one that is limited to
  /// repositories must be for pushing.
  public func covers(_ repository: RepositoryName) -> Bool {
    repository.namespace == namespace && mayRelease(repository)
  }
}

extension Policy {
  /// - Throws: ``AdministrationError`` when nobody has logged in, or the namespace is not to be seen.
  public func releaseActor(in namespace: String, for caller: Caller) async throws -> ReleaseActor {
    guard caller.isAuthenticated else { throw AdministrationError(.unauthenticated, "log in to do this") }
    let readable = try await readable(by: caller)
    var names: Set<String> = []
    var rules: Set<String> = []
    var isVisible = isOpen
    switch caller.principal {
    case .everybody: names = [caller.origin.actor]
    case .anonymous: break
    case .account(let account):
      names = Set(account.teams.map { "team:\($0)" }).union([account.name])
      isVisible = isVisible || account.siteRole != nil || account.grants[namespace] != nil
    case .federated(let all):
      rules = Set(all.filter { $0.record.namespace == namespace }.map(\.record.name))
      names = Set(rules.map { "trust:\($0)" })
      isVisible = isVisible || !rules.isEmpty
    }
    guard isVisible else { throw Administration.noNamespace(namespace, for: caller) }
    let limits = caller.limits
    let unlimitedRole = role(in: namespace, of: caller.unlimited)
    return ReleaseActor(
      namespace: namespace, origin: caller.origin, role: unlimitedRole,
      isSiteAdmin: isOpen || caller.account?.siteRole == .admin,
      isPerson: isOpen || caller.account?.record.kind == "person", rules: rules,
      makers: try await makers(of: caller), isLimited: !limits.isEmpty, names: names,
      settings: memory?.settings ?? AccessSettings(),
      maySee: readable
    ) { repository in readable(repository) && Self.allow(limits, .push, on: repository) }
  }

  /// Who made the robot that the caller is, or the token that it showed; nobody made a person.
  ///
  /// - Throws: ``AdministrationError`` when the token has ended.
  func makers(of caller: Caller) async throws -> Set<String> {
    guard let memory, let account = caller.account, account.record.kind == "robot" else { return [] }
    guard let id = caller.bond.token else { return account.record.madeBy }
    guard let token = try await memory.token(id: id) else {
      throw AdministrationError(.unauthenticated, "the token has ended")
    }
    return account.record.madeBy.union(token.madeBy)
  }

  private static func allow(_ limits: [Caller.Limit], _ action: Action, on repository: RepositoryName) -> Bool {
    limits.allSatisfy { limit in
      switch limit {
      case .token(_, let scope): scope.allows(action, on: repository)
      case .bearer(let granted, _): granted[repository]?.contains(action) ?? false
      }
    }
  }
}
