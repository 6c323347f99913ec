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
  /// When the holder's rows were made, as ``hash(ofMade:)`` has it; nil: the token is of a version that did not say.
  let made: String?
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
    case .account(let account):
      claims.append("berth_account", .integer(account.record.id.value))
      claims.append("berth_made", .string(hash(ofMade: [account.record.createdAt])))
    case .federated(let rules):
      claims.append("berth_rules", .array(rules.map { .integer($0.record.id) }))
      claims.append("berth_made", .string(hash(ofMade: rules.map(\.record.createdAt))))
    }
    if caller.isAuthenticated { claims.append("berth_credential", .string(caller.origin.credential)) }
    if isLogin { claims.append("berth_login", true) }
    if let epoch = caller.bond.epoch { claims.append("berth_epoch", .integer(epoch)) }
    if let token = caller.bond.token { claims.append("berth_token", .string(token)) }
    for case .token(_, let scope) in caller.limits { claims.append("berth_scope", scope.json) }
    return .object(claims)
  }

  /// One text for all moments, of 22 characters: a token of many rules has to fit into the headers that proxies take.
  private static func hash(ofMade moments: [Timestamp]) -> String {
    let bytes = moments.flatMap { moment in withUnsafeBytes(of: moment.microseconds.littleEndian) { Array($0) } }
    return Base64URL.encode(Hashing.sha256(bytes).prefix(16))
  }

  /// Whether the rows that have the numbers of the token's holder are those that it was given to. The number of one that is gone
  /// may be another's where a backup was restored or the registry was moved; that one was made at another time.
  ///
  /// - Parameter moments: when they were made, in the order of ``holder``.
  func isOf(made moments: [Timestamp]) -> Bool { made.map { $0 == Self.hash(ofMade: moments) } ?? true }

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
      guard let account = claim.integer else { throw .malformed }
      holder = .account(AccountID(value: account))
    } else if let claims = claims["berth_rules"]?.array {
      let rules = claims.compactMap(\.integer)
      guard rules.count == claims.count else { throw .malformed }
      holder = .rules(rules)
    } else {
      holder = .anonymous
    }
    made = claims["berth_made"]?.string
    guard made != nil || claims["berth_made"] == nil else { throw .malformed }
    self.actor = actor.isEmpty ? "anonymous" : actor
    credential = claims["berth_credential"]?.string ?? "none"
    bond = Caller.Bond(
      epoch: claims["berth_epoch"]?.integer, token: claims["berth_token"]?.string, endsAt: expiresAt)
    scope = claims["berth_scope"]?.text
    isLogin = claims["berth_login"]?.bool ?? false
  }

  /// Those of the rules that are still good: for a token that was had in exchange, each for its own time.
  func alive(_ all: [TrustRule], now: Timestamp, _ settings: AccessSettings) -> [TrustRule] {
    let rules = all.filter { settings.problem(of: $0) == nil }
    guard isLogin else { return rules }
    return rules.filter { issuedAt + .seconds($0.record.lifetimeSeconds) > now }
  }

  var limits: [Caller.Limit] {
    var limits: [Caller.Limit] = isLogin ? [] : [.bearer(granted, catalogue: catalogue)]
    if let scope { limits.append(.token(id: bond.token ?? Self.exchangedName, TokenScope(stored: scope))) }
    return limits
  }
}

extension Timestamp {
  /// Whole seconds since 1970, as JOSE counts.
  var seconds: Int64 { microseconds / 1_000_000 }
}
