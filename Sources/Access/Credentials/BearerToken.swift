import Ground
import Metadata
import OCI

/// What a token of the token endpoint says, once its signature was found good.
///
/// It tells who asked and with what, and what was asked for and granted. What its holder may is looked up again each time: a
/// grant that was taken away ends at once, not when the token does.
struct BearerToken: Sendable {
  enum Holder: Sendable {
    case anonymous
    case account(AccountID)
    case rules([Int64])
  }

  let holder: Holder
  let actor: String
  let credential: String
  let bond: Caller.Bond
  let scope: String?
  let granted: [RepositoryName: Set<Action>]
  let catalogue: Bool
  /// Had in exchange for a job's own token: good for all that its rules allow, and as a password at the token endpoint.
  let isLogin: Bool
  let issuedAt: Timestamp
  let expiresAt: Timestamp

  /// RFC 9068.
  static let type = "at+jwt"

  // MARK: Making

  static func claims(
    _ caller: Caller, granted: [RepositoryName: Set<Action>], catalogue: Bool, isLogin: Bool = false, service: String,
    id: String, from: Timestamp, until: Timestamp
  ) -> JSONValue {
    var access: [JSONValue] = granted.sorted { $0.key < $1.key }.map { name, actions in
      [
        "type": "repository", "name": .string(name.text),
        "actions": .array(Action.allCases.filter { actions.contains($0) }.map { .string($0.rawValue) }),
      ]
    }
    if catalogue { access.append(["type": "registry", "name": "catalog", "actions": ["*"]]) }
    var claims: JSONObject = [
      "iss": .string(service), "sub": .string(caller.isAuthenticated ? caller.origin.actor : ""),
      "aud": .string(service), "exp": .integer(until.seconds), "nbf": .integer(from.seconds),
      "iat": .integer(from.seconds), "jti": .string(id), "access": .array(access),
    ]
    switch caller.principal {
    case .everybody, .anonymous: break
    case .account(let account): claims.append("berth_account", .integer(account.record.id.value))
    case .federated(let rules): claims.append("berth_rules", .array(rules.map { .integer($0.record.id) }))
    }
    if caller.isAuthenticated { claims.append("berth_credential", .string(caller.origin.credential)) }
    if isLogin { claims.append("berth_login", true) }
    if let epoch = caller.bond.epoch { claims.append("berth_epoch", .integer(epoch)) }
    if let token = caller.bond.token { claims.append("berth_token", .string(token)) }
    for case .token(_, let scope) in caller.limits { claims.append("berth_scope", scope.json) }
    return .object(claims)
  }

  // MARK: Reading

  /// - Throws: ``SignedToken/Problem``.
  init(_ token: SignedToken) throws(SignedToken.Problem) {
    let claims = token.claims
    guard token.type == Self.type else { throw .type }
    guard let actor = claims["sub"]?.string, let expiresAt = token.expiresAt, let issuedAt = token.issuedAt else {
      throw .malformed
    }
    self.expiresAt = expiresAt
    self.issuedAt = issuedAt
    var granted: [RepositoryName: Set<Action>] = [:]
    var catalogue = false
    for entry in claims["access"]?.array ?? [] {
      if entry["type"]?.string == "registry" {
        catalogue = catalogue || entry["name"]?.string == "catalog"
      } else if let name = entry["name"]?.string.flatMap({ try? RepositoryName(parsing: $0) }) {
        let actions = entry["actions"]?.array?.compactMap { $0.string.flatMap { Action(rawValue: $0) } } ?? []
        granted[name, default: []].formUnion(actions)
      }
    }
    self.granted = granted
    self.catalogue = catalogue
    if let account = claims["berth_account"]?.integer {
      holder = .account(AccountID(value: account))
    } else if let rules = claims["berth_rules"]?.array {
      holder = .rules(rules.compactMap(\.integer))
    } else {
      holder = .anonymous
    }
    self.actor = actor.isEmpty ? "anonymous" : actor
    credential = claims["berth_credential"]?.string ?? "none"
    bond = Caller.Bond(
      epoch: claims["berth_epoch"]?.integer, token: claims["berth_token"]?.string, endsAt: expiresAt)
    scope = claims["berth_scope"]?.text
    isLogin = claims["berth_login"]?.bool ?? false
  }

  /// Those of the rules that are still good for a token that was had in exchange: each for its own time.
  func alive(_ rules: [TrustRule], now: Timestamp) -> [TrustRule] {
    guard isLogin else { return rules }
    return rules.filter { issuedAt + .seconds($0.record.lifetimeSeconds) > now }
  }

  var limits: [Caller.Limit] {
    var limits: [Caller.Limit] = isLogin ? [] : [.bearer(granted, catalogue: catalogue)]
    if let scope { limits.append(.token(id: bond.token ?? "", TokenScope(stored: scope))) }
    return limits
  }
}

extension Timestamp {
  /// Whole seconds since 1970, as JOSE counts.
  var seconds: Int64 { microseconds / 1_000_000 }
}
