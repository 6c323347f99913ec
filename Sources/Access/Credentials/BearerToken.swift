import Ground
import Metadata
import OCI

/// What a token of the token endpoint says, once its signature was found good.
///
/// It tells who asked and with what, and what was asked for and granted. What its holder may is looked up again each time: a
/// grant that was taken away ends at once, not when the token does.
struct BearerToken: Sendable {
  /// A row that the token is of. The number of one that is gone may be given to another where a backup was restored or the
  /// registry was moved; that one was made at another time.
  struct Made: Sendable, Hashable {
    let id: Int64
    let at: Timestamp

    init(_ id: Int64, at: Timestamp) { (self.id, self.at) = (id, at) }

    fileprivate init?(_ claim: JSONValue) {
      guard let parts = claim.array, parts.count == 2, let id = parts[0].integer, let at = parts[1].integer else {
        return nil
      }
      self.init(id, at: Timestamp(microseconds: at))
    }

    fileprivate var claim: JSONValue { [.integer(id), .integer(at.microseconds)] }
  }

  enum Holder: Sendable {
    case anonymous
    case account(Made)
    case rules([Made])
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
  /// What stands for the number of a token in rules of the log, of one that was had in exchange and is kept nowhere.
  static let exchangedName = "that was exchanged"

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
    case .account(let account): claims.append("berth_account", account.made.claim)
    case .federated(let rules): claims.append("berth_rules", .array(rules.map(\.made.claim)))
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
    if let claim = claims["berth_account"] {
      guard let account = Made(claim) else { throw .malformed }
      holder = .account(account)
    } else if let claims = claims["berth_rules"]?.array {
      let rules = claims.compactMap { Made($0) }
      guard rules.count == claims.count else { throw .malformed }
      holder = .rules(rules)
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
    if let scope { limits.append(.token(id: bond.token ?? Self.exchangedName, TokenScope(stored: scope))) }
    return limits
  }
}

extension AccountState {
  var made: BearerToken.Made { BearerToken.Made(record.id.value, at: record.createdAt) }
}

extension TrustRule {
  var made: BearerToken.Made { BearerToken.Made(record.id, at: record.createdAt) }
}

extension Timestamp {
  /// Whole seconds since 1970, as JOSE counts.
  var seconds: Int64 { microseconds / 1_000_000 }
}
