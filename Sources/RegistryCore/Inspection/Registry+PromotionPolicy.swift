internal import Metadata
internal import NIOCore
internal import OCI

/// A policy, and the environment whose own it is; nil: the namespace's.
struct AskedPolicy: Sendable {
  let policy: FindingPolicy
  let environment: Tag?

  init(_ policy: FindingPolicy, of environment: Tag? = nil) {
    self.policy = policy
    self.environment = environment
  }
}

// What policies say of an image that is to be promoted.
extension Registry {
  /// The policies that a promotion is held against: the namespace's own of this repository, and the environment's.
  static func promotionPolicies<R: Reading & ~Copyable>(
    for repository: RepositoryName, to environment: Tag, _ settings: EnvironmentSettings, _ transaction: borrowing R
  ) throws -> [AskedPolicy] {
    let own = PolicyMemory.Rules(
      askedAt: 0, policies: try policies(of: repository.namespace, at: .promotion, transaction))
    let more = settings.policy.flatMap { $0.moments.contains(.promotion) ? AskedPolicy($0, of: environment) : nil }
    return [own.policy(for: repository).map { AskedPolicy($0) }, more].compactMap { $0 }
  }

  /// What the policies say of an image; of an index, of each image in it that is here, with what it is for.
  ///
  /// An index with more in it than is looked at, such as ``inspectedImageLimit`` images, cannot be judged as a whole: that is told
  /// whatever the policies ask, and refused by those that ask for what cannot be judged.
  static func verdict<R: Reading & ~Copyable>(
    of digest: Digest, in repository: RepositoryName, by policies: [AskedPolicy], _ transaction: borrowing R
  ) throws -> PolicyVerdict {
    var verdict = PolicyVerdict()
    guard !policies.isEmpty else { return verdict }
    let left = try eachImage(of: digest, in: repository, transaction) { image in
      guard let found = image.found, let bytes = found.bytes else { return false }
      let facts = try policyFacts(image.digest, ByteBuffer(bytes: bytes), found.mediaType, in: repository, transaction)
      for asked in policies {
        verdict.add(PolicyVerdict(asked.policy, facts), of: image.platform, for: asked.environment)
      }
      return true
    }
    guard let left else { return verdict }
    var facts = PolicyFacts(now: transaction.now)
    let reason = "it cannot be judged as a whole: \(left)"
    facts.unscanned = reason
    for asked in policies { verdict.add(PolicyVerdict(asked.policy, facts), of: nil, for: asked.environment) }
    var told = PolicyVerdict()
    told.warnings = [PolicyReason(rule: "unscanned", message: reason)]
    verdict.add(told, of: nil, for: nil)
    return verdict
  }
}

extension PolicyVerdict {
  /// Joins what a policy says, with the platform and the environment that it is said for; what is said already is not said again.
  mutating func add(_ other: PolicyVerdict, of platform: String?, for environment: Tag?) {
    func told(_ reason: PolicyReason, for whom: String?) -> PolicyReason {
      whom.map { PolicyReason(rule: reason.rule, message: "for \($0), \(reason.message)") } ?? reason
    }
    func named(_ reasons: [PolicyReason], _ known: [PolicyReason]) -> [PolicyReason] {
      reasons.map { told($0, for: platform) }.filter { !known.contains($0) }
        .map { told($0, for: environment.map { "environment \($0)" }) }.filter { !known.contains($0) }
    }
    blocks += named(other.blocks, blocks)
    warnings += named(other.warnings, blocks + warnings)
  }
}
