import Metadata

// Whose word counts by the configuration, which may have changed since the word was taken down: for the groups of people, and for
// jobs. What does not count stays where it is and gives nothing, so that it is there again with the configuration.
extension AccessSettings {
  /// Where memberships come from that no provider tells of.
  static let sourceOfPeople = "manual"

  /// Why a membership of a team gives nothing; nil: it counts.
  ///
  /// - Parameters:
  ///   - source: who says so: people, or a provider by its name.
  ///   - issuer: who vouches for the member. A provider tells the groups of its own people alone, and its name may have been
  ///     given to another issuer since.
  func problem(ofMembershipBy source: String, issuer: String?) -> String? {
    guard source != Self.sourceOfPeople else { return nil }
    guard let provider = providers.first(where: { $0.name == source }) else {
      return "there is no provider \(source) in access.sign_on any more"
    }
    return provider.issuer == issuer ? nil : "the provider \(source) is another issuer now"
  }

  /// Those of the teams of somebody that count.
  func teams(_ memberships: [TeamMembership], of account: AccountRecord) -> Set<String> {
    Set(
      memberships.filter { problem(ofMembershipBy: $0.source, issuer: account.issuer) == nil }.map(\.team))
  }

  /// Why a trust rule takes no jobs; nil: it takes those that it is about.
  func problem(of rule: TrustRule) -> String? {
    if rule.takesEverybody {
      return "it names no owner, and everybody has jobs at its issuer: make it anew with one"
    }
    guard jobIssuers.contains(rule.record.issuer) else {
      return "the operator does not accept its issuer any more (access.job_issuers)"
    }
    return nil
  }

  /// The same of one that may be stored as no rule of this version is.
  func problem(of record: TrustRuleRecord) -> String? {
    guard let rule = TrustRule(record) else { return "this version cannot read it: make it anew" }
    return problem(of: rule)
  }
}
