public import Ground
public import Metadata
public import OCI

extension Administration {
  /// Which rule lets somebody do something to a repository, or that none does.
  ///
  /// One may ask about oneself; about others who reads everything, or who owns the namespace: about people, and its own robots.
  public func explain(
    _ name: String, _ action: Action, on repository: RepositoryName, by caller: Caller
  ) async throws -> Decision {
    try requireLogin(caller)
    if policy.isOpen { return Decision(isAllowed: true, rule: "open: everybody may do everything") }
    let home = try await requireToAsk(about: name, in: repository.namespace, by: caller)
    try await memory.refresh()
    let isPublic = try await memory.isPublic(repository.namespace)
    func decide(_ principal: Caller.Principal) -> Decision {
      policy.decide(
        action, on: repository, for: Caller(principal: principal, origin: caller.origin), isPublic: isPublic)
    }
    guard name != Origin.anonymous.actor else { return decide(.anonymous) }
    let memory = memory
    let found = try await database.read { transaction -> (own: AccountState, all: AccountState)? in
      guard let record = try transaction.account(named: name) else { return nil }
      guard home == nil || record.namespace == nil || record.namespace == home else { return nil }
      return (try memory.state(of: record, transaction), try memory.state(of: record, countsAll: true, transaction))
    }
    guard let found else { throw AdministrationError(.notFound, "there is no user or robot \(name.prefix(80))") }
    if found.own.record.isDisabled { return Decision(isAllowed: false, rule: "\(name) is disabled") }
    let decision = decide(.account(found.own))
    guard !decision.isAllowed, found.all.teams != found.own.teams else { return decision }
    // Who was in a team by a provider that is none any more would otherwise look in vain for what has changed.
    let missed = decide(.account(found.all))
    guard missed.isAllowed else { return decision }
    let why = try await whyNotInTeams(found.own.record)
    return Decision(isAllowed: false, rule: "\(decision.rule); not by \(missed.rule): \(why)")
  }

  /// In words, for somebody who is in teams by memberships that do not count.
  private func whyNotInTeams(_ account: AccountRecord) async throws -> String {
    let settings = settings
    let problems = try await database.read { try $0.memberships(of: account.id) }.compactMap {
      settings.problem(ofMembershipBy: $0.source, issuer: $0.issuer)
    }
    return Set(problems).sorted().joined(separator: "; ")
  }

  /// - Returns: the namespace whose robots alone are told of, since others' are nobody's business there; nil: all are.
  private func requireToAsk(about name: String, in namespace: String, by caller: Caller) async throws -> String? {
    guard caller.accountName != name else { return nil }
    do {
      try requireSiteReader(caller)
      return nil
    } catch {
      try await require(.owner, in: namespace, caller)
      return namespace
    }
  }

  // MARK: The record

  /// A page of the record. Who does not read everything sees the namespaces that they own, since these were made: what was
  /// recorded of one that had the name before is its owners'.
  public func auditRecords(
    _ filter: AuditFilter, after cursor: Int64, newestFirst: Bool, limit: Int, by caller: Caller
  ) async throws -> [AuditRecord] {
    let wanted = try await readable(filter, by: caller)
    try await trail.flush()
    try await trail.seal()
    return try await database.read {
      try $0.auditRecords(wanted, after: cursor, newestFirst: newestFirst, limit: limit)
    }
  }

  /// The same in the order of the chain, with the place to go on from: past all that was looked at, so that who waits for little
  /// does not have the rest looked at each time.
  public func auditChain(
    _ filter: AuditFilter, after cursor: Int64, limit: Int, by caller: Caller
  ) async throws -> (records: [AuditRecord], next: Int64) {
    let wanted = try await readable(filter, by: caller)
    try await trail.flush()
    try await trail.seal()
    return try await database.read { transaction in
      let found = try transaction.auditRecords(wanted, after: cursor, newestFirst: false, limit: limit)
      if found.count == limit, let last = found.last?.position { return (found, last) }
      return (found, max(cursor, try transaction.auditChainEnd()?.position ?? 0))
    }
  }

  /// A filter for what somebody may read of the record.
  private func readable(_ filter: AuditFilter, by caller: Caller) async throws -> AuditFilter {
    try requireLogin(caller)
    var filter = filter
    do {
      try requireSiteReader(caller)
    } catch {
      guard let namespace = filter.namespace else {
        throw AdministrationError(.denied, "name a namespace that you own, or ask a site auditor")
      }
      try await require(.owner, in: namespace, caller)
      guard let record = try await database.read({ try $0.namespace(namespace) }) else {
        throw Self.noNamespace(namespace, for: caller)
      }
      filter.since = max(filter.since ?? record.createdAt, record.createdAt)
    }
    return filter
  }

  /// From when on somebody may read the record of a namespace: owners since it was made, as ``auditRecords(_:after:newestFirst:limit:by:)``
  /// tells them; nil: they may not.
  public func auditBegin(of namespace: String, by caller: Caller) async throws -> Timestamp? {
    do {
      try await requireToSee(.owner, in: namespace, caller)
    } catch let error as AdministrationError where error.kind == .denied {
      return nil
    }
    do {
      try requireSiteReader(caller)
      return .distantPast
    } catch {
      return try await database.read { try $0.namespace(namespace) }?.createdAt
    }
  }

  public func verifyAudit(expected: [Int64: String], by caller: Caller) async throws -> AuditTrail.Verification {
    try requireSiteReader(caller)
    return try await trail.verify(expected: expected)
  }
}
