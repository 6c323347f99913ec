internal import Ground
internal import OCI
import Synchronization

/// What this process remembers of policies, and of what they say of images: so long as a second.
///
/// Everything here may be a second old: rules, advisories and exceptions take effect with the next second's first pull.
final class PolicyMemory: Sendable {
  static let termNanoseconds: Int64 = 1_000_000_000
  static let namespaceLimit = 4096
  static let verdictLimit = 16_384

  /// The policies of a namespace that are asked at a pull.
  struct Rules: Sendable {
    let askedAt: Int64
    let policies: [(pattern: RepositoryPattern, policy: FindingPolicy)]
    /// Those environments whose policy is asked at pulls of what they run.
    var environments: [PullingEnvironment] = []

    /// Whether anything may be asked of pulls from a repository.
    func ask(of repository: RepositoryName) -> Bool {
      policy(for: repository) != nil || environments.contains { $0.settings.covers(repository) }
    }

    /// Of those whose pattern takes the repository, the one that says most.
    func policy(for repository: RepositoryName) -> FindingPolicy? {
      policies.filter { $0.pattern.matches(repository) }.max { $0.pattern.weight < $1.pattern.weight }?.policy
    }
  }

  /// An environment with a policy that is asked at pulls.
  struct PullingEnvironment: Sendable {
    let id: Int64
    let name: Tag
    let settings: EnvironmentSettings
    let policy: FindingPolicy
  }

  private struct Kept: Sendable {
    let askedAt: Int64
    let verdict: PolicyVerdict
  }

  private let rules = BoundedCache<String, Rules>(costLimit: namespaceLimit)
  private let verdicts = BoundedCache<ManifestKey, Kept>(costLimit: verdictLimit)

  func rules(of namespace: String, now: Int64) -> Rules? {
    guard let known = rules.value(for: namespace), known.askedAt > now - Self.termNanoseconds else { return nil }
    return known
  }

  /// A mark to take before the transaction that reads what will be kept: what was forgotten since is not brought back.
  struct Generation: Sendable {
    fileprivate let rules: Int
    fileprivate let verdicts: Int
  }

  var generation: Generation { Generation(rules: rules.generation, verdicts: verdicts.generation) }

  func keep(_ found: Rules, of namespace: String, since generation: Generation) {
    rules.insert(found, for: namespace, cost: 1, since: generation.rules)
  }

  func verdict(_ key: ManifestKey, now: Int64) -> PolicyVerdict? {
    guard let known = verdicts.value(for: key), known.askedAt > now - Self.termNanoseconds else { return nil }
    return known.verdict
  }

  func keep(_ verdict: PolicyVerdict, for key: ManifestKey, askedAt: Int64, since generation: Generation) {
    verdicts.insert(Kept(askedAt: askedAt, verdict: verdict), for: key, cost: 1, since: generation.verdicts)
  }

  /// What a change by this process makes stale: the rules, and what was said by them.
  func forgetRules(of namespace: String) {
    rules.remove(namespace)
    verdicts.removeAll()
  }
}
