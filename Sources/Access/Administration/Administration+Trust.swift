import Ground
public import Metadata
import OCI

// Trust rules: whose jobs get in without a stored secret.
extension Administration {
  public func trustRules(
    on namespace: String, after name: String, limit: Int, by caller: Caller
  ) async throws -> [TrustRuleRecord] {
    try await requireToSee(.maintainer, in: namespace, caller)
    return try await database.read { try $0.trustRules(on: namespace, after: name, limit: limit) }
  }

  /// Why a rule takes no jobs; nil: it takes those that it is about.
  public func problem(of rule: TrustRuleRecord) -> String? { settings.problem(of: rule) }

  /// Claims that every job of an issuer has alike.
  private static let claimsOfAll: Set = ["iss", "aud", "exp", "nbf", "iat", "jti"]
  /// Rules that a namespace may have.
  static let trustLimit = 100

  /// The longest that what a rule gives may last.
  public static let longestTrust: Duration = .seconds(12 * 3600)

  /// Trusts the jobs of an issuer whose tokens have certain claims.
  ///
  /// - Parameters:
  ///   - claims: each a pattern in which `*` stands for any text; at least one says more than that.
  public func makeTrustRule(
    _ name: String, on namespace: String, issuer: String, audience: String?, claims: [(String, String)],
    role roleText: String, pattern patternText: String?, lifetime: Duration, by caller: Caller
  ) async throws {
    try await require(.owner, in: namespace, caller)
    try Self.checkName(name, of: "trust rule")
    let role = try Self.role(roleText)
    guard role <= .maintainer else { throw AdministrationError(.invalid, "a job can be at most maintainer") }
    guard settings.jobIssuers.contains(issuer) else {
      throw AdministrationError(
        .invalid,
        "the operator does not accept tokens of \(issuer.prefix(200)); accepted are \(settings.jobIssuers.joined(separator: ", ")) (access.job_issuers)"
      )
    }
    guard (1...16).contains(claims.count), claims.allSatisfy({ !$0.0.isEmpty && (1...512).contains($0.1.utf8.count) }),
      claims.contains(where: { claim in !Self.claimsOfAll.contains(claim.0) && claim.1.contains { $0 != "*" } })
    else {
      throw AdministrationError(
        .invalid, "name at least one claim that tells your jobs from those of others, such as repository=acme/api")
    }
    if let shared = SharedIssuer.known.first(where: { $0.url == issuer }), !shared.tellsOwner(claims) {
      throw AdministrationError(
        .invalid,
        "everybody has jobs at \(issuer): name whose you mean by \(shared.owners.map(\.claim).joined(separator: ", ")), with no star in the owner, such as \(shared.owners[0].claim)=acme/api"
      )
    }
    guard lifetime >= .seconds(60), lifetime <= Self.longestTrust else {
      throw AdministrationError(.invalid, "what a rule gives lasts from a minute to 12 hours")
    }
    let pattern = try Self.pattern(patternText, in: namespace)
    let claimsText = JSONValue.object(
      JSONObject(claims.sorted { $0.0 < $1.0 }.map { JSONObject.Member(key: $0.0, value: .string($0.1)) })
    ).text
    let making = Making()
    try await change { transaction in
      let rule = TrustRuleRecord(
        namespace: namespace, name: name, issuer: issuer, audience: audience, claims: claimsText,
        pattern: pattern.text, role: role.rawValue, lifetimeSeconds: lifetime.components.seconds,
        createdBy: caller.origin.actor)
      try making.check(try transaction.insertTrustRule(rule), "\(namespace) has a trust rule \(name) already")
      // With it, and after it: one that is there already stands in nobody's way.
      let limit = Self.trustLimit
      guard try transaction.trustRules(on: namespace, after: "", limit: limit + 1).count <= limit else {
        throw AdministrationError(.conflict, "\(namespace) has \(limit) trust rules; remove some first")
      }
      try transaction.record(
        AuditEntry(
          "trust.create", by: caller.origin, namespace: namespace, target: "\(namespace)/\(name)",
          detail: Self.detail(
            ("issuer", .string(issuer)), ("claims", .string(claimsText)), ("role", .string(role.rawValue)),
            ("pattern", .string(pattern.text)))))
    }
  }

  public func deleteTrustRule(_ name: String, on namespace: String, by caller: Caller) async throws {
    try await require(.owner, in: namespace, caller)
    let making = Making()
    try await change { transaction in
      try NamedPeople.forget("trust:\(name)", in: namespace, transaction)
      try making.checkGone(
        try transaction.deleteTrustRule(named: name, on: namespace), "\(namespace) has no trust rule \(name.prefix(80))"
      )
      try transaction.record(
        AuditEntry("trust.delete", by: caller.origin, namespace: namespace, target: "\(namespace)/\(name)"))
    }
  }
}
