public import Metadata
internal import OCI

/// Whether somebody who agreed to a release before still may, by the rows as a transaction sees them.
public struct Agreement: Sendable {
  /// The most trust rules of a namespace that are looked at.
  private static let ruleLimit = 1000

  private let namespace: String
  private let approvers: [String]
  private let settings: AccessSettings

  /// - Parameters:
  ///   - actor: who asks, in the namespace that is meant.
  ///   - approvers: accounts, `team:NAME`, `trust:NAME`; empty: people who are maintainers of the namespace.
  public init(asked actor: ReleaseActor, by approvers: [String]) {
    namespace = actor.namespace
    settings = actor.settings
    self.approvers = approvers
  }

  /// - Cost: two or three looks into indexes.
  public func stillCounts<R: Reading & ~Copyable>(_ approval: ReleaseApproval, _ transaction: borrowing R) throws
    -> Bool
  {
    guard approval.rules.isEmpty else { return try isTrusted(approval.rules, transaction) }
    guard let account = try transaction.account(named: approval.actor), !account.isDisabled else { return false }
    if account.siteRole == SiteRole.admin.rawValue { return true }
    let teams = settings.teams(try transaction.memberships(of: account.id), of: account)
    guard approvers.isEmpty else {
      let names = teams.map { "team:\($0)" } + [account.name]
      return names.contains { approvers.contains($0) }
    }
    guard account.kind == "person" else { return false }
    return try transaction.grants(of: account.id).contains { grant in
      guard grant.namespace == namespace, grant.team.map({ teams.contains($0) }) ?? true,
        let role = Role(rawValue: grant.role), role >= .maintainer
      else {
        return false
      }
      return RepositoryPattern(parsing: grant.pattern).map { Policy.isWhole($0, namespace) } ?? false
    }
  }

  /// One of the rules that took the job must be there and still take jobs, and be one of those that may agree.
  private func isTrusted<R: Reading & ~Copyable>(_ rules: Set<String>, _ transaction: borrowing R) throws -> Bool {
    try transaction.trustRules(on: namespace, after: "", limit: Self.ruleLimit).contains { rule in
      rules.contains(rule.name) && approvers.contains("trust:\(rule.name)") && settings.problem(of: rule) == nil
    }
  }

  /// How many these are: jobs that one trust rule takes are one, and so are people and the robots that they made or gave a token.
  ///
  /// - Parameter sides: for each agreement all that stand behind it; see ``ReleaseApproval/behind``.
  public static func count(_ sides: [Set<String>]) -> Int {
    var seen: Set<String> = []
    var count = 0
    // People first, who stand for themselves alone: a robot of two of them takes neither's word away.
    for side in sides.sorted(by: { $0.count < $1.count }) where seen.isDisjoint(with: side) {
      seen.formUnion(side)
      count += 1
    }
    return count
  }
}
