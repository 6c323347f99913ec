public import Ground
import Metadata
public import OCI

/// What the token endpoint answers.
public struct TokenGrant: Sendable {
  public let token: String
  public let lifetime: Duration
  public let issuedAt: Timestamp
  /// To renew the login with; nil: not asked for, or not to be had.
  public let refreshToken: String?
  /// What was granted, in the form of the request.
  public let scope: String
}

// The token endpoint: the Docker token specification, its OAuth2 form, and RFC 8693.
extension AccessControl {
  /// Gives out a token for as much of what is asked as the caller may: less is no error.
  ///
  /// - Parameters:
  ///   - scopes: as they came; nonsense is passed over.
  ///   - wantsRefresh: also give out what renews this login.
  /// - Throws: ``AuthenticationFailure`` for a caller that shows what this gives out: it would be renewed for ever.
  public func grant(_ scopes: [String], to caller: Caller, wantsRefresh: Bool, client: String) async throws
    -> TokenGrant
  {
    guard !caller.showedBearer else {
      throw AuthenticationFailure(
        "this token is good for what it was granted, and is no login", rule: "a bearer token at the token endpoint")
    }
    let requested = RequestedScope.parse(scopes)
    let granted = try await allowed(of: requested, to: caller)
    let catalogue = requested.contains(.catalogue)
    let now = memory.database.now
    let until = min(now + settings.tokenLifetime, caller.bond.endsAt ?? now + settings.tokenLifetime)
    let claims = BearerToken.claims(
      caller, granted: granted, catalogue: catalogue, service: settings.service, id: random.hexadecimal(byteCount: 8),
      from: now, until: until)
    return TokenGrant(
      token: try SignedToken.sign(claims, type: BearerToken.type, by: try keys.signer()), lifetime: until - now,
      issuedAt: now, refreshToken: wantsRefresh ? try await refreshToken(for: caller, client: client) : nil,
      scope: Self.words(granted, catalogue: catalogue))
  }

  /// As much of what is asked of repositories as the caller may.
  private func allowed(
    of requested: [RequestedScope], to caller: Caller
  ) async throws -> [RepositoryName: Set<Action>] {
    var granted: [RepositoryName: Set<Action>] = [:]
    for case .repository(let name, let actions) in requested {
      let isPublic = try await memory.isPublic(name.namespace)
      let allowed = actions.filter { policy.decide($0, on: name, for: caller, isPublic: isPublic).isAllowed }
      if !allowed.isEmpty { granted[name, default: []].formUnion(allowed) }
    }
    return granted
  }

  /// In the form of a request.
  private static func words(_ granted: [RepositoryName: Set<Action>], catalogue: Bool) -> String {
    var words = granted.sorted { $0.key < $1.key }.map { name, actions in
      "repository:\(name):" + Action.allCases.filter { actions.contains($0) }.map(\.rawValue).joined(separator: ",")
    }
    if catalogue { words.append("registry:catalog:*") }
    return words.joined(separator: " ")
  }

  /// Logins that one account may have at a time, of clients and of browsers; the oldest end.
  static let loginLimit = 200

  /// What renews a login without the password: it ends with the password, or with the token that it was had for.
  private func refreshToken(for caller: Caller, client: String) async throws -> String? {
    guard let account = caller.account, !caller.showedBearer, caller.bond.endsAt == nil,
      caller.bond.epoch != nil || caller.bond.token != nil
    else { return nil }
    let secret = SecretToken(.refresh, random: random)
    let id = random.hexadecimal(byteCount: 8)
    var scope: String?
    for case .token(_, let limit) in caller.limits { scope = limit.json.text }
    let limit = scope
    try await memory.database.write { [settings] transaction in
      let record = TokenRecord(
        id: id, account: account.record.id, kind: SecretToken.Kind.refresh.rawValue,
        name: PlainText.cleaned(String(client.prefix(64))),
        scope: limit, parent: caller.bond.token, epoch: caller.bond.epoch,
        expiresAt: transaction.now + settings.refreshLifetime)
      try transaction.insertToken(record, hash: secret.hash)
      try transaction.keepNewestTokens(of: record.account, kind: record.kind, count: Self.loginLimit)
    }
    return secret.text
  }

  /// Who had a refresh token.
  ///
  /// - Throws: ``AuthenticationFailure``.
  public func caller(refreshToken text: String, address: String, requestID: String) async throws -> Caller {
    try await memory.refresh()
    guard let token = SecretToken(parsing: text), token.kind == .refresh,
      let record = try await memory.token(hash: token.hash), authenticator.isGood(record),
      let account = try await memory.account(record.account), authenticator.isGood(account, epoch: record.epoch)
    else {
      try await authenticator.refused("", "refresh token", "no such token, or it has ended", address, requestID)
      throw AuthenticationFailure(AuthenticationFailure.usual, rule: "no such refresh token, or it has ended")
    }
    if let parent = record.parent {
      guard let shown = try await memory.token(id: parent), authenticator.isGood(shown) else {
        try await authenticator.refused(
          account.name, "refresh token", "the token of this login has ended", address, requestID)
        throw AuthenticationFailure(AuthenticationFailure.usual, rule: "the token of this login has ended")
      }
    }
    usage.used(record.id, by: account.record.id, at: memory.database.now)
    let credential = record.parent.map { "token \($0)" } ?? "password"
    return Caller(
      principal: .account(account),
      limits: record.scope.map { [.token(id: record.parent ?? record.id, TokenScope(stored: $0))] } ?? [],
      origin: Origin(actor: account.name, credential: credential, address: address, requestID: requestID),
      bond: Caller.Bond(epoch: record.epoch, token: record.parent))
  }

  /// A job's own token for one of ours, which lasts as long as the rules say, and may be used as a password.
  ///
  /// - Parameter scopes: what ours is for at most, as far as the job may; nil: whatever the job may.
  /// - Source: RFC 8693.
  /// - Throws: ``AuthenticationFailure``.
  public func exchange(
    _ subjectToken: String, for scopes: [RequestedScope]?, address: String, requestID: String
  ) async throws -> TokenGrant {
    let revision = try await memory.refresh()
    try await keys.load(revision: revision)
    // One of ours would be renewed for ever.
    let isOurs = (try? SignedToken(parsing: subjectToken))?.claims["iss"]?.string == settings.service
    let caller = try await authenticator.jobCaller(subjectToken, memory, address, requestID)
    guard !isOurs, case .federated(let rules) = caller.principal else {
      try await authenticator.refused(
        caller.origin.actor, "job", "an exchange of what is not a job's token", address, requestID)
      throw AuthenticationFailure("this is not the token of a job", rule: "an exchange of what is not a job's token")
    }
    let now = memory.database.now
    // Each rule is good for its own time (``BearerToken/issuedAt``): what one namespace says shortens no other's.
    let lifetime = Duration.seconds(rules.map(\.record.lifetimeSeconds).max() ?? 0)
    let granted = try await allowed(of: scopes ?? [], to: caller)
    let limit = scopes.map { _ in Caller.Limit.token(id: BearerToken.exchangedName, TokenScope(granted)) }
    let claims = BearerToken.claims(
      Caller(principal: caller.principal, limits: limit.map { [$0] } ?? [], origin: caller.origin), granted: [:],
      catalogue: true, isLogin: true, service: settings.service,
      id: random.hexadecimal(byteCount: 8), from: now, until: now + lifetime)
    authenticator.note("token.exchange", caller.origin, rules)
    return TokenGrant(
      token: try SignedToken.sign(claims, type: BearerToken.type, by: try keys.signer()), lifetime: lifetime,
      issuedAt: now, refreshToken: nil, scope: Self.words(granted, catalogue: false))
  }

  /// Records that somebody logged in, for a token or in a browser.
  public func noteLogin(_ caller: Caller) {
    guard caller.account != nil, !caller.isLoginNoted else { return }
    trail.note(AuditEntry("login", by: caller.origin, target: caller.origin.actor))
  }

  /// Records that somebody was refused.
  public func noteRefusal(_ denial: AccessDenied, _ caller: Caller) {
    // Clients begin by asking without a credential where to get one, and nobody in particular is not somebody to record.
    guard caller.showedSomething else { return }
    trail.note(
      AuditEntry(
        "refusal", .refused, by: caller.origin, namespace: denial.repository?.namespace,
        target: denial.repository?.text ?? "catalog",
        detail: (["action": .string(denial.action.rawValue), "rule": .string(denial.rule)] as JSONValue).text))
  }

  /// What is kept of the reasons of one refusal, in characters.
  static let reasonLimit = 1000

  /// Records that somebody was refused for another reason than a permit that they lack: an operation of the administration, a
  /// rule about tags, rules of a release.
  ///
  /// - Parameters:
  ///   - rules: the names of the rules that were not met.
  ///   - namespace: whose owners may read of it.
  public func noteRefusal(
    _ reason: String, rules: [String] = [], namespace: String?, target: String, _ caller: Caller
  ) {
    guard caller.showedSomething else { return }
    var detail: JSONObject = ["reason": .string(String(reason.prefix(Self.reasonLimit)))]
    if !rules.isEmpty { detail.append("rules", .array(Set(rules).sorted().map { .string($0) })) }
    trail.note(
      AuditEntry(
        "refusal", .refused, by: caller.origin, namespace: namespace, target: String(target.prefix(200)),
        detail: JSONValue.object(detail).text))
  }

  /// Records that somebody could not sign on.
  public func noteRefusal(_ failure: SignOnFailure, address: String, requestID: String) async throws {
    try await authenticator.refused(failure.account ?? "", "sign-on", failure.cause, address, requestID)
  }

  /// Records that a policy did not give an image out.
  public func noteRefusedPull(_ reference: Reference, _ digest: Digest, reasons: [String], permit: Permit<Pull>) {
    let detail: JSONValue = [
      "reference": .string(reference.description), "digest": .string(digest.description),
      "policy": .array(reasons.map { .string($0) }),
    ]
    trail.note(
      AuditEntry(
        "pull", .refused, by: permit.origin, namespace: permit.repository.namespace, target: "\(permit.repository)",
        detail: detail.text))
  }

  /// Records that an image was given out with a warning of a policy. The same within a second is one record with a count.
  public func noteWarnedPull(_ digest: Digest, reasons: [String], permit: Permit<Pull>) {
    let detail: JSONValue = [
      "digest": .string(digest.description), "policy": .array(reasons.map { .string($0) }),
    ]
    trail.note(
      AuditEntry(
        "policy.warning", by: permit.origin, namespace: permit.repository.namespace, target: "\(permit.repository)",
        detail: detail.text))
  }

  /// Records a pull of what not everybody may pull.
  public func notePull(_ reference: Reference, _ digest: Digest, permit: Permit<Pull>) {
    guard !permit.isPublic else { return }
    trail.note(
      AuditEntry(
        "pull", by: permit.origin, namespace: permit.repository.namespace, target: "\(permit.repository)",
        detail: (["reference": .string(reference.description), "digest": .string(digest.description)] as JSONValue).text
      ))
  }
}
