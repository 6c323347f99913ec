public import Metadata
internal import OCI

/// Whether somebody who agreed to a release before still may, by the rows as a transaction sees them.
public struct Agreement: Sendable {
  /// The most trust rules of a namespace that are looked at.
  private static let ruleLimit = 1000

  private let namespace: String
  private let approvers: [String]

  /// - Parameter approvers: accounts, `team:NAME`, `trust:NAME`; empty: maintainers of the namespace.
  public init(in namespace: String, by approvers: [String]) {
    self.namespace = namespace
    self.approvers = approvers
  }

  /// - Parameter actor: as the record has it.
  /// - Cost: two or three looks into indexes.
  public func stillCounts<R: Reading & ~Copyable>(of actor: String, _ transaction: borrowing R) throws -> Bool {
    guard let account = try transaction.account(named: actor) else { return try isTrusted(actor, transaction) }
    guard !account.isDisabled else { return false }
    if account.siteRole == SiteRole.admin.rawValue { return true }
    guard approvers.isEmpty else {
      let names = try transaction.teamNames(of: account.id).map { "team:\($0)" } + [account.name]
      return names.contains { approvers.contains($0) }
    }
    return try transaction.grants(of: account.id).contains { grant in
      guard grant.namespace == namespace, let role = Role(rawValue: grant.role), role >= .maintainer else {
        return false
      }
      return RepositoryPattern(parsing: grant.pattern).map { Policy.isWhole($0, namespace) } ?? false
    }
  }

  /// A job is known by its issuer and its subject; its rule must be there, and be one of those that may agree.
  private func isTrusted<R: Reading & ~Copyable>(_ actor: String, _ transaction: borrowing R) throws -> Bool {
    try transaction.trustRules(on: namespace, after: "", limit: Self.ruleLimit).contains { rule in
      approvers.contains("trust:\(rule.name)") && actor.hasPrefix(Authenticator.host(ofIssuer: rule.issuer) + ":")
    }
  }
}
