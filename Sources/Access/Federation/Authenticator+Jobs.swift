import Ground
import Metadata
import OCI

// Jobs of CI services, which show the token that their service gave them and store no secret.
extension Authenticator {
  /// Rules of one issuer that are tried.
  static let ruleLimit = 10_000
  /// Rules that one token may be taken by, of one namespace and of all.
  static let matchLimit = 8
  static let totalLimit = 256

  /// A token in the place of a password: one of ours that was had in exchange, or a job's own.
  func jobCaller(
    _ text: String, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    do {
      let token = try SignedToken(parsing: text)
      if token.type == BearerToken.type && token.claims["iss"]?.string == settings.service {
        let caller = try await self.caller(.bearer(text), address: address, requestID: requestID)
        guard try await verified(text).isLogin else {
          throw AuthenticationFailure(
            "this token is good for what it was granted, and not as a password", rule: "a bearer token as a password")
        }
        return caller
      }
      return try await federatedCaller(token, memory, address, requestID)
    } catch let problem as SignedToken.Problem {
      try await refused("", "job", "\(problem)", address, requestID)
      throw AuthenticationFailure("\(problem)", rule: "\(problem)")
    } catch let problem as IssuerDirectory.Unavailable {
      try await refused("", "job", "\(problem)", address, requestID)
      throw AuthenticationFailure(
        "the issuer of the token cannot be reached for the moment; try again", rule: "\(problem)",
        retryAfter: .seconds(5), isUndecided: true)
    }
  }

  /// A job, by a token of its issuer.
  private func federatedCaller(
    _ token: SignedToken, _ memory: AccessMemory, _ address: String, _ requestID: String
  ) async throws -> Caller {
    guard let issuers, let issuer = token.claims["iss"]?.string, settings.jobIssuers.contains(issuer) else {
      throw SignedToken.Problem.issuer
    }
    try token.verify(by: try await issuers.key(token.keyID, of: issuer))
    try token.check(issuer: issuer, audience: nil, now: now, skew: settings.clockSkew)
    let known = try await memory.database.read { try $0.trustRules(of: issuer, limit: Self.ruleLimit) }
    let taking = known.compactMap { TrustRule($0) }.filter { $0.takes(token, service: settings.service) }
    let matching = taking.filter { settings.problem(of: $0) == nil }
    // What one namespace trusts leaves the others theirs.
    var taken: [String: Int] = [:]
    let rules = matching.filter { rule in
      taken[rule.record.namespace, default: 0] += 1
      return taken[rule.record.namespace, default: 0] <= Self.matchLimit
    }.prefix(Self.totalLimit)
    let name = Self.jobName(issuer, token.claims)
    guard !rules.isEmpty else {
      let why = taking.first.flatMap { rule in settings.problem(of: rule).map { "\(rule.name) gives nothing: \($0)" } }
      try await refused(name, "job", why ?? "no trust rule takes its token", address, requestID)
      throw AuthenticationFailure(
        "no trust rule of this registry takes this token: look at its audience, and at the claims that the rule names",
        rule: "no trust rule takes \(name)")
    }
    let origin = Origin(
      actor: name, credential: "job \(Self.jobIdentity(token.claims))", address: address, requestID: requestID)
    note("login", origin, Array(rules))
    return Caller(principal: .federated(Array(rules)), origin: origin)
  }

  /// Records what a job did, for each namespace that it concerns with that namespace's rules alone.
  func note(_ kind: String, _ origin: Origin, _ rules: [TrustRule]) {
    let byNamespace = Dictionary(grouping: rules) { $0.record.namespace }.sorted { $0.key < $1.key }
    for (namespace, rules) in byNamespace {
      let detail: JSONValue = ["rules": .array(rules.map { .string($0.name) })]
      trail?.note(AuditEntry(kind, by: origin, namespace: namespace, target: origin.actor, detail: detail.text))
    }
  }

  /// As it is recorded: the issuer's host and the subject.
  private static func jobName(_ issuer: String, _ claims: JSONObject) -> String {
    "\(host(ofIssuer: issuer)):\(String((claims["sub"]?.string ?? "?").prefix(200)))"
  }

  /// What the name of each of its jobs begins with, before a colon.
  static func host(ofIssuer issuer: String) -> String {
    issuer.split(separator: "/").dropFirst().first.map { String($0) } ?? issuer
  }

  private static func jobIdentity(_ claims: JSONObject) -> String {
    String((claims["jti"]?.string ?? claims["run_id"]?.string ?? claims["job_id"]?.string ?? "?").prefix(64))
  }
}

extension TrustRule {
  var name: String { "\(record.namespace)/\(record.name)" }

  /// Whether a token, which is good, is one that the rule is about: for this registry, and with every claim that it names.
  func takes(_ token: SignedToken, service: String) -> Bool {
    guard token.audiences.contains(record.audience ?? service) else { return false }
    return !claims.isEmpty
      && claims.allSatisfy { claim in
        Self.texts(token.claims[claim.name]).contains { Glob.matches($0, claim.pattern) }
      }
  }

  private static func texts(_ value: JSONValue?) -> [String] {
    switch value {
    case .string(let text): [text]
    case .bool(let bool): [bool ? "true" : "false"]
    case .integer(let number): [String(number)]
    case .array(let elements): elements.compactMap(\.string)
    case .number, .object, .null, nil: []
    }
  }
}
