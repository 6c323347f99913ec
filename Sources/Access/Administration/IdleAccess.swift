import Metadata

/// What is stored of access and gives nothing, by the configuration as it is. It is refused where it is used, where nobody who
/// could mend it may look.
public struct IdleAccess: Sendable, Equatable {
  /// How many trust rules take no jobs, by namespace.
  public var rules: [String: Int] = [:]
  /// How many memberships of teams do not count, by the provider that told them.
  public var memberships: [String: Int64] = [:]

  public init() {}
}

extension AccessControl {
  /// Rules that are read at once.
  private static let rulePage = 1000

  /// - Cost: reads every trust rule, and counts the members of all teams.
  public func idleAccess() async throws -> IdleAccess {
    let settings = settings
    var idle = IdleAccess()
    var last: Int64 = 0
    while true {
      let position = last
      let rules = try await memory.database.read { try $0.trustRules(after: position, limit: Self.rulePage) }
      for rule in rules where settings.problem(of: rule) != nil { idle.rules[rule.namespace, default: 0] += 1 }
      guard let end = rules.last, rules.count == Self.rulePage else { break }
      last = end.id
    }
    for group in try await memory.database.read({ try $0.membershipCounts() })
    where settings.problem(ofMembershipBy: group.source, issuer: group.issuer) != nil {
      idle.memberships[group.source, default: 0] += group.count
    }
    return idle
  }
}
