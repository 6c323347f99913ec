internal import Metadata
internal import NIOCore
internal import OCI

// What policies say of an image that is to be promoted.
extension Registry {
  /// The policies that a promotion is held against: the namespace's own of this repository, and the environment's.
  static func promotionPolicies<R: Reading & ~Copyable>(
    for repository: RepositoryName, to settings: EnvironmentSettings, _ transaction: borrowing R
  ) throws -> [FindingPolicy] {
    let own = PolicyMemory.Rules(
      askedAt: 0, policies: try policies(of: repository.namespace, at: .promotion, transaction))
    return [own.policy(for: repository), settings.policy].compactMap { $0 }
  }

  /// What the policies say of an image; of an index, of each image in it that is here, with what it is for.
  ///
  /// Of an index with more than ``inspectedImageLimit`` images the others are not asked about, as nowhere in the inspection.
  static func verdict<R: Reading & ~Copyable>(
    of digest: Digest, in repository: RepositoryName, by policies: [FindingPolicy], _ transaction: borrowing R
  ) throws -> PolicyVerdict {
    var verdict = PolicyVerdict()
    guard !policies.isEmpty else { return verdict }
    var waiting: [(digest: Digest, platform: String?)] = [(digest, nil)]
    var seen: Set<Digest> = [digest]
    var count = 0
    while count < inspectedImageLimit, let (digest, platform) = waiting.popLast() {
      guard let found = try transaction.manifest(.digest(digest), in: repository, known: nil), let bytes = found.bytes
      else { continue }
      let buffer = ByteBuffer(bytes: bytes)
      if found.mediaType.isIndex {
        let parts = (try? parse(buffer, found.mediaType))?.manifests ?? []
        for part in parts.reversed() where !(part.platform?.isUnknown ?? false) && seen.insert(part.digest).inserted {
          waiting.append((part.digest, part.platform?.comparedText))
        }
        continue
      }
      count += 1
      let facts = try policyFacts(digest, buffer, found.mediaType, in: repository, transaction)
      for policy in policies { verdict.add(PolicyVerdict(policy, facts), of: platform) }
    }
    return verdict
  }
}

extension PolicyVerdict {
  fileprivate mutating func add(_ other: PolicyVerdict, of platform: String?) {
    func named(_ reasons: [PolicyReason], _ known: [PolicyReason]) -> [PolicyReason] {
      reasons.map { reason in
        platform.map { PolicyReason(rule: reason.rule, message: "for \($0), \(reason.message)") } ?? reason
      }.filter { !known.contains($0) }
    }
    blocks += named(other.blocks, blocks)
    warnings += named(other.warnings, blocks + warnings)
  }
}
