import Ground
import Metadata
public import OCI

/// What was decided, and by which rule.
public struct Decision: Sendable, Hashable {
  public let isAllowed: Bool
  /// For a log and for people who ask why: `grant 12: team web is writer on acme/web-*`.
  public let rule: String
}

/// Decides who may do what, and mints the permits (invariant I7).
///
/// A decision is the sum of what the caller's account may, itself and through its teams, and of what everybody may; then cut
/// to what the credential allows at most. There are no rules that take away: what no rule allows is refused.
public final class Policy: Sendable {
  let memory: AccessMemory?

  private init() { memory = nil }

  /// Everybody may do everything. `berth serve` accepts it only with `--open`, and only on loopback.
  public static let open = Policy()

  init(memory: AccessMemory) { self.memory = memory }

  public var isOpen: Bool { memory == nil }

  // MARK: Permits

  /// Leave for an action, when memory is enough to decide; nil says nothing.
  public func permitAtHand<A: RepositoryAction>(
    _ action: A.Type, on repository: RepositoryName, for caller: Caller
  ) -> Permit<A>? {
    guard let memory else { return Permit(repository: repository, origin: caller.origin, isPublic: true) }
    guard memory.isFresh, let isPublic = memory.isPublicAtHand(repository.namespace),
      decide(A.action, on: repository, for: caller, isPublic: isPublic).isAllowed
    else { return nil }
    return Permit(repository: repository, origin: caller.origin, isPublic: isPublic)
  }

  /// - Throws: ``AccessDenied``.
  public func permit<A: RepositoryAction>(
    _ action: A.Type, on repository: RepositoryName, for caller: Caller
  ) async throws -> Permit<A> {
    guard let memory else { return Permit(repository: repository, origin: caller.origin, isPublic: true) }
    if caller.question == nil { try await memory.refresh() }
    let isPublic = try await memory.isPublic(repository.namespace)
    let decision = decide(A.action, on: repository, for: caller, isPublic: isPublic)
    guard decision.isAllowed else {
      throw AccessDenied(
        answer: answer(A.action, on: repository, to: caller, isPublic: isPublic), action: A.action,
        repository: repository, rule: decision.rule)
    }
    return Permit(
      repository: repository, origin: caller.origin, isPublic: isPublic, question: caller.question)
  }

  /// What somebody is told who may not.
  private func answer(
    _ action: Action, on repository: RepositoryName, to caller: Caller, isPublic: Bool
  ) -> AccessDenied.Answer {
    guard caller.isAuthenticated else { return .authenticate }
    let unlimited = caller.unlimited
    if decide(action, on: repository, for: unlimited, isPublic: isPublic).isAllowed {
      return caller.limits.contains { if case .bearer = $0 { true } else { false } } ? .insufficientScope : .denied
    }
    // Whether a repository that one may not see exists is nobody's business: the answer never depends on it.
    return action == .pull ? .hidden : .denied
  }

  /// Leave to list repositories; those that the caller may not pull from are left out.
  ///
  /// - Throws: ``AccessDenied`` when nobody has shown who they are.
  public func cataloguePermit(for caller: Caller) async throws -> CataloguePermit {
    guard let memory else { return CataloguePermit(origin: caller.origin, namespaces: nil) { _ in true } }
    try await memory.refresh()
    for case .bearer(_, let catalogue) in caller.limits where !catalogue {
      throw AccessDenied(
        answer: caller.isAuthenticated ? .insufficientScope : .authenticate, action: .pull, repository: nil,
        rule: "the token was not asked for registry:catalog:*")
    }
    if !caller.isAuthenticated && caller.limits.isEmpty {
      throw AccessDenied(answer: .authenticate, action: .pull, repository: nil, rule: "nobody showed who they are")
    }
    return try await visible(to: caller, memory)
  }

  /// Which repositories somebody may pull from, as far as their credential goes.
  public func readable(by caller: Caller) async throws -> @Sendable (RepositoryName) -> Bool {
    guard let memory else { return { _ in true } }
    try await memory.refresh()
    let publicNames = Set(try await memory.database.read { try $0.publicNamespaces() })
    return { self.decide(.pull, on: $0, for: caller, isPublic: publicNames.contains($0.namespace)).isAllowed }
  }

  /// What somebody may see, whatever their token was asked for.
  func visible(to caller: Caller) async throws -> CataloguePermit {
    guard let memory else { return CataloguePermit(origin: caller.origin, namespaces: nil) { _ in true } }
    try await memory.refresh()
    return try await visible(to: caller, memory)
  }

  private func visible(to caller: Caller, _ memory: AccessMemory) async throws -> CataloguePermit {
    let publicNames = Set(try await memory.database.read { try $0.publicNamespaces() })
    // A token of the token endpoint names repositories one by one; what is listed is what its holder may see.
    let judged = Caller(
      principal: caller.principal, limits: caller.limits.filter { if case .token = $0 { true } else { false } },
      origin: caller.origin)
    let own: Set<String>?
    switch caller.principal {
    case .everybody: own = nil
    case .anonymous: own = []
    case .account(let account): own = account.siteRole == nil ? Set(account.grants.keys) : nil
    case .federated(let rules): own = Set(rules.map(\.record.namespace))
    }
    return CataloguePermit(origin: caller.origin, namespaces: own.map { $0.union(publicNames).sorted() }) { name in
      self.decide(.pull, on: name, for: judged, isPublic: publicNames.contains(name.namespace)).isAllowed
    }
  }

  // MARK: Decisions

  func decide(
    _ action: Action, on repository: RepositoryName, for caller: Caller, isPublic: Bool
  ) -> Decision {
    let decision = decide(action, on: repository, for: caller.principal, isPublic: isPublic)
    guard decision.isAllowed else { return decision }
    for limit in caller.limits {
      switch limit {
      case .token(let id, let scope):
        guard scope.allows(action, on: repository) else {
          return Decision(isAllowed: false, rule: "token \(id) is not for \(action.rawValue) on \(repository)")
        }
      case .bearer(let granted, _):
        guard granted[repository]?.contains(action) ?? false else {
          return Decision(
            isAllowed: false, rule: "the token was not granted repository:\(repository):\(action.rawValue)")
        }
      }
    }
    return decision
  }

  private func decide(
    _ action: Action, on repository: RepositoryName, for principal: Caller.Principal, isPublic: Bool
  ) -> Decision {
    let namespace = repository.namespace
    let own: Decision?
    let name: String
    switch principal {
    case .everybody: return Decision(isAllowed: true, rule: "open: everybody may do everything")
    case .anonymous: (own, name) = (nil, "anonymous")
    case .account(let account):
      (own, name) = (Self.decide(action, on: repository, for: account, namespace), account.name)
    case .federated(let rules): (own, name) = (Self.decide(action, on: repository, by: rules, namespace), "the job")
    }
    if let own { return own }
    if isPublic && action == .pull { return Decision(isAllowed: true, rule: "namespace \(namespace) is public") }
    return Decision(isAllowed: false, rule: "nothing lets \(name) \(action.rawValue) on \(repository)")
  }

  private static func decide(
    _ action: Action, on repository: RepositoryName, for account: AccountState, _ namespace: String
  ) -> Decision? {
    switch account.siteRole {
    case .admin: return Decision(isAllowed: true, rule: "\(account.name) is a site admin")
    case .auditor where action == .pull:
      return Decision(isAllowed: true, rule: "\(account.name) is a site auditor, who reads everything")
    case .auditor, nil: break
    }
    let least = Role.least(for: action)
    let found = account.grants[namespace]?.filter { $0.role >= least && $0.pattern.matches(repository) }
      .min { $0.id < $1.id }
    guard let grant = found else { return nil }
    let whom = grant.team.map { "team \($0)" } ?? account.name
    return Decision(
      isAllowed: true,
      rule: "grant \(grant.id): \(whom) is \(grant.role.rawValue) on \(shown(grant.pattern, namespace))")
  }

  private static func decide(
    _ action: Action, on repository: RepositoryName, by rules: [TrustRule], _ namespace: String
  ) -> Decision? {
    let least = Role.least(for: action)
    let found = rules.first {
      $0.record.namespace == namespace && $0.role >= least && $0.pattern.matches(repository)
    }
    guard let rule = found else { return nil }
    return Decision(
      isAllowed: true,
      rule:
        "trust rule \(rule.record.namespace)/\(rule.record.name): \(rule.role.rawValue) on \(shown(rule.pattern, namespace))"
    )
  }

  private static func shown(_ pattern: RepositoryPattern, _ namespace: String) -> String {
    pattern.text == "*" ? "all of \(namespace)" : pattern.text
  }

  /// The best role that somebody has on the whole of a namespace; nil is none.
  func role(in namespace: String, of caller: Caller) -> Role? {
    guard !caller.isLimited else { return nil }
    switch caller.principal {
    case .everybody: return .owner
    case .anonymous, .federated: return nil
    case .account(let account):
      if account.siteRole == .admin { return .owner }
      return account.grants[namespace]?.filter { Self.isWhole($0.pattern, namespace) }.map(\.role).max()
    }
  }

  /// Whether a grant is on all repositories of its namespace: it is then on what is not a repository too.
  static func isWhole(_ pattern: RepositoryPattern, _ namespace: String) -> Bool {
    pattern.text == "*" || pattern.text == namespace + "/*"
  }
}
